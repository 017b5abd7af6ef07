import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';
import { gatherFor } from './indices.ts';

/** The gradient of a table of which few rows were read: those rows. */
export interface RowGradient {
  /** int32 [n] rows of the table; they may repeat, and then their gradients add up. */
  ids: tf.Tensor1D;
  /** [n, D] */
  rows: tf.Tensor2D;
}

/** What {@link rowGrads} returns. */
export interface RowGradients {
  /** The loss. */
  value: tf.Scalar;
  /** Gradients of what is read whole, as `tf.variableGrads` returns them. */
  grads: tf.NamedTensorMap;
  /** Gradients of the tables, by the variables' names. */
  rows: Record<string, RowGradient>;
}

interface Recording {
  /** Joins what is read by rows to the tape, without the table. */
  anchor: tf.Scalar;
  found: Map<tf.Tensor, RowGradient[]>;
}

let recording: Recording | undefined;

/**
 * `tf.variableGrads` that leaves the gradients of some tables as rows and ids (PyTorch's `sparse=True` of an
 * embedding): nothing as large as a table is made. Inside `f` the tables may only be read by `embedding`.
 *
 * @param f - Computes the loss, [].
 * @param variables - Differentiated as usual; tables among them are taken out.
 * @param tables - [V, D] each.
 * @throws Error naming a table that `f` also reads whole.
 */
export function rowGrads(
  f: () => tf.Scalar,
  variables: readonly tf.Variable[],
  tables: readonly tf.Variable[],
): RowGradients {
  const outer = recording;
  const own: Recording = {
    anchor: tf.scalar(0),
    found: new Map(tables.map((table): [tf.Tensor, RowGradient[]] => [table, []])),
  };
  const dense = variables.filter((variable) => !own.found.has(variable));
  const { value, grads } = tf.engine().gradients(
    () => {
      recording = own;
      try {
        return f();
      } finally {
        recording = outer;
      }
    },
    [...dense, ...tables, own.anchor],
    undefined,
    true,
  ) as { value: tf.Scalar; grads: (tf.Tensor | null)[] };
  const named: tf.NamedTensorMap = {};
  dense.forEach((variable, i) => {
    const gradient = grads[i];
    if (gradient) named[variable.name] = gradient;
  });
  const rows: RowGradients['rows'] = {};
  tables.forEach((table, i) => {
    if (grads[dense.length + i])
      throw new Error(
        `rowGrads: the table '${table.name}' must be read by embedding alone to have a gradient of rows, but the ` +
          'loss also reads it whole',
      );
    const parts = own.found.get(table)!;
    if (parts.length === 0) return;
    const join = <T extends tf.Tensor>(pick: (part: RowGradient) => T): T =>
      parts.length === 1 ? tf.clone(pick(parts[0]!)) : tf.concat(parts.map(pick));
    rows[table.name] = { ids: join((part) => part.ids), rows: join((part) => part.rows) };
    tf.dispose(parts.flatMap((part) => [part.ids, part.rows]));
  });
  own.anchor.dispose();
  return { value, grads: named, rows };
}

/** Rows of a table whose gradient is being recorded as rows; undefined for all others. [n, D] */
export function recordedRows(table: tf.Tensor, ids: tf.Tensor1D): tf.Tensor | undefined {
  const found = recording?.found.get(table);
  if (!found) return undefined;
  return customGradient([recording!.anchor], (_, save) => {
    save([ids]);
    return {
      value: gatherFor('embedding', table, ids),
      gradient: (dy, [saved]) => {
        // Kept beyond the scope of the differentiation.
        found.push({
          ids: tf.keep(tf.clone(saved as tf.Tensor1D)),
          rows: tf.keep(tf.clone(dy as tf.Tensor2D)),
        });
        return [tf.zeros([])];
      },
    };
  });
}

import { tf } from '../tfjs.js';
import { registerSparseElsewhere } from '../kernels/sparseElsewhere.ts';
import { customGradient } from './customGradient.ts';

/** A sparse matrix on the host, in compressed rows. Letters: R rows, C columns, E entries. */
export interface SparseEntries {
  /** [R, C] */
  shape: readonly [number, number];
  /** Row r's entries are `starts[r]..starts[r + 1]`. Int32 [R + 1]. */
  starts: Int32Array;
  /** Column of each entry, ascending within a row, each once. Int32 [E]. */
  columns: Int32Array;
  /** [E] */
  values: Float32Array;
}

/** Rows of a sparse matrix as tensors. */
interface Rows {
  readonly starts: tf.Tensor1D;
  readonly columns: tf.Tensor1D;
  readonly values: tf.Tensor1D;
}

/**
 * A sparse matrix to multiply with, and its transpose for gradients. It belongs to whoever made it:
 * {@link disposeSparse}.
 */
export interface SparseMatrix {
  /** [R, C] */
  readonly shape: readonly [number, number];
  /** In compressed rows. */
  readonly rows: Rows;
  /** The transpose in compressed rows; the same tensors where the matrix is symmetric. */
  readonly transposed: Rows;
  /** Which entry of the matrix each entry of the transpose is. Int32 [E]. */
  readonly order: tf.Tensor1D;
  /** Whether the values are another's than the matrix was made with, see {@link withValues}. */
  readonly fresh: boolean;
}

function checkEntries({ shape: [R, C], starts, columns, values }: SparseEntries): void {
  const E = columns.length;
  if (starts.length !== R + 1 || starts[0] !== 0 || starts[R] !== E || values.length !== E)
    throw new RangeError(
      `sparseMatrix: a matrix [${R}, ${C}] needs ${R + 1} starts from 0 to the number of its entries, got ` +
        `${starts.length} for ${E} columns and ${values.length} values`,
    );
  for (let r = 0; r < R; r++)
    for (let e = starts[r]!; e < starts[r + 1]!; e++)
      if (!(columns[e]! < C) || columns[e]! <= (e > starts[r]! ? columns[e - 1]! : -1))
        throw new RangeError(
          `sparseMatrix: columns must ascend within a row and be in [0, ${C}), got ${columns[e]!} at entry ${e} ` +
            `of row ${r}`,
        );
}

/** The transpose by counting, and which entry each of its entries is. */
function transpose({
  shape: [R, C],
  starts,
  columns,
  values,
}: SparseEntries): SparseEntries & { order: Int32Array } {
  const counts = new Int32Array(C + 1);
  for (const column of columns) counts[column + 1]!++;
  for (let c = 0; c < C; c++) counts[c + 1]! += counts[c]!;
  const next = counts.slice();
  const rows = new Int32Array(columns.length);
  const order = new Int32Array(columns.length);
  for (let r = 0; r < R; r++)
    for (let e = starts[r]!; e < starts[r + 1]!; e++) {
      const at = next[columns[e]!]!++;
      rows[at] = r;
      order[at] = e;
    }
  return {
    shape: [C, R],
    starts: counts,
    columns: rows,
    values: Float32Array.from(order, (e) => values[e]!),
    order,
  };
}

const equal = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/**
 * A sparse matrix for {@link sparseMatMul} and {@link sparsePolynomial}. The transpose is made at once, by counting.
 *
 * @param entries - The matrix; its arrays must not change afterwards.
 * @throws RangeError for columns outside, repeated or not ascending.
 */
export function sparseMatrix(entries: SparseEntries): SparseMatrix {
  checkEntries(entries);
  const tensors = ({ starts, columns, values }: SparseEntries): Rows => ({
    starts: tf.tensor1d(starts, 'int32'),
    columns: tf.tensor1d(columns, 'int32'),
    values: tf.tensor1d(values, 'float32'),
  });
  const back = transpose(entries);
  const rows = tensors(entries);
  const isSymmetric =
    equal(back.starts, entries.starts) &&
    equal(back.columns, entries.columns) &&
    equal(back.values, entries.values);
  return {
    shape: entries.shape,
    rows,
    transposed: isSymmetric ? rows : tensors(back),
    order: tf.tensor1d(back.order, 'int32'),
    fresh: false,
  };
}

/** Frees a matrix. */
export function disposeSparse({ rows, transposed, order }: SparseMatrix): void {
  for (const each of [rows, transposed]) tf.dispose([each.starts, each.columns, each.values]);
  order.dispose();
}

/**
 * The same matrix with other values, such as those of edges that are dropped in a step set to 0: nothing is compiled
 * anew. An entry whose value is 0 is none, on every backend: what it would be multiplied with is not read, so that NaN
 * or an infinity there does not pass a dropped edge. In the values of {@link sparseMatrix} a 0 counts as a number.
 *
 * @param values - [E], in the order of the matrix's entries. Not differentiated by.
 */
export function withValues(matrix: SparseMatrix, values: tf.Tensor1D): SparseMatrix {
  if (values.size !== matrix.rows.values.size)
    throw new Error(
      `withValues: the matrix has ${matrix.rows.values.size} entries, got ${values.size} values`,
    );
  return {
    ...matrix,
    rows: { ...matrix.rows, values },
    transposed: { ...matrix.transposed, values: tf.gather(values, matrix.order) },
    fresh: true,
  };
}

/**
 * `A x` of a sparse and a dense matrix, exact and the same bits at every run, whatever the number of threads; the
 * gradient is the product with the transpose.
 *
 * @param matrix - A, [R, C].
 * @param x - [C, D]
 * @returns [R, D]
 */
export function sparseMatMul(matrix: SparseMatrix, x: tf.Tensor): tf.Tensor2D {
  return sparsePolynomial(matrix, x, [0, 1]);
}

/**
 * `Σ_k weights[k] A^k x`, by Horner's rule in one call: what a graph convolution without weights of its own computes
 * (LightGCN: all weights 1 / (K + 1)). Where only some rows are wanted the last product, and in the gradient the first,
 * read only their entries.
 *
 * @param matrix - A, [R, R]; [R, C] if only the first power counts.
 * @param x - [C, D]
 * @param weights - Of A^0, A^1, …; a power of weight 0 is left out, but the last.
 * @param rows - int32 [n] rows of the result that are wanted, each in [0, R), any number of times. Default all.
 * @returns [R, D], or [n, D].
 * @throws RangeError naming a row outside [0, R), when it runs.
 */
export function sparsePolynomial(
  matrix: SparseMatrix,
  x: tf.Tensor,
  weights: readonly number[],
  rows?: tf.Tensor1D,
): tf.Tensor2D {
  const [R, C] = matrix.shape;
  const square = weights.some((weight, k) => k !== 1 && weight !== 0);
  if (weights.length === 0 || x.rank !== 2 || x.shape[0] !== C || (square && R !== C))
    throw new Error(
      `sparsePolynomial: a matrix [${R}, ${C}] needs x [${C}, D]${square ? ', equal sizes' : ''} and at least ` +
        `one weight, got [${x.shape.join(', ')}] and ${weights.length} weights`,
    );
  registerSparseElsewhere();
  const { rows: direct, transposed: back, fresh } = matrix;
  const attributes = { weights: [...weights], fresh };
  const run = (name: string, inputs: Record<string, tf.Tensor>, count: number): tf.Tensor =>
    tf.engine().runKernel<tf.Tensor>(name, inputs, { ...attributes, count });
  const { starts, columns, values } = direct;
  const backwards = { backStarts: back.starts, backColumns: back.columns, backValues: back.values };
  return customGradient([x], ([given], save) => {
    save([starts, columns, values, ...Object.values(backwards), ...(rows ? [rows] : [])]);
    const inputs = { starts, columns, values, x: given! };
    return {
      value: rows
        ? run('SparsePolynomial', { ...inputs, rows }, rows.size)
        : run('SparsePolynomial', inputs, R),
      gradient: (dy, [s, c, v, bs, bc, bv, ids]) =>
        ids
          ? [
              run(
                'SparsePolynomialOfRows',
                {
                  starts: s!,
                  columns: c!,
                  values: v!,
                  backStarts: bs!,
                  backColumns: bc!,
                  backValues: bv!,
                  x: dy,
                  rows: ids,
                },
                C,
              ),
            ]
          : [run('SparsePolynomial', { starts: bs!, columns: bc!, values: bv!, x: dy }, C)],
    };
  }) as tf.Tensor2D;
}

import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';
import { HalfTable } from './halfTable.ts';
import { gatherFor, sumRows } from './indices.ts';
import { recordedRows } from './rowGradients.ts';

/**
 * Rows of a table: `table[ids]`. The gradient adds the rows of dy that share an id, in order, so that it is exact and
 * the same at every run, on every backend (tfjs's wasm backend has no segment sum: there it is a product with one-hot
 * rows).
 *
 * Inside `rowGrads` the gradient of its tables stays a list of rows.
 *
 * @param table - [V, D]; packed, it has no gradient.
 * @param ids - int32 of any shape, each in [0, V).
 * @returns [...ids.shape, D]
 * @throws RangeError naming an id outside [0, V), when it runs.
 */
export function embedding(table: tf.Tensor | HalfTable, ids: tf.Tensor): tf.Tensor {
  const [count, width] = table.shape;
  if (table.shape.length !== 2 || ids.dtype !== 'int32')
    throw new Error(
      `embedding: table must be [V, D] and ids int32, got [${table.shape.join(', ')}] and ids ${ids.dtype}`,
    );
  const flat = tf.reshape<tf.Rank.R1>(ids, [-1]);
  if (table instanceof HalfTable) return tf.reshape(table.rows(flat), [...ids.shape, width!]);
  const recorded = recordedRows(table, flat);
  if (recorded) return tf.reshape(recorded, [...ids.shape, width!]);
  const rows = customGradient([table], ([values], save) => {
    // Ids made inside the differentiated function would be gone by the time the gradient reads them.
    save([flat]);
    return {
      value: gatherFor('embedding', values!, flat),
      gradient: (dy, [saved]) => [sumOfRows('embedding', dy, saved as tf.Tensor1D, count)],
    };
  });
  return tf.reshape(rows, [...ids.shape, width!]);
}

/**
 * Adds the rows that share an id, in order (tfjs's wasm backend has no segment sum: there it is a product with one-hot
 * rows).
 *
 * @param of - The operation that an error names.
 * @param rows - [n, D]
 * @param ids - int32 [n], each in [0, count).
 * @returns [count, D]
 */
export function sumOfRows(of: string, rows: tf.Tensor, ids: tf.Tensor1D, count: number): tf.Tensor {
  return tf.getBackend() === 'wasm'
    ? tf.matMul(tf.cast(tf.oneHot(ids, count), 'float32'), rows, true)
    : sumRows(of, rows, ids, count);
}

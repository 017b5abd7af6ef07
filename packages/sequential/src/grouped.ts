/**
 * Groups of rows as one tensor and back: whatever works row by row runs over all groups at once, only attention is done
 * group by group.
 */
import { embedding, tf } from '@ferry/engine';

/** Tensors one after the other along their first axis. */
export function joinRows(parts: readonly tf.Tensor[]): tf.Tensor {
  return parts.length === 1 ? parts[0]! : tf.concat([...parts]);
}

/**
 * Undoes {@link joinRows} of [..., D] tensors as rows: gives them their leading shapes back. By a split, whose gradient
 * is one concatenation; that of slices would pad each to the whole and add them up.
 *
 * @param rows - [R, D]
 * @param shapes - Leading shapes, whose sizes sum to R.
 * @returns [...shape, D] of each.
 */
export function splitRows(rows: tf.Tensor, shapes: readonly number[][]): tf.Tensor[] {
  const width = rows.shape[1]!;
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const parts = sizes.length === 1 ? [rows] : tf.split(rows, sizes, 0);
  return parts.map((part, i) => tf.reshape(part, [...shapes[i]!, width]));
}

/**
 * Rows of a table for several id tensors: one gather, and so one scatter in the gradient.
 *
 * @param table - [V, D]
 * @param ids - int32 of any shapes.
 * @returns [...ids.shape, D] of each.
 */
export function embedGroups(table: tf.Tensor, ids: readonly tf.Tensor[]): tf.Tensor[] {
  if (ids.length === 1) return [embedding(table, ids[0]!)];
  const rows = embedding(table, tf.concat(ids.map((x) => tf.reshape(x, [-1]))));
  return splitRows(
    rows,
    ids.map(({ shape }) => shape),
  );
}

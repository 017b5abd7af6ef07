import { softmaxCrossEntropy, tf } from '@ferry/engine';
import { type LossOptions, masked } from './losses.ts';

/** Options of {@link infoNce}. */
export interface InfoNceOptions extends LossOptions {
  /**
   * [B, B], bool or float: 1 where column j is no negative of row i, because both mean the same item (see
   * {@link sameItems}). The diagonal is always kept. Default every other row is a negative.
   */
  sameMask?: tf.Tensor;
}

/** A logit that takes a column out of the softmax: its weight beside any other is exactly 0. */
const OUT = -1e9;

/**
 * InfoNCE in one direction (van den Oord et al. 2018, eq. 4): row i of b is the positive of row i of a, the other rows
 * its negatives, `-log(exp(a_i·b_i / τ) / Σ_j exp(a_i·b_j / τ))`. Vectors are used as they are: normalise them first
 * for cosines. UniSRec's and VQ-Rec's code set the logits of same items to 0 and so count them as `exp(0)`; here they
 * leave the sum.
 *
 * @param a - [B, D]
 * @param b - [B, D]
 * @param temperature - τ, a number or a scalar tensor (which may be learned).
 * @param options - `sameMask`, and a mask [B]: rows that do not count are no negatives either.
 * @returns [B]
 */
export function infoNce(
  a: tf.Tensor,
  b: tf.Tensor,
  temperature: number | tf.Tensor,
  options: InfoNceOptions = {},
): tf.Tensor1D {
  const [B, D] = a.shape as [number, number];
  if (a.rank !== 2 || b.rank !== 2 || b.shape[0] !== B || b.shape[1] !== D)
    throw new Error(
      `infoNce: a and b must both be [B, D], got [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`,
    );
  const { sameMask, mask } = options;
  // Rows that do not count may hold NaN, and 0 times NaN would reach the gradients of all others.
  const [left, right] = [a, b].map((x) => (mask ? masked('infoNce', x, rowsOf(mask, x)) : x)) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const logits = tf.div(tf.matMul(left, right, false, true), temperature);
  const rows = range(B);
  const absent = mask ? tf.reshape(tf.sub(1, tf.cast(mask, 'float32')), [1, B]) : undefined;
  const same = sameMask ? tf.cast(sameMask, 'float32') : undefined;
  if (same && (same.rank !== 2 || same.shape[0] !== B || same.shape[1] !== B))
    throw new Error(`infoNce: sameMask must be [${B}, ${B}], got [${same.shape.join(', ')}]`);
  const out = absent && same ? tf.maximum(absent, same) : (absent ?? same);
  const kept = out ? takeOut(logits, out, oneHot(rows, B), OUT) : logits;
  return softmaxCrossEntropy(kept, rows, 0, mask);
}

/**
 * Which rows mean the same item: 1 where ids are equal.
 *
 * @param ids - int32 [B]
 * @returns float32 [B, B]
 */
export function sameItems(ids: tf.Tensor): tf.Tensor2D {
  const B = ids.size;
  return tf.cast(tf.equal<tf.Tensor2D>(tf.reshape(ids, [B, 1]), tf.reshape(ids, [1, B])), 'float32');
}

/** Options of {@link inBatchSoftmax}. */
export interface InBatchOptions extends LossOptions {
  /**
   * Shape [C]; log of each column's sampling probability, subtracted from its scores, the positive's too (logQ
   * correction).
   */
  logPopularity?: tf.Tensor;
  /** [C], bool or float: 1 where a column holds padding and is no negative of any row. */
  padding?: tf.Tensor;
  /**
   * [G, C], bool or float, G dividing R: 1 where a column is no negative of the rows of group g, which are rows
   * g R/G to (g + 1) R/G - 1 (see {@link inBatchExclusions}). A row's own target is always kept.
   */
  excluded?: tf.Tensor;
}

/** The logit IDvs.MoRec gives to columns that are no negatives. */
const EXCLUDED = -1e4;

/**
 * Softmax cross-entropy over the items of the batch, corrected for how often they appear in batches (Yi et al. 2019,
 * eq. 3 and 5), with the masks of IDvs.MoRec's in-batch loss: `z = score - log p` for all columns; padding and excluded
 * columns get -1e4, but for the row's target.
 *
 * @param scores - [R, C]: rows are positions of the sequences, columns the batch's items, duplicates included.
 * @param targets - int32 [R]: the column of each row's target.
 * @param options - Popularity, exclusions, mask [R].
 * @returns [R]
 */
export function inBatchSoftmax(
  scores: tf.Tensor,
  targets: tf.Tensor,
  options: InBatchOptions = {},
): tf.Tensor1D {
  const { logPopularity, padding, excluded, mask } = options;
  const [R, C] = scores.shape as [number, number];
  for (const [name, vector] of Object.entries({ logPopularity, padding }))
    if (vector && (vector.rank !== 1 || vector.size !== C))
      throw new Error(`inBatchSoftmax: ${name} must be [${C}], got [${vector.shape.join(', ')}]`);
  const groups = excluded?.shape[0] ?? 1;
  if (excluded && (excluded.rank !== 2 || excluded.shape[1] !== C || R % groups !== 0))
    throw new Error(
      `inBatchSoftmax: excluded must be [G, ${C}] with G dividing ${R}, got [${excluded.shape.join(', ')}]`,
    );
  const z = logPopularity ? tf.sub(scores, tf.reshape(logPopularity, [1, C])) : scores;
  const pads = padding ? tf.reshape(tf.cast(padding, 'float32'), [1, C]) : undefined;
  const clicks = excluded ? tf.cast(excluded, 'float32') : undefined;
  const out = pads && clicks ? tf.maximum(pads, clicks) : (pads ?? clicks);
  if (!out) return softmaxCrossEntropy(z, targets, 0, mask);
  // [R, C] as [G, R / G, C]: all rows of a group share their exclusions.
  const shape: [number, number, number] = [groups, R / groups, C];
  const kept = takeOut(
    tf.reshape(z, shape),
    tf.reshape(out, [groups, 1, C]),
    tf.reshape(oneHot(targets, C), shape),
    EXCLUDED,
  );
  return softmaxCrossEntropy(tf.reshape(kept, [R, C]), targets, 0, mask);
}

/**
 * For {@link inBatchSoftmax}, on the host: which of the batch's items each sequence contains.
 *
 * @param items - G * S item ids, the items of each of G sequences (padding included), which are also the columns: C = G
 *   S.
 * @param sequences - G
 * @returns G * C numbers, row-major: 1 where column c's item occurs in sequence g.
 */
export function inBatchExclusions(items: Int32Array, sequences: number): Uint8Array {
  const columns = items.length;
  if (!Number.isInteger(sequences) || sequences < 1 || columns % sequences !== 0)
    throw new Error(`inBatchExclusions: sequences must divide the ${columns} items, got ${sequences}`);
  const length = columns / sequences;
  const excluded = new Uint8Array(sequences * columns);
  for (let g = 0; g < sequences; g++) {
    const own = new Set(items.subarray(g * length, (g + 1) * length));
    for (let c = 0; c < columns; c++) if (own.has(items[c]!)) excluded[g * columns + c] = 1;
  }
  return excluded;
}

/** Logits with `value` where `out` is set and `kept` is not; no gradient flows there. */
function takeOut(logits: tf.Tensor, out: tf.Tensor, kept: tf.Tensor, value: number): tf.Tensor {
  const gone = tf.cast(tf.mul(out, tf.sub(1, kept)), 'bool');
  return tf.where(gone, tf.scalar(value), logits);
}

/** A mask of rows [B] as one of entries. */
function rowsOf(mask: tf.Tensor, like: tf.Tensor): tf.Tensor {
  return tf.broadcastTo(tf.reshape(tf.cast(mask, 'float32'), [-1, 1]), like.shape);
}

function range(count: number): tf.Tensor1D {
  return tf.tensor1d(
    Int32Array.from({ length: count }, (_, i) => i),
    'int32',
  );
}

function oneHot(columns: tf.Tensor, count: number): tf.Tensor2D {
  const all = tf.reshape(range(count), [1, count]);
  return tf.cast(tf.equal<tf.Tensor2D>(all, tf.reshape(columns, [-1, 1])), 'float32');
}

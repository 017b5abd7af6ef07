import { compile, rowCounts, tf, type Compiled } from '@ferry/engine';

/**
 * Where each row's target stands, as a tensor function for use inside a compiled ranking step: only 2B numbers leave the
 * graph. Counts as {@link scorePlaces} does; column 0 (padding) is ignored.
 *
 * @param scores - float32 [B,N+1].
 * @param targets - int32 [B], 1..N.
 * @param masked - int32 [B,X] items that are not candidates, 0 = none; without repeats and without the target
 * (see {@link exclusionLists}).
 * @returns float32 [2,B]: candidates with a higher score, and others with the same; NaN for a row that holds a score that
 * is not a number.
 */
export function targetPlaces(scores: tf.Tensor2D, targets: tf.Tensor1D, masked?: tf.Tensor2D): tf.Tensor2D {
  const [B, columns] = scores.shape;
  const flat = tf.reshape(scores, [B * columns]);
  const starts = tf.tensor1d(
    Int32Array.from({ length: B }, (_, b) => b * columns),
    'int32',
  );
  const own = tf.reshape<tf.Rank.R2>(tf.gather(flat, tf.add<tf.Tensor1D>(starts, targets)), [B, 1]); // [B,1]
  const padding = tf.slice(scores, [0, 0], [B, 1]); // [B,1]

  let excluded: tf.Tensor2D | undefined; // [B,X]
  let counts: tf.Tensor | undefined; // [B,X] 1 where a masked item stands
  if (masked) {
    const X = masked.shape[1];
    const at = tf.add(tf.reshape(starts, [B, 1]), masked);
    excluded = tf.reshape(tf.gather(flat, tf.reshape(at, [B * X])), [B, X]);
    counts = tf.cast(tf.greater(masked, tf.scalar(0, 'int32')), 'float32');
  }

  /** What is not to be counted of each kind, [3, B]. */
  const number = (found: tf.Tensor): tf.Tensor => tf.cast(found, 'float32');
  const apart = [tf.greater, tf.equal, tf.less].map((compare) => {
    const row = tf.reshape(number(compare(padding, own)), [B]);
    return excluded && counts ? tf.add(row, tf.sum(tf.mul(number(compare(excluded, own)), counts), 1)) : row;
  });
  const [greater, equal, less] = tf.unstack(tf.sub(rowCounts(scores, own), tf.stack(apart))) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];

  // A score that is not a number is neither greater, equal nor less: then the three do not sum to the candidates.
  const candidates = counts ? tf.sub(columns - 1, tf.sum(counts, 1)) : tf.scalar(columns - 1);
  const complete = tf.equal(tf.add(tf.add(greater, equal), less), candidates);
  const bad = tf.fill([B], NaN);
  return tf.stack([
    tf.where(complete, greater, bad),
    tf.where(complete, tf.sub(equal, 1), bad),
  ]) as tf.Tensor2D;
}

const compiled = new Map<string, Compiled<typeof targetPlaces>>();

/** {@link targetPlaces} compiled for the present backend, for score tensors that an evaluation is given. */
export function compiledPlaces(): Compiled<typeof targetPlaces> {
  const backend = tf.getBackend();
  const known = compiled.get(backend);
  if (known) return known;
  const made = compile(targetPlaces, { name: 'evaluation.targetPlaces' });
  compiled.set(backend, made);
  return made;
}

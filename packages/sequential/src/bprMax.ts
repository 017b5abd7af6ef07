import { tf } from '@ferry/engine';

/**
 * A logit that takes a negative out of the softmax: its exponential is 0 in float32, and it is finite in every backend.
 */
const OUT = -1e9;

/**
 * BPR-max of each row (Hidasi and Karatzoglou 2018, eq. 11 and 12): with `s = softmax(r)` over a row's negatives,
 * `-log W + λ Q`, `W = Σ_j s_j σ(p - r_j)`, `Q = Σ_j s_j r_j²`.
 *
 * Its gradient is written down, `s_j (1 - σ_j² / W + λ (r_j (r_j + 2) - Q))` by r_j and `-Σ_j s_j σ_j (1 - σ_j) / W` by
 * p: a third of the passes over [R, C] that differentiating it takes.
 *
 * @param positive - [R], p: the score of each row's target.
 * @param negatives - [R, C], r.
 * @param excluded - bool [R, C], 1 where a column is no negative of a row: it leaves both sums. At least one must be
 *   left.
 * @param regulariser - λ
 * @returns [R]
 */
export function bprMax(
  positive: tf.Tensor,
  negatives: tf.Tensor,
  excluded: tf.Tensor,
  regulariser: number,
): tf.Tensor1D {
  const R = positive.size;
  const operation = tf.customGrad((...args: unknown[]) => {
    const [p, r, save] = args as [tf.Tensor, tf.Tensor, (tensors: tf.Tensor[]) => void];
    const shares = tf.softmax(tf.where(excluded, tf.scalar(OUT), r));
    const wins = tf.sigmoid(tf.sub(p, r));
    const won = tf.add(tf.sum(tf.mul(shares, wins), 1, true), 1e-24);
    const squares = tf.sum(tf.mul(shares, tf.square(r)), 1, true);
    save([r, shares, wins, won, squares]);
    const value = tf.reshape(tf.sub(tf.mul(squares, regulariser), tf.log(won)), [R]);
    return {
      value,
      gradFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => {
        const [scores, s, w, total, mean] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const d = tf.reshape(Array.isArray(dy) ? dy[0]! : dy, [R, 1]);
        const square = tf.div(tf.square(w), total);
        // Σ_j s_j σ_j = W, so that the other sum is all the gradient by p needs.
        const dPositive = tf.mul(d, tf.sub(tf.sum(tf.mul(s, square), 1, true), 1));
        const rows = tf.sub(1, tf.mul(mean, regulariser));
        const bent = tf.mul(tf.mul(scores, tf.add(scores, 2)), regulariser);
        const dNegatives = tf.mul(tf.mul(s, d), tf.add(tf.sub(bent, square), rows));
        return [dPositive, dNegatives];
      },
    };
  });
  return operation(tf.reshape(positive, [R, 1]), negatives) as tf.Tensor1D;
}

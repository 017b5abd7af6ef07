import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';
import { gatherFor } from './indices.ts';
import { rowMaxima } from './rowMaxima.ts';

/**
 * Softmax cross-entropy of integer labels, per row: `-Σ_c q_c log softmax(logits)_c` with
 * `q = (1 - labelSmoothing) onehot(label) + labelSmoothing / C`. The gradient is `softmax(logits) - q`.
 * Entries of -Infinity are allowed without label smoothing, unless they are the label's.
 *
 * @param logits - [R, C]
 * @param labels - [R] int32, each in [0, C).
 * @param labelSmoothing - In [0, 1).
 * @param mask - [R], bool or float: where it is 0 neither logits nor label are looked at; loss and gradient are 0.
 * @returns [R]
 * @throws RangeError naming a label outside [0, C), when it runs.
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  labelSmoothing = 0,
  mask?: tf.Tensor,
): tf.Tensor1D {
  const [rows, classes] = logits.shape;
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== rows || labels.dtype !== 'int32')
    throw new Error(
      `softmaxCrossEntropy: logits must be [R, C] and labels [R] int32, got [${logits.shape.join(', ')}] and ` +
        `[${labels.shape.join(', ')}] ${labels.dtype}`,
    );
  if (mask && (mask.rank !== 1 || mask.shape[0] !== rows))
    throw new Error(`softmaxCrossEntropy: mask must be [${rows}], got [${mask.shape.join(', ')}]`);
  return customGradient([logits], ([given], save) => {
    const seen = mask && tf.cast(mask, 'bool');
    // A row that does not count may hold anything, which 0 times it would not make 0.
    const scores = seen ? tf.where(tf.reshape(seen, [rows, 1]), given!, tf.zerosLike(given!)) : given!;
    const wanted = seen ? tf.mul(labels, tf.cast(seen, 'int32')) : labels;
    const peak = rowMaxima(scores);
    const exponents = tf.exp(tf.sub(scores, peak));
    const total = tf.sum(exponents, -1, true);
    const logTotal = tf.reshape(tf.add(tf.log(total), peak), [rows]);
    const picked = gatherFor('softmaxCrossEntropy', scores, wanted, 1);
    const target =
      labelSmoothing === 0
        ? picked
        : tf.add(tf.mul(picked, 1 - labelSmoothing), tf.mul(tf.mean(scores, -1), labelSmoothing));
    const loss = tf.sub(logTotal, target);
    // Labels made inside the differentiated function would be gone by the time the gradient reads them.
    save([tf.div(exponents, total), wanted, ...(seen ? [seen] : [])]);
    return {
      value: seen ? tf.where(seen, loss, tf.zerosLike(loss)) : loss,
      gradient: (dy, [probabilities, savedLabels, savedMask]) => {
        const columns = tf.reshape(tf.range(0, classes!, 1, 'int32'), [1, classes!]);
        const onehot = tf.cast(tf.equal(columns, tf.reshape(savedLabels!, [rows, 1])), 'float32');
        const share =
          labelSmoothing === 0
            ? onehot
            : tf.add(tf.mul(onehot, 1 - labelSmoothing), labelSmoothing / classes!);
        const own = savedMask ? tf.where(savedMask, dy, tf.zerosLike(dy)) : dy;
        return [tf.mul(tf.sub(probabilities!, share), tf.reshape(own, [rows, 1]))];
      },
    };
  }) as tf.Tensor1D;
}

import * as tf from '@tensorflow/tfjs';
import { customGradient } from './customGradient.ts';

/**
 * Softmax cross-entropy of integer labels, per row: `-Σ_c q_c log softmax(logits)_c` with
 * `q = (1 - labelSmoothing) onehot(label) + labelSmoothing / C`. The gradient is `softmax(logits) - q`.
 * Entries of -Infinity are allowed without label smoothing, unless they are the label's.
 *
 * @param logits - [R, C]
 * @param labels - [R] int32, each in [0, C).
 * @param labelSmoothing - In [0, 1).
 * @returns [R]
 */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor, labelSmoothing = 0): tf.Tensor1D {
  const [rows, classes] = logits.shape;
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== rows || labels.dtype !== 'int32')
    throw new Error(
      `softmaxCrossEntropy: logits must be [R, C] and labels [R] int32, got [${logits.shape.join(', ')}] and ` +
        `[${labels.shape.join(', ')}] ${labels.dtype}`,
    );
  return customGradient([logits], ([scores], save) => {
    const peak = tf.max(scores!, -1, true);
    const exponents = tf.exp(tf.sub(scores!, peak));
    const total = tf.sum(exponents, -1, true);
    const columns = tf.reshape(tf.range(0, classes!, 1, 'int32'), [1, classes!]);
    const target = tf.cast(tf.equal(columns, tf.reshape(labels, [rows, 1])), 'float32');
    const logTotal = tf.reshape(tf.add(tf.log(total), peak), [rows]);
    const picked = tf.sum(tf.where(tf.cast(target, 'bool'), scores!, tf.zerosLike(scores!)), -1);
    const mean = labelSmoothing === 0 ? tf.scalar(0) : tf.mean(scores!, -1);
    save([tf.div(exponents, total), target]);
    return {
      value: tf.sub(logTotal, tf.add(tf.mul(picked, 1 - labelSmoothing), tf.mul(mean, labelSmoothing))),
      gradient: (dy, [probabilities, onehot]) => {
        const smooth =
          labelSmoothing === 0
            ? onehot!
            : tf.add(tf.mul(onehot!, 1 - labelSmoothing), labelSmoothing / classes!);
        return [tf.mul(tf.sub(probabilities!, smooth), tf.reshape(dy, [rows, 1]))];
      },
    };
  }) as tf.Tensor1D;
}

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
    const logTotal = tf.reshape(tf.add(tf.log(total), peak), [rows]);
    const offsets = tf.range(0, rows * classes!, Math.max(classes!, 1), 'int32');
    const picked = tf.gather(tf.reshape(scores!, [-1]), tf.add(labels, offsets));
    const target =
      labelSmoothing === 0
        ? picked
        : tf.add(tf.mul(picked, 1 - labelSmoothing), tf.mul(tf.mean(scores!, -1), labelSmoothing));
    // Labels made inside the differentiated function would be gone by the time the gradient reads them.
    save([tf.div(exponents, total), labels]);
    return {
      value: tf.sub(logTotal, target),
      gradient: (dy, [probabilities, wantedLabels]) => {
        const columns = tf.reshape(tf.range(0, classes!, 1, 'int32'), [1, classes!]);
        const onehot = tf.cast(tf.equal(columns, tf.reshape(wantedLabels!, [rows, 1])), 'float32');
        const wanted =
          labelSmoothing === 0
            ? onehot
            : tf.add(tf.mul(onehot, 1 - labelSmoothing), labelSmoothing / classes!);
        return [tf.mul(tf.sub(probabilities!, wanted), tf.reshape(dy, [rows, 1]))];
      },
    };
  }) as tf.Tensor1D;
}

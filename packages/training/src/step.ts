import { randomKey, type RandomStream, tf } from '@ferry/engine';
import type { Optimizer } from '@ferry/nn';

/**
 * One update inside a compiled step: differentiates, moves the weights, returns the terms of the loss.
 *
 * @param weights - What to train.
 * @param optimizer - Moves them.
 * @param objective - The loss and what to report, each [].
 * @returns The reported terms side by side, float32 [terms].
 */
export function updateWeights(
  weights: ReadonlyMap<string, tf.Variable>,
  optimizer: Optimizer,
  objective: () => { loss: tf.Scalar; report: tf.Scalar[] },
): tf.Tensor {
  const kept: tf.Tensor[] = [];
  const { value, grads } = tf.variableGrads(() => {
    const { loss, report } = objective();
    // Only what is kept outlives the scope of the differentiation.
    kept.push(tf.keep(tf.stack(report)));
    return loss;
  }, [...weights.values()]);
  optimizer.apply(grads);
  const report = tf.clone(kept[0]!);
  tf.dispose([...kept, value]);
  return report;
}

/** Advances the optimiser, runs a compiled step with the step's key and reads its terms. */
export async function runStep(
  random: RandomStream,
  number: number,
  optimizer: Optimizer,
  run: (key: tf.Tensor) => tf.Tensor,
): Promise<Float32Array> {
  optimizer.advance(number);
  const key = randomKey(random.split('dropout'), number);
  const terms = run(key);
  key.dispose();
  const values = (await terms.data()) as Float32Array;
  terms.dispose();
  return values;
}

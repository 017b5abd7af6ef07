import { randomKey, type RandomStream, rowGrads, tf } from '@ferry/engine';
import type { Optimizer } from '@ferry/nn';

/**
 * One update inside a compiled step: differentiates, moves the weights, returns the terms of the loss.
 *
 * @param weights - What to train.
 * @param optimizer - Moves them.
 * @param objective - The loss and what to report, each [].
 * @param tables - Those of the weights, by name, that are `lazy` tables of the optimiser.
 * @returns The reported terms side by side, float32 [terms].
 */
export function updateWeights(
  weights: ReadonlyMap<string, tf.Variable>,
  optimizer: Optimizer,
  objective: () => { loss: tf.Scalar; report: tf.Scalar[] },
  tables: readonly string[] = [],
): tf.Tensor {
  const kept: tf.Tensor[] = [];
  const lossOf = (): tf.Scalar => {
    const { loss, report } = objective();
    // Only what is kept outlives the scope of the differentiation.
    kept.push(tf.keep(tf.stack(report)));
    return loss;
  };
  const all = [...weights.values()];
  const byRows = tables.map((name) => weights.get(name)!);
  const { value, grads, rows } =
    byRows.length > 0 ? rowGrads(lossOf, all, byRows) : { ...tf.variableGrads(lossOf, all), rows: {} };
  optimizer.apply(grads, rows);
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

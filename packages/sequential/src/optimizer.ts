import type { tf } from '@ferry/engine';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '@ferry/nn';

/** Numbers of Adam that a training may set; defaults as spec 5: learning rate 1e-3, no decay, no clipping. */
export type OptimizerSettings = Partial<
  Pick<OptimizerOptions, 'learningRate' | 'weightDecay' | 'clipNorm' | 'schedule'>
>;

/** An optimiser with the settings; nn's wants no undefined keys interpreted. */
export function optimizerFor(
  settings: OptimizerSettings,
  weights: ReadonlyMap<string, tf.Variable>,
): Optimizer {
  const { learningRate, weightDecay = 0, clipNorm, schedule } = settings;
  return createOptimizer(
    { kind: weightDecay > 0 ? 'adamw' : 'adam', learningRate, weightDecay, clipNorm, schedule },
    weights,
  );
}

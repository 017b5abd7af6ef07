import type { tf } from '@ferry/engine';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '@ferry/nn';

/** Numbers of Adam that a training may set; defaults: learning rate 1e-3, no decay, no clipping. */
export type OptimizerSettings = Partial<
  Pick<OptimizerOptions, 'learningRate' | 'weightDecay' | 'noDecay' | 'clipNorm' | 'schedule' | 'groups'>
>;

/** Adam with these settings, or AdamW where weights decay. */
export function optimizerFor(
  settings: OptimizerSettings,
  weights: ReadonlyMap<string, tf.Variable>,
): Optimizer {
  const { learningRate, weightDecay = 0, groups, ...rest } = settings;
  const { noDecay, clipNorm, schedule } = rest;
  const decays = weightDecay > 0 || (groups ?? []).some((group) => (group.weightDecay ?? 0) > 0);
  return createOptimizer(
    {
      kind: decays ? 'adamw' : 'adam',
      ...{ learningRate, weightDecay, noDecay, clipNorm, schedule, groups },
    },
    weights,
  );
}

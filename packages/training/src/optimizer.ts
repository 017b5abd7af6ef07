import type { tf } from '@ferry/engine';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '@ferry/nn';

/** Numbers of Adam that a training may set; defaults: learning rate 1e-3, β .9 and .999, no decay, no clipping. */
export type OptimizerSettings = Partial<
  Pick<
    OptimizerOptions,
    | 'learningRate'
    | 'beta1'
    | 'beta2'
    | 'weightDecay'
    | 'noDecay'
    | 'clipNorm'
    | 'schedule'
    | 'groups'
    | 'lazy'
  >
>;

/** Adam with these settings, or AdamW where weights decay. */
export function optimizerFor(
  settings: OptimizerSettings,
  weights: ReadonlyMap<string, tf.Variable>,
): Optimizer {
  // Named one by one: callers hand over all settings of a training, of which these are a part.
  const { learningRate, beta1, beta2, weightDecay = 0 } = settings;
  const { noDecay, clipNorm, schedule, groups = [], lazy } = settings;
  const decays = [weightDecay, ...groups.map((group) => group.weightDecay ?? 0)].some((decay) => decay > 0);
  const kind = decays ? 'adamw' : 'adam';
  const rest = { learningRate, beta1, beta2, weightDecay, noDecay, clipNorm, schedule, groups, lazy };
  return createOptimizer({ kind, ...rest }, weights);
}

/** A training step of an encoder by itself: the mean square of its vectors, AdamW on what is trained. */
import { createEncoder, encoderTower, type ItemContent, type Tuning } from '@ferry/encoders';
import { compile, RandomStream, tf } from '@ferry/engine';
import { createOptimizer, flattenParameters } from '@ferry/nn';
import type { EncoderSize } from './encoderSizes.ts';
import type { Side } from './turns.ts';

/** What is trained. */
export interface StepOptions {
  /** Default all. */
  readonly tuning?: Tuning;
  /** Whether what the frozen layers give is computed before, once. Default false. */
  readonly kept?: boolean;
}

/** Steps on one batch; `now` is in milliseconds. */
export async function encoderStep(
  { config, inputs }: EncoderSize,
  now: () => number,
  { tuning = 'all', kept = false }: StepOptions = {},
): Promise<Side> {
  const random = RandomStream.fromSeed(1);
  const encoder = createEncoder(config, random, { pooling: 'cls' });
  const tower = encoderTower(encoder, { tuning }, random);
  const all = flattenParameters(tower.parameters);
  const trained = new Map(tower.trained.map((name) => [name, all.get(name)!]));
  const optimizer = createOptimizer({ kind: 'adamw', learningRate: 1e-5, weightDecay: 0.01 }, trained);
  const step = compile((given: Record<string, tf.Tensor>) => {
    const loss = (): tf.Scalar => tf.mean(tf.square(tower.vectors(tower.parameters, given)));
    const { value, grads } = tf.variableGrads(loss, [...trained.values()]);
    optimizer.apply(grads);
    return value;
  });
  let given = inputs();
  if (kept) {
    const items = Object.entries(given).map(([name, one]) => [
      name,
      { shape: one.shape, data: one.dataSync() },
    ]);
    const content = await tower.content(Object.fromEntries(items) as ItemContent);
    tf.dispose(given);
    given = Object.fromEntries(
      Object.entries(content).map(([name, one]) => {
        if (!('data' in one)) throw new Error(`${name} must be in memory`);
        const type = one.data instanceof Int32Array ? 'int32' : 'float32';
        return [name, tf.tensor(one.data, [...one.shape], type)];
      }),
    );
  }
  let done = 0;
  return {
    run: (steps) => {
      const seconds = Array.from({ length: steps }, () => {
        const start = now();
        optimizer.advance(done++);
        const loss = step(given);
        loss.dataSync();
        loss.dispose();
        return (now() - start) / 1000;
      });
      return Promise.resolve(seconds);
    },
    end: () => {
      step.dispose();
      optimizer.dispose();
      encoder.dispose();
      tf.dispose(given);
    },
  };
}

import { randomKey, tf, RandomStream } from '@ferry/engine';
import { runTraining } from '../src/index.ts';
import type { StateArray, TrainableModel, TrainingOptions, TrainingResult } from '../src/index.ts';

/** Rows of a tiny regression, 0-based. */
export type TinyBatch = Int32Array;

/** What can be made to happen in a {@link tinyModel}. */
export interface TinyOptions {
  /** Batches of an epoch: 4 rows each. */
  batches?: number;
  /** Called before each step with the steps completed. */
  onStep?: (step: number) => void | Promise<void>;
  /** Replaces the loss that is returned. */
  loss?: (step: number, loss: number) => number;
  /** Replaces the validation metric; gets the evaluations before it. */
  metric?: (count: number) => number;
  /** Without an evaluation. */
  blind?: boolean;
}

const width = 5;

/**
 * A linear regression with momentum, noise on its inputs, and a buffer that each epoch recomputes from the weights and
 * that the loss reads: whatever a resume forgets, the losses tell.
 */
export function tinyModel(options: TinyOptions = {}): TrainableModel<TinyBatch> {
  const count = (options.batches ?? 6) * 4;
  const data = RandomStream.fromSeed(7).split('data');
  const inputs = Float32Array.from({ length: count * width }, () => data.normal());
  const truth = [1, -2, 3, 0.5, -1];
  const targets = Float32Array.from({ length: count }, (_, row) =>
    truth.reduce((sum, w, i) => sum + w * inputs[row * width + i]!, 0),
  );
  const weight = tf.variable(tf.zeros([width]), true);
  const velocity = tf.variable(tf.zeros([width]), false);
  let centre: StateArray = { data: new Float32Array(width), shape: [width] };
  let lookup: StateArray = { data: new Int32Array(3), shape: [3] };
  let evaluations = 0;

  const model: TrainableModel<TinyBatch> = {
    parameters: () => new Map([['weight', weight]]),
    optimizerState: () => new Map([['velocity.weight', velocity]]),
    buffers: () =>
      new Map([
        ['centre', centre],
        ['lookup', lookup],
      ]),
    restoreBuffers(buffers) {
      centre = buffers.get('centre')!;
      lookup = buffers.get('lookup')!;
    },
    async beforeEpoch(epoch, random) {
      const values = (await weight.data()) as Float32Array;
      centre = { data: values.map((v) => v * (0.9 + 0.1 * random.uniform())), shape: [width] };
      lookup = { data: Int32Array.from([epoch, random.integer(100), 3]), shape: [3] };
    },
    *batches(_epoch, random) {
      const order = random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
      for (let i = 0; i < count; i += 4) yield order.slice(i, i + 4);
    },
    batchCount: () => count / 4,
    async trainStep(rows, { step, random }) {
      const wait = options.onStep?.(step);
      if (wait) await wait;
      const key = randomKey(random, step);
      const [seed] = key.dataSync();
      key.dispose();
      const noise = random.split('noise', step);
      const loss = tf.tidy(() => {
        const x = tf.tensor2d(
          Float32Array.from(
            { length: 4 * width },
            (_, i) => inputs[rows[Math.floor(i / width)]! * width + (i % width)]! + 0.01 * noise.normal(),
          ),
          [4, width],
        );
        const y = tf.tensor1d(Float32Array.from(rows, (row) => targets[row]!));
        const c = tf.tensor1d(centre.data as Float32Array);
        const { value, grads } = tf.variableGrads(() => {
          const error = tf.sub(tf.dot(x, weight), y);
          return tf.add(tf.mean(tf.square(error)), tf.mul(0.05, tf.sum(tf.square(tf.sub(weight, c)))));
        }, [weight]);
        velocity.assign(tf.add(tf.mul(0.9, velocity), grads[weight.name]!));
        weight.assign(tf.sub(weight, tf.mul(0.01, velocity)));
        return value.dataSync()[0]!;
      });
      return {
        loss: options.loss?.(step, loss) ?? loss,
        examples: 4,
        scalars: { key: seed!, lookup: lookup.data[1]! },
      };
    },
    counts: () => ({ trainable: width }),
  };
  if (!options.blind)
    model.evaluate = async (split) => {
      const values = await weight.data();
      const error = truth.reduce((sum, w, i) => sum + Math.abs(w - values[i]!), 0);
      const value = split === 'valid' && options.metric ? options.metric(evaluations) : 1 / (1 + error);
      evaluations++;
      return { 'NDCG@10': value, 'recall@10': split === 'valid' ? value / 2 : error };
    };
  return model;
}

/** The job that the tests run: 4 epochs of 6 steps, a checkpoint after every fourth step and every epoch. */
export function trainTiny(
  directory: string,
  tiny: TinyOptions = {},
  options: Partial<TrainingOptions<TinyBatch>> = {},
): Promise<TrainingResult> {
  return runTraining({
    directory,
    recipe: { name: 'tiny', width: 5 },
    seed: 2020,
    epochs: 4,
    checkpointEvery: 4,
    logEvery: 2,
    resumeCommand: 'ferry resume here',
    output: null,
    model: options.model ?? tinyModel(tiny),
    ...options,
  });
}

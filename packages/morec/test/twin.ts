/**
 * What the tests against PyTorch twins share: fixtures of tools/parity, and the loss and gradients of an objective for
 * inputs made by hand.
 */
import { readFileSync } from 'node:fs';
import { compile, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import type { FeedGroup, ModelTypes, Objective, Recommender, Step } from '@ferry/sequential';
import { expect } from 'vitest';

/** A float32 tensor of a fixture. */
export interface Encoded {
  shape: number[];
  float32: string;
}

/** A loss of the twin, and its gradients by the names of Ferry's weights. */
export interface LossCase {
  loss: number;
  gradients: Record<string, Encoded>;
}

/** A fixture of this package. */
export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8'));
}

/** Values of a tensor of a fixture. */
export function floats({ float32 }: Encoded): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(float32, 'base64')).buffer);
}

/** Compares relatively to the largest value. */
export function close(got: ArrayLike<number>, want: ArrayLike<number>, what: string, bound = 1e-5): void {
  expect(got.length, what).toBe(want.length);
  const largest = Array.from(want).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
  const worst = Array.from(want).reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
  expect(worst / largest, what).toBeLessThan(bound);
}

/** Gives a recommender the twin's weights; both must have the same names. */
export function loadWeights<T extends ModelTypes>(
  recommender: Recommender<T>,
  weights: Record<string, Encoded>,
): void {
  const own = recommender.weights();
  for (const [name, variable] of own)
    tf.tidy(() => {
      expect(Object.keys(weights), name).toContain(name);
      variable.assign(tf.tensor(floats(weights[name]!), variable.shape));
    });
}

/** A step without dropout. */
export function stepOf<T extends ModelTypes>({ parameters: p, options }: Recommender<T>): Step<T> {
  return { p, options, held: {}, random: undefined };
}

/** Compares the loss of an objective, and the gradients of all weights that are trained, with the twin's. */
export function expectLoss<T extends ModelTypes>(
  recommender: Recommender<T>,
  objective: Objective<T>,
  given: object,
  want: LossCase,
  trained: (name: string) => boolean = () => true,
): void {
  const { model, parameters: p, catalogue } = recommender;
  const variables = [...flattenParameters(p).values()];
  const run = compile(
    (inputs: object) => {
      const own = stepOf(recommender);
      return tf.variableGrads(() => {
        const items = model.items(own, catalogue.inputs);
        const step = { ...own, model, count: catalogue.items, inputs: catalogue.inputs, items: () => items };
        return objective.loss(step, inputs).loss;
      }, variables);
    },
    { name: `${model.name}.parity` },
  );
  const { value, grads } = run(given);
  close(value.dataSync(), [want.loss], 'loss');
  for (const [name, variable] of flattenParameters(p))
    if (trained(name)) close(grads[variable.name]!.dataSync(), floats(want.gradients[name]!), name, 1e-4);
  run.dispose();
}

/** Histories as groups of these sizes, in their order, each padded to its longest. */
export function groupsOf(histories: readonly (readonly number[])[], sizes: readonly number[]): FeedGroup[] {
  let from = 0;
  return sizes.map((size) => {
    const own = histories.slice(from, (from += size));
    const length = Math.max(1, ...own.map((history) => history.length));
    const history = new Int32Array(size * length);
    own.forEach((row, b) => {
      history.set(row, b * length);
    });
    return { length, history, lengths: Int32Array.from(own, (row) => row.length) };
  });
}

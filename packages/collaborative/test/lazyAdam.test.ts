import { RandomStream, selectBackend } from '@ferry/engine';
import { beforeAll, expect, it } from 'vitest';
import {
  bprMf,
  createUserItemRecommender,
  createUserItemTraining,
  interactionsOf,
  lightGcn,
} from '../src/index.ts';
import { N, world } from './world.ts';

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
});

const interactions = interactionsOf(world.training, N);
const triples = [
  { users: [1, 3, 5, 1], positives: [0, 2, 4, 2], negatives: [1, 3, 5, 3] },
  { users: [3, 7, 9, 7], positives: [2, 6, 8, 6], negatives: [3, 9, 11, 1] },
].map(({ users, positives, negatives }) => ({
  users: Int32Array.from(users),
  positives: Int32Array.from(positives),
  negatives: Int32Array.from(negatives),
}));

/** Weights after each step, at first those before; by name, as rows. */
async function weightsAfter(optimizer: 'adam' | 'lazy-adam'): Promise<Record<string, number[][]>[]> {
  const options = bprMf.options.parse({ factors: 4, itemBias: true, penalty: 0.01 }) as object;
  const data = { interactions, features: {} };
  const recommender = createUserItemRecommender(bprMf, { options, data, seed: 1 });
  const training = createUserItemTraining({
    recommender,
    domain: world,
    objective: { optimizer },
    learningRate: 0.1,
  });
  const read = (): Record<string, number[][]> =>
    Object.fromEntries(
      [...recommender.weights()].map(([name, weight]) => [name, weight.arraySync() as number[][]]),
    );
  const found = [read()];
  for (const [step, batch] of triples.entries()) {
    await training.trainStep(batch, { epoch: 0, step, random: RandomStream.fromSeed(1) });
    found.push(read());
  }
  training.dispose();
  recommender.dispose();
  return found;
}

/** Rows of a table that are others than before. */
const moved = (before: number[][], after: number[][]): number[] =>
  [...before.keys()].filter((row) => before[row]!.some((value, i) => value !== after[row]![i]));

it('moves the rows that a step read, and no others', async () => {
  const [dense, lazy] = [await weightsAfter('adam'), await weightsAfter('lazy-adam')];
  const readIn = (step: number, names: readonly ('users' | 'positives' | 'negatives')[]): number[] =>
    [...new Set(names.flatMap((name) => [...triples[step]![name]]))].sort((a, b) => a - b);
  for (const step of [0, 1]) {
    const of = (all: Record<string, number[][]>[], name: string): number[] =>
      moved(all[step]![name]!, all[step + 1]![name]!);
    expect(of(lazy, 'users.weight')).toEqual(readIn(step, ['users']));
    for (const table of ['items.weight', 'bias'])
      expect(of(lazy, table)).toEqual(readIn(step, ['positives', 'negatives']));
    // Adam moves what was read before by what its moments hold.
    if (step === 1) expect(of(dense, 'users.weight')).toEqual([1, 3, 5, 7, 9]);
  }
  // From moments of zero both are one but for where epsilon is added, and rows read at both steps tell them apart no more.
  for (const name of Object.keys(lazy[1]!))
    for (const [row, values] of lazy[1]![name]!.entries())
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(dense[1]![name]![row]![i]!, 3);
});

it('is offered where tables are read by their rows alone', () => {
  const settings = { optimizer: 'lazy-adam' };
  expect(bprMf.objectives['bpr']!.options.parse(settings)).toMatchObject(settings);
  expect(() => lightGcn.objectives['bpr']!.options.parse(settings)).toThrow(/optimizer/);
});

import { RandomStream, selectBackend } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { ease, itemKnn, userKnn, type FittedModel, type Interactions } from '../src/index.ts';

/** a took 0 and 1, b 0, 1 and 2, c 2; nobody took 3. */
const interactions: Interactions = {
  users: 3,
  items: 4,
  starts: Int32Array.of(0, 2, 5, 6),
  columns: Int32Array.of(0, 1, 0, 1, 2, 2),
};
const data = { interactions, features: {} };

/** Scores of every user, worked out by a model. */
async function scoresOf<O extends object, S extends object>(
  model: FittedModel<O, S>,
  settings: object,
): Promise<number[][]> {
  const options = model.options.parse(settings) as O;
  const state = await model.fit(options, data, RandomStream.fromSeed(1));
  const out = new Float32Array(3 * 5);
  model.scorer(options, data, state).scores(Int32Array.of(0, 1, 2), out);
  return [0, 1, 2].map((user) => Array.from(out.slice(user * 5 + 1, user * 5 + 5)));
}

/** Equal to six digits: scores are float32. */
const closeTo = (rows: number[][]): unknown[] =>
  rows.map((row) => row.map((value) => expect.closeTo(value, 6) as number));

beforeAll(() => selectBackend('cpu'));

describe('scores of fitted models, worked out by hand', () => {
  // cos(a, b) = 2 / √6, cos(b, c) = 1 / √3, cos(a, c) = 0: the nearest of a is b, of b a, of c b.
  const [ab, bc] = [2 / Math.sqrt(6), 1 / Math.sqrt(3)];

  it('UserKNN sums over the nearest of a user, or over those who have the user as theirs', async () => {
    expect(await scoresOf(userKnn, { neighbours: 1 })).toEqual(
      closeTo([
        [ab, ab, ab, 0],
        [ab, ab, 0, 0],
        [bc, bc, bc, 0],
      ]),
    );
    expect(await scoresOf(userKnn, { neighbours: 1, reverse: true })).toEqual(
      closeTo([
        [ab, ab, ab, 0],
        [ab, ab, bc, 0],
        [0, 0, 0, 0],
      ]),
    );
  });

  it('ItemKNN sums over those of the nearest of an item that the user has', async () => {
    // cos(0, 1) = 1, cos(0, 2) = cos(1, 2) = 1 / 2; of equal ones the first: the nearest of 2 is 0.
    expect(await scoresOf(itemKnn, { neighbours: 1 })).toEqual(
      closeTo([
        [1, 1, 0.5, 0],
        [1, 1, 0.5, 0],
        [0, 0, 0, 0],
      ]),
    );
    const shrunk = 2 / (2 + 3);
    expect((await scoresOf(itemKnn, { neighbours: 1, shrink: 3 }))[0]).toEqual(
      closeTo([[shrunk, shrunk, 1 / (Math.sqrt(2 * 2) + 3), 0]])[0],
    );
  });

  it('EASE has the weights of its equation for the λ that it is given', async () => {
    const gram = [
      [2, 2, 1, 0],
      [2, 2, 1, 0],
      [1, 1, 2, 0],
      [0, 0, 0, 0],
    ];
    for (const lambda of [1, 7]) {
      const inverse = inverted(gram.map((row, i) => row.map((value, j) => value + (i === j ? lambda : 0))));
      const weight = (i: number, j: number): number => (i === j ? 0 : -inverse[i]![j]! / inverse[j]![j]!);
      const own = [[0, 1], [0, 1, 2], [2]];
      expect(await scoresOf(ease, { regularisation: lambda })).toEqual(
        closeTo(own.map((items) => [0, 1, 2, 3].map((j) => items.reduce((sum, i) => sum + weight(i, j), 0)))),
      );
    }
  });
});

/** The inverse by Gauss and Jordan. */
function inverted(matrix: number[][]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    rows[i] = rows[i]!.map((value) => value / pivot);
    for (let r = 0; r < n; r++) {
      const factor = rows[r]![i]!;
      if (r !== i) rows[r] = rows[r]!.map((value, c) => value - factor * rows[i]![c]!);
    }
  }
  return rows.map((row) => row.slice(n));
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NumpyRandom } from '@ferry/data';
import { describe, expect, it } from 'vitest';

/** What tools/parity/numpy_random.py drew with numpy. */
interface Draws {
  seed: number;
  words: number[];
  randomSample: number[];
  randint: number[];
  below: number;
  shuffled: number[];
  array: number[];
  permutation: number[];
  choice: number[];
  without: number[];
  weighted: number[];
  weightedWithout: number[];
  later: number;
  last: number;
}
const fixtures = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/numpyRandom.json'), 'utf8'),
) as Draws[];

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('NumpyRandom', () => {
  it.each(fixtures)('draws what numpy draws from seed $seed', (drawn) => {
    const random = new NumpyRandom(drawn.seed);
    expect(drawn.words.map(() => random.randint(0, 2 ** 32))).toEqual(drawn.words);
    expect(drawn.randomSample.map(() => random.randomSample())).toEqual(drawn.randomSample);
    const bounds = [
      [0, 1],
      [0, 2],
      [5, 1703],
      [-3, 4],
      [0, 2 ** 31],
      [7, 100000],
    ] as const;
    expect(bounds.map(([low, high]) => random.randint(low, high))).toEqual(drawn.randint);
    expect(random.randint(10)).toBe(drawn.below);
    expect(random.shuffle(range(20))).toEqual(drawn.shuffled);
    expect([...random.shuffle(Int32Array.from(range(13)))]).toEqual(drawn.array);
    expect([...random.permutation(17)]).toEqual(drawn.permutation);
    expect([...random.choice(50, 8)]).toEqual(drawn.choice);
    expect([...random.choice(50, 8, { replace: false })]).toEqual(drawn.without);
    expect([...random.choice(5, 12, { p: [0.1, 0.2, 0.3, 0.25, 0.15] })]).toEqual(drawn.weighted);
    const p = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1];
    expect([...random.choice(6, 5, { replace: false, p })]).toEqual(drawn.weightedWithout);
    expect(range(5000).reduce((sum) => sum + random.randint(0, 1000), 0)).toBe(drawn.later);
    expect(random.randomSample()).toBe(drawn.last);
  });

  it('begins anew where it is seeded again', () => {
    const random = new NumpyRandom(3);
    const first = random.uint32();
    random.uint32();
    random.seed(3);
    expect(random.uint32()).toBe(first);
  });

  it.each([
    [() => new NumpyRandom(-1), 'seed must be an integer in [0, 2^32), got -1'],
    [() => new NumpyRandom(2 ** 32), 'got 4294967296'],
    [() => new NumpyRandom(1).randint(3, 3), 'low < high'],
    [() => new NumpyRandom(1).choice(3, 4, { replace: false }), '4 of 3 cannot be drawn'],
    [() => new NumpyRandom(1).choice(2, 1, { p: [0.5, 0.6] }), 'sum to 1'],
    [() => new NumpyRandom(1).choice(3, 2, { replace: false, p: [1, 0, 0] }), 'probabilities above 0, got 1'],
  ])('refuses what numpy refuses: %s', (draw, message) => {
    expect(draw).toThrow(message);
  });
});

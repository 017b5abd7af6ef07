import { describe, expect, it } from 'vitest';
import { interestsOfGroups } from '../src/interestGroups.ts';
import { interestsWithout } from '../src/interests.ts';
import { interestSizes } from '../src/index.ts';
import { worldOptions } from './world.ts';

describe('interests of groups', () => {
  it('count the slots of the released layout: an empty one wherever a row is shorter than the longest', () => {
    const lookups = [Int32Array.of(0, 1, 2, 3), Int32Array.of(0, 1, 4, 4)];
    const group = { length: 2, history: Int32Array.of(1, 0, 2, 3), lengths: Int32Array.of(1, 2) };
    const kept = interestsOfGroups([group], lookups, { zero: 'keep', longest: 5, count: 4 });
    expect(kept.fullest).toBe(4); // 0, 2, 3, 4
    expect([...kept.groups[0]!.ids.subarray(0, 4)]).toEqual([0, 1, 0, 0]);
    const exact = interestsOfGroups([group], lookups, { zero: 'keep', longest: 2, count: 4 });
    expect(exact.fullest).toBe(3); // the second row has no padding then
    const paper = interestsOfGroups([group], lookups, { zero: 'exclude', longest: 5, count: 4 });
    expect(paper.groups[0]!.slots).toBe(4);
    expect([...paper.groups[0]!.ids]).toEqual([1, 0, 0, 0, 2, 3, 4, 0]);
    expect([...paper.groups[0]!.mask]).toEqual([1, 0, 0, 0, 1, 1, 1, 0]);
  });
});

describe('interestSizes', () => {
  it('are shares of the tokens, rounded up, at least 1', () => {
    const sizes = (interestRatio: number, neighbourRatio: number, tokens: number) =>
      interestSizes({ interestRatio, neighbourRatio }, tokens);
    expect(sizes(0.5, 0.1, 2 * 4385)).toEqual({ clusters: 4385, neighbours: 877 });
    expect(sizes(0.02, 0.1, 2 * 446_975)).toEqual({ clusters: 17_879, neighbours: 89_395 });
    expect(sizes(0.02, 0.1, 3170)).toEqual({ clusters: 64, neighbours: 317 });
    expect(sizes(0.02, 0.1, 3)).toEqual({ clusters: 1, neighbours: 1 });
    expect(interestSizes({ interestRatio: 0.5, neighbourRatio: 0.1, interestCount: 7 }, 100).clusters).toBe(
      7,
    );
  });
});

describe('interests without a modality', () => {
  const state = {
    // Row 0, then three centres of width 8 at 0, 1 and 10 in every place.
    centres: Float32Array.from([0, 0, 1, 10].flatMap((value) => Array.from({ length: 8 }, () => value))),
    count: 3,
    lookups: [Int32Array.of(0, 1, 2), Int32Array.of(0, 3, 3)],
  };
  const bias = new Float32Array(8).fill(0.9);

  it('are those of the cluster nearest to the bias that stands for what is missing', () => {
    const { lookups } = interestsWithout(state, worldOptions({ missing: 'bias' }), 'image', bias);
    expect(lookups.map((lookup) => [...lookup])).toEqual([
      [0, 1, 2],
      [0, 2, 2],
    ]);
  });

  it('are none where what is missing is left out', () => {
    const { lookups } = interestsWithout(state, worldOptions({ missing: 'mask' }), 'text', bias);
    expect(lookups.map((lookup) => [...lookup])).toEqual([
      [0, 0, 0],
      [0, 3, 3],
    ]);
  });
});

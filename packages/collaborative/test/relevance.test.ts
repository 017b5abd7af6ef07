import { describe, expect, it } from 'vitest';
import { relevantTargets } from '../src/index.ts';

/** Users 0 and 1 did items 1 to 5 with these ratings, and are tested on some of them. */
const sequences = {
  items: Int32Array.of(3, 1, 2, 5, 4, 1),
  ratings: Float32Array.of(5, 2, 1, 4, 3, 1),
  starts: Int32Array.of(0, 4),
  ends: Int32Array.of(4, 6),
};
const targets = {
  users: Int32Array.of(0, 1),
  relevant: Int32Array.of(2, 5, 3, 1),
  relevantEnds: Int32Array.of(3, 4),
};

describe('relevant items', () => {
  it('have the gains of their ratings, and all count unless a rating is asked for', () => {
    const all = relevantTargets(targets, sequences);
    expect(all.targets).toEqual(targets);
    expect([...all.gains!]).toEqual([3, 31, 63, 3]);
    const liked = relevantTargets(targets, sequences, 4);
    expect([...liked.targets.relevant]).toEqual([5, 3]);
    // The second user is left, with nothing relevant.
    expect([...liked.targets.relevantEnds]).toEqual([2, 2]);
    expect([...liked.gains!]).toEqual([1, 3]);
  });

  it('count alike where there are no ratings', () => {
    const without = { ...sequences, ratings: undefined };
    expect(relevantTargets(targets, without)).toEqual({ targets });
    expect(() => relevantTargets(targets, without, 3)).toThrow(/needs ratings/);
  });
});

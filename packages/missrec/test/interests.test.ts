import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import { type MissRecFeed, missRecFeed } from '../src/feeds.ts';
import { interestsOfGroups } from '../src/interestGroups.ts';
import { interestsWithout } from '../src/interests.ts';
import { encodeSequences, interestSizes, itemTables } from '../src/index.ts';
import { createMissRecParameters } from '../src/parameters.ts';
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

  it('have as many slots as their fullest row needs where they are fitted, in few sizes', () => {
    const lookups = [Int32Array.from({ length: 21 }, (_, i) => i)];
    const group = (lengths: number[]) => ({
      length: 20,
      history: Int32Array.from({ length: 20 * lengths.length }, (_, at) =>
        at % 20 < lengths[Math.floor(at / 20)]! ? (at % 20) + 1 : 0,
      ),
      lengths: Int32Array.from(lengths),
    });
    const groups = [group([5, 2]), group([1, 18]), group([1, 1])];
    const settings = { zero: 'exclude', longest: 20, count: 20 } as const;
    const slots = (fitted: boolean): number[] =>
      interestsOfGroups(groups, lookups, { ...settings, fitted }).groups.map((own) => own.slots);
    expect(slots(false)).toEqual([20, 20, 20]);
    expect(slots(true)).toEqual([8, 20, 2]);
    const [first] = interestsOfGroups(groups, lookups, { ...settings, fitted: true }).groups;
    expect([...first!.ids]).toEqual([1, 2, 3, 4, 5, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0]);
  });
});

describe('slots that fit the rows', () => {
  it('give the same vectors to the last bit', async () => {
    await selectBackend('ort', { threads: 1 });
    const options = worldOptions({ width: 48, heads: 4, positions: 30, interestCount: 40, ids: false });
    const p = createMissRecParameters(options, 30, RandomStream.fromSeed(3));
    const random = RandomStream.fromSeed(4);
    const noise = (shape: [number, number]) =>
      tf.tensor2d(
        Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal()),
        shape,
      );
    const items = {
      features: { text: noise([31, 6]), image: noise([31, 6]) },
      present: { text: tf.ones([31, 1]), image: tf.ones([31, 1]) },
    };
    const interests = {
      centres: new Float32Array(0),
      count: 40,
      lookups: [
        Int32Array.from({ length: 31 }, (_, i) => i),
        Int32Array.from({ length: 31 }, (_, i) => i % 7),
      ],
    };
    const lengths = Int32Array.from({ length: 64 }, (_, b) => 1 + (b % 5));
    const history = Int32Array.from({ length: 64 * 30 }, (_, at) =>
      at % 30 < lengths[Math.floor(at / 30)]! ? 1 + ((7 * at) % 30) : 0,
    );
    const table = noise([41, 48]);
    const encode = compile((feed: MissRecFeed, centres: tf.Tensor) => {
      return encodeSequences(p, options, itemTables(p, options, items), centres, feed, undefined).vectors;
    });
    const [padded, fitted] = [false, true].map((fit) => {
      const feed = missRecFeed(options, [{ length: 30, history, lengths }], interests, {
        longest: 30,
        fitted: fit,
      });
      return { slots: feed.groups[0]!.interests!.shape[1]!, vectors: encode(feed, table).dataSync() };
    }) as [{ slots: number; vectors: Float32Array }, { slots: number; vectors: Float32Array }];
    expect([padded.slots, fitted.slots]).toEqual([40, 8]);
    expect(fitted.vectors).toEqual(padded.vectors);
    encode.dispose();
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

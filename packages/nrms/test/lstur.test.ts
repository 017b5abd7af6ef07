import { selectBackend } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createNewsRecommender,
  type Impressions,
  lstur,
  type LsturOptions,
  type LsturParameters,
} from '../src/index.ts';
import { contractOf, scoresOf, trainOn, worldRecommender } from './contract.ts';
import {
  compareWithTwin,
  readTwin,
  setTwinWeights,
  type TwinCase,
  type TwinFixture,
  twinTexts,
  twinVocabulary,
} from './twin.ts';
import { areaOf, impressionsOf, topicOf } from './world.ts';

const fixture = readTwin('lstur') as TwinFixture<TwinCase & { settings: object }> & {
  users: number[];
  categories: number[];
  subcategories: number[];
};

const labelsOf = (values: number[]) => ({
  size: Math.max(...values) + 1,
  values: Int32Array.from(values),
});

describe('LSTUR equals its PyTorch twin', () => {
  beforeAll(async () => {
    await selectBackend('ort');
  });

  it.each(fixture.cases)('$settings', async (wanted) => {
    const options: LsturOptions = lstur.complete(lstur.options.parse(wanted.settings) as object);
    const vocabulary = twinVocabulary(fixture);
    const own = createNewsRecommender(lstur, {
      options,
      catalogue: {
        count: fixture.titles.length - 1,
        words: { vocabulary, titles: twinTexts(fixture.titles, vocabulary, options.titleWords) },
        labels: {
          category: labelsOf(fixture.categories),
          subcategory: labelsOf(fixture.subcategories),
        },
        users: { count: Math.max(...fixture.users), rows: Int32Array.from(fixture.users) },
      },
      seed: 1,
    });
    setTwinWeights(own);
    await compareWithTwin(own, fixture, wanted);
  });
});

const small = { wordWidth: 16, filters: 16, queryWidth: 8, labelWidth: 4, history: 8 };

contractOf(lstur, {
  settings: { ...small, userJoin: 'con', conProjected: true },
  reaches: 0.75,
  epochs: 6,
  learningRate: 0.005,
});

/** Impressions of 24 users without a history, each of whom clicks the topic of their number. */
function withoutHistory(count: number, seed: number): Impressions {
  const shown = impressionsOf(count, { seed });
  const clickedAt = (r: number): number =>
    shown.candidates.values[shown.labels!.indexOf(1, shown.candidates.offsets[r])]!;
  return {
    ...shown,
    historyEnds: shown.historyStarts,
    users: shown.users.map((r) => topicOf(clickedAt(r)) + 4 * (r % 6)),
  };
}

describe('what LSTUR knows of users', () => {
  it.each(['ini', 'con'])(
    'ranks for one without clicks whom it knows, and not for a stranger (%s)',
    async (userJoin) => {
      await selectBackend('ort');
      const training = withoutHistory(240, 3);
      const test = withoutHistory(120, 4);
      const own = await worldRecommender(lstur, { settings: { ...small, userJoin }, training });
      const { made } = await trainOn(own, { training, epochs: 8, learningRate: 0.01 });
      // Every user counts as having clicked for the measure alone.
      const area = (scores: Float32Array): number =>
        areaOf({ ...test, historyEnds: test.historyStarts.map((start) => start + 1) }, scores);
      expect(area(await scoresOf(own, test))).toBeGreaterThan(0.75);
      const strangers = { ...test, users: new Int32Array(test.count).fill(10_000) };
      expect(area(await scoresOf(own, strangers))).toBeLessThan(0.65);
      const { people } = own.parameters as unknown as LsturParameters;
      expect(people.weight.shape[0]).toBe(25);
      expect(Math.max(...people.weight.dataSync().subarray(0, people.weight.shape[1]).map(Math.abs))).toBe(0);
      made.dispose();
      own.dispose();
    },
  );
});

it.each([
  [{ views: ['category'] }, /title, abstract or entities/],
  [{ userJoin: 'con', filters: 15 }, /even for con/],
  [{ userJoin: 'con', filters: 15, conProjected: true }, undefined],
])('settings that do not fit are named: %j', (given, message) => {
  const found: string[] = [];
  lstur.check!(lstur.options.parse(given) as object, { modalities: [], trained: [] }, (_, text) =>
    found.push(text),
  );
  if (message) expect(found.join()).toMatch(message);
  else expect(found).toEqual([]);
});

import { expect, test } from 'vitest';
import {
  categoryAspects,
  categoryGroups,
  clickCountGroups,
  coldNewsGroups,
  coldUserGroups,
  evaluateImpressions,
  hourGroups,
  readMind,
  summariseGroups,
  type MindData,
} from '../../src/index.ts';
import { folderOf, newsLine } from './folder.ts';

/** Four news of two categories and one without; one impression to train on, four to test on. */
async function world(): Promise<MindData> {
  const news = [
    newsLine('N1', 'a', { category: 'sports' }),
    newsLine('N2', 'b', { category: 'sports' }),
    newsLine('N3', 'c', { category: 'finance' }),
    newsLine('N4', 'd', { category: 'finance' }),
    newsLine('N5', 'e', { category: '' }),
  ].join('\n');
  const train = '1\tU1\t11/9/2019 1:00:00 PM\tN1\tN2-1 N3-0';
  const dev = [
    '1\tU1\t11/15/2019 11:59:59 PM\tN1 N1 N3 N5\tN1-0 N2-1 N4-0',
    '2\tU2\t11/15/2019 12:10:00 AM\t\tN3-1 N4-0 N1-1',
    '3\tU3\t11/15/2019 12:10:00 PM\tN5\tN4-1 N5-0',
    '4\tU3\t11/15/2019 12:10:00 PM\tN5\tN5-1 N1-0',
  ].join('\n');
  return readMind(folderOf({ 'news.tsv': news, 'train/behaviors.tsv': train, 'dev/behaviors.tsv': dev }));
}

test('groups by what is known of users and news, by category, hour and history', async () => {
  const { news, splits } = await world();
  const [train, dev] = [splits['train']!, splits['dev']!];
  const named = ({ labels, index }: { labels: string[]; index: Int32Array }): string[] =>
    Array.from(index, (group) => labels[group]!);
  expect(named(coldUserGroups(dev, train))).toEqual(['known user', 'no history', 'new user', 'new user']);
  expect(named(coldUserGroups(dev))).toEqual(['new user', 'no history', 'new user', 'new user']);
  expect(named(coldNewsGroups(dev, train))).toEqual(['known news', 'known news', 'new news', 'new news']);
  expect(named(categoryGroups(dev, news))).toEqual(['sports', 'several', 'finance', 'none']);
  expect(named(hourGroups(dev))).toEqual(['23:00', '00:00', '12:00', '12:00']);
  expect(named(clickCountGroups(dev))).toEqual(['1-4', '0', '1-4', '1-4']);
});

test('means of groups leave out what is dropped and keep empty groups', async () => {
  const { splits } = await world();
  const dev = splits['dev']!;
  // Clicked candidates first, but in the third impression.
  const scores = [0, 1, 0, 1, 0, 1, 0, 1, 1, 0];
  const results = evaluateImpressions(dev, scores);
  const groups = summariseGroups(results, coldUserGroups(dev));
  expect(groups.map(({ label, impressions, means }) => [label, impressions, means['auc']])).toEqual([
    ['no history', 1, 1],
    ['new user', 3, 2 / 3],
    ['known user', 0, NaN],
  ]);
  expect(() => summariseGroups(results, { labels: ['x'], index: new Int32Array(2) })).toThrow(
    /each of 4 impressions, got 2/,
  );
});

test('diversity and calibration by category', async () => {
  const { news, splits } = await world();
  const dev = splits['dev']!;
  const aspects = categoryAspects(dev, [3, 2, 1, 3, 2, 1, 2, 1, 2, 1], news, 2);
  // First impression: two of sports of a history that is two thirds sports, one third finance.
  expect(aspects.diversity[0]).toBe(0);
  const divergence = (2 / 3) * Math.log(2 / 3 / (0.99 + 0.01 * (2 / 3))) + (1 / 3) * Math.log(1 / 0.01);
  expect(aspects.miscalibration[0]).toBeCloseTo(divergence, 12);
  expect(aspects.overlap[0]).toBeCloseTo(2 / 3 / (1 + 1 / 3), 12);
  // Second: two of finance, and no history. Third: nothing in the history has a category. Fourth: one of sports.
  expect([...aspects.diversity.subarray(1)]).toEqual([0, 0, 0]);
  expect([...aspects.miscalibration.subarray(1)]).toEqual([NaN, NaN, NaN]);
  const mixed = categoryAspects(dev, [3, 1, 2, 3, 2, 1, 2, 1, 2, 1], news, 2);
  expect(mixed.diversity[0]).toBeCloseTo(1, 12);
});

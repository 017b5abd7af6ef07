import { expect, test } from 'vitest';
import { categoryScores, popularityScores, readMind, recencyScores } from '../../src/index.ts';
import { folderOf, newsLine } from './folder.ts';

test('popularity, recency and preferred categories', async () => {
  const news = [
    newsLine('N1', 'a', { category: 'sports' }),
    newsLine('N2', 'b', { category: 'sports' }),
    newsLine('N3', 'c', { category: 'finance' }),
    newsLine('N4', 'd', { category: '' }),
  ].join('\n');
  const train = [
    '1\tU1\t11/9/2019 1:00:00 PM\tN1\tN2-1 N3-0',
    '2\tU2\t11/9/2019 2:00:00 PM\t\tN2-1 N3-1 N1-0',
  ].join('\n');
  const dev = [
    '1\tU1\t11/15/2019 9:00:00 AM\tN1 N3 N4\tN3-0 N4-1',
    '2\tU3\t11/15/2019 8:00:00 AM\t\tN2-0 N4-1 N3-0',
  ].join('\n');
  const data = await readMind(
    folderOf({ 'news.tsv': news, 'train/behaviors.tsv': train, 'dev/behaviors.tsv': dev }),
  );
  const own = [data.splits['dev']!, data.splits['train']!, data.news] as const;
  expect([...popularityScores(...own)]).toEqual([1, 0, 2, 0, 1]);
  const at = (day: number, hour: number): number => Date.UTC(2019, 10, day, hour) / 1000;
  // N4 is first shown by the second impression, the earlier one.
  expect([...recencyScores(...own)]).toEqual([at(9, 13), at(15, 8), at(9, 13), at(15, 8), at(9, 13)]);
  const categories = categoryScores(...own);
  // One click of sports, one of finance, and one spread as training's clicks: two thirds sports.
  expect(categories[0]).toBeCloseTo((1 + 1 / 3) / 3, 12);
  expect(categories[1]).toBe(0);
  expect([...categories.subarray(2)]).toEqual([2 / 3, 0, 1 / 3]);
});

import { expect, test } from 'vitest';
import {
  categoryScores,
  meanHistoryScores,
  popularityScores,
  readMind,
  recencyScores,
  wordHistoryScores,
} from '../../src/index.ts';
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

test('mean history by vectors and by words', async () => {
  const news = [
    newsLine('N1', 'red apple pie'),
    newsLine('N2', 'red car'),
    newsLine('N3', 'green apple'),
    newsLine('N4', ''),
  ].join('\n');
  const all =
    '1\tU1\t11/9/2019 1:00:00 PM\tN1 N2 N4\tN1-0 N3-1 N4-0\n2\tU2\t11/9/2019 2:00:00 PM\t\tN1-1 N2-0';
  const { news: table, splits } = await readMind(folderOf({ 'news.tsv': news, 'behaviors.tsv': all }));
  const vectors = {
    width: 2,
    data: Float32Array.of(2, 0, 0, 1, 3, 3, 0, 0),
    present: Uint8Array.of(1, 1, 1, 0),
  };
  // Of N1 and N2: (2, 1) in sum, (1, 0.5) in the mean; N4 has none.
  const cosine = [...meanHistoryScores(splits['all']!, vectors)];
  [2 / Math.sqrt(5), 9 / Math.sqrt(5 * 18), 0, 0, 0].forEach((value, at) => {
    expect(cosine[at]).toBeCloseTo(value, 12);
  });
  expect([...meanHistoryScores(splits['all']!, vectors, { similarity: 'dot' })]).toEqual([2, 4.5, 0, 0, 0]);
  // Three titles; words of two of them weigh log(3/2), those of one log 3.
  const [two, one] = [Math.log(3 / 2), Math.log(3)];
  const [first, second] = [Math.hypot(two, two, one), Math.hypot(two, one)];
  const red = two / first + two / second;
  const profile = Math.hypot(red, two / first, one / first, one / second);
  const words = [...wordHistoryScores(splits['all']!, table)];
  expect(words[0]).toBeCloseTo((red * two + (two / first) * two + (one / first) * one) / first / profile, 12);
  expect(words[1]).toBeCloseTo(((two / first) * two) / second / profile, 12);
  expect(words.slice(2)).toEqual([0, 0, 0]);
});

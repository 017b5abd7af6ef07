import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  decidableRows,
  historyOf,
  readMind,
  rowOf,
  splitByTime,
  textMask,
  withoutOtherNews,
  type Impressions,
  type MindData,
} from '../../src/index.ts';
import { folderOf, newsLine, sample } from './folder.ts';

const entity = (id: string): string =>
  `[{"Label": "x", "Type": "G", "WikidataId": "${id}", "Confidence": 1.0}]`;
const news = [
  newsLine('N1', 'He said "no', { entities: entity('Q1') }),
  newsLine('N2', '"Yes" and "no"', { category: 'sports', abstract: 'An abstract' }),
  newsLine('N3', ''),
].join('\n');
const behaviours = [
  '1\tU1\t11/12/2019 2:14:46 PM\tN1 N2\tN3-0 N1-1',
  '2\tU2\t11/9/2019 12:00:00 AM\t\tN2-1 N9-0 N3-0',
  '3\tU1\t11/13/2019 12:30:00 PM\tN1 N2\tN8-1',
].join('\n');

const ids = ({ news: { ids: of } }: MindData, numbers: ArrayLike<number>): string[] =>
  Array.from(numbers, (number) => of.text(number));
const read = (files: Record<string, string | Buffer>): Promise<MindData> => readMind(folderOf(files));
const all = (data: MindData): Impressions => data.splits['all']!;

test('news and impressions come out as the files have them', async () => {
  const data = await read({ 'news.tsv': news, 'behaviors.tsv': behaviours });
  expect([...data.news.titles]).toEqual(['', 'He said "no', '"Yes" and "no"', '', '', '']);
  expect(data.news.abstracts[2]).toBe('An abstract');
  expect(data.news.categoryNames).toEqual(['', 'news', 'sports']);
  expect([...data.news.categories]).toEqual([0, 1, 2, 1, 0, 0]);
  expect(data.news.entityNames).toEqual(['', 'Q1']);
  expect([...rowOf(data.news.titleEntities, 1)]).toEqual([1]);
  expect([...rowOf(data.news.titleEntities, 5)]).toEqual([]);
  expect(data.news.described).toBe(3);
  expect([...textMask(data.news)]).toEqual([0, 1, 1, 0, 0, 0]);
  const impressions = all(data);
  expect([...impressions.ids]).toEqual([1, 2, 3]);
  expect(data.users.text(impressions.users[1]!)).toBe('U2');
  expect(new Date(1000 * impressions.times[0]!).toISOString()).toBe('2019-11-12T14:14:46.000Z');
  expect(new Date(1000 * impressions.times[1]!).toISOString()).toBe('2019-11-09T00:00:00.000Z');
  expect(new Date(1000 * impressions.times[2]!).toISOString()).toBe('2019-11-13T12:30:00.000Z');
  expect(ids(data, historyOf(impressions, 0))).toEqual(['N1', 'N2']);
  expect(historyOf(impressions, 1)).toHaveLength(0);
  expect(ids(data, rowOf(impressions.candidates, 1))).toEqual(['N2', 'N9', 'N3']);
  expect([...impressions.labels!]).toEqual([0, 1, 1, 0, 0, 1]);
  // One history of two impressions is kept once.
  expect(impressions.history).toHaveLength(2);
  expect(historyOf(impressions, 2)).toEqual(historyOf(impressions, 0));
});

test('a news shown twice in an impression, and two impressions of one number, are kept and said', async () => {
  const lines = [
    '7\tU1\t11/12/2019 2:14:46 PM\tN1 N2\tN3-0 N1-1 N3-0 N2-0',
    '5\tU2\t11/12/2019 2:15:46 PM\tN1 N1\tN3-0 N1-1',
    '7\tU1\t11/12/2019 2:16:46 PM\tN1 N2\tN3-0 N1-1',
    '5\tU1\t11/12/2019 2:16:46 PM\t\tN2-1 N2-0',
    '5\tU2\t11/12/2019 2:17:46 PM\t\tN2-1 N1-0',
  ];
  const { splits, warnings } = await read({ 'news.tsv': news, 'behaviors.tsv': lines.join('\n') });
  expect(splits['all']!.count).toBe(5);
  expect(splits['all']!.candidates.values).toHaveLength(12);
  expect(warnings).toEqual([
    expect.stringMatching(
      /behaviors\.tsv: 2 impressions show a news twice, such as impression 7: each occurrence/,
    ),
    expect.stringMatching(
      /behaviors\.tsv: 3 impressions have the number of another, such as 5: each is counted/,
    ),
  ]);
});

test('news that no file has are counted and named', async () => {
  const data = await read({ 'news.tsv': news, 'behaviors.tsv': behaviours });
  expect(data.warnings).toEqual([
    '2 of 5 news are in no file of news (0.0 % of the clicks in histories and 33.3 % of the candidates), such as ' +
      'N9, N8: they have no text and no category',
  ]);
});

test('a test file has no labels', async () => {
  const unlabelled = behaviours.replaceAll(/-[01]/g, '');
  const impressions = all(await read({ 'news.tsv': news, 'behaviors.tsv': unlabelled }));
  expect(impressions.labels).toBeUndefined();
  expect(impressions.candidates.offsets.at(-1)).toBe(6);
});

test('splits in folders share their news and users', async () => {
  const root = folderOf({
    'MINDsmall_train/news.tsv': news,
    'MINDsmall_train/behaviors.tsv': behaviours,
    'MINDsmall_dev/news.tsv': [newsLine('N2', 'Another title'), newsLine('N9'), newsLine('N3')].join('\n'),
    'MINDsmall_dev/behaviors.tsv': '1\tU2\t2019-11-15 08:00:00\tN9\tN1-0 N9-1\n',
  });
  const data = await readMind(root);
  expect(Object.keys(data.splits)).toEqual(['train', 'dev']);
  expect(data.news.described).toBe(4);
  expect(data.news.titles[2]).toBe('"Yes" and "no"');
  // What the first file leaves empty the second gives.
  expect(data.news.titles[3]).toBe('Title of N3');
  expect(data.users.size).toBe(2);
  expect(data.splits['dev']!.users[0]).toBe(1);
  expect(data.warnings[0]).toContain('1 news have had another title before, such as N2');
  expect(data.warnings[1]).toContain('1 of 5 news are in no file of news');
});

test('xMIND: a header, cells quoted as CSV, in place of the texts or alone', async () => {
  const translated = 'nid\ttitle\tabstract\nN2\t"他說""不"""\t\nN9\t標題\t"引""言"""\n';
  const root = folderOf({ 'news.tsv': news, 'behaviors.tsv': behaviours, 'cmn.tsv': translated });
  const data = await readMind(root, { texts: [join(root, 'cmn.tsv')] });
  expect(data.news.described).toBe(4);
  expect([...data.news.titles]).toEqual(['', '', '他說"不"', '', '標題', '']);
  expect(data.news.abstracts[4]).toBe('引"言"');
  expect([...data.news.categories].slice(0, 4)).toEqual([0, 1, 2, 1]);
  // Quotation marks of a file that is not quoted are its own.
  const plain = 'nid\ttitle\nN1\t"Yes"\nN2\tHe said "no\n';
  const other = await read({ 'news.tsv': plain, 'behaviors.tsv': behaviours });
  expect([...other.news.titles].slice(1, 3)).toEqual(['"Yes"', 'He said "no']);
});

test('pictures lie beside the news', async () => {
  const root = folderOf({ 'news.tsv': news, 'behaviors.tsv': behaviours, 'images/N2.png': '' });
  const { news: found } = await readMind(root);
  expect(found.images).toHaveLength(6);
  expect(found.images[2]).toBe(join(root, 'images', 'N2.png'));
  expect(found.images[1]).toBeUndefined();
});

describe('what breaks the form is named', () => {
  const line = '1\tU1\t11/12/2019 2:14:46 PM\tN1\tN3-0 N1-1';
  const cases: [what: string, files: Record<string, string | Buffer>, message: RegExp][] = [
    [
      'a missing column',
      { 'behaviors.tsv': `${line}\n2\tU1\t11/12/2019 2:14:46 PM\tN1\n` },
      /behaviors\.tsv:2: .*5 tab-separated cells.*got 4/,
    ],
    [
      'an impression id',
      { 'behaviors.tsv': line.replace('1', 'I1') },
      /behaviors\.tsv:1: an impression id must be a whole number, got "I1"/,
    ],
    ['no user', { 'behaviors.tsv': line.replace('U1', ' ') }, /:1: a user id must be one word/],
    [
      'the day first',
      { 'behaviors.tsv': line.replace('11/12', '30/12') },
      /:1: a time must be .*month first.*got "30\/12\/2019 2:14:46 PM"/,
    ],
    ['hour 13 PM', { 'behaviors.tsv': line.replace(' 2:', ' 13:') }, /:1: a time must be/],
    [
      'labels on some',
      { 'behaviors.tsv': line.replace('N3-0', 'N3') },
      /:1: candidates must be without -1 and -0.*got "N1-1"/,
    ],
    [
      'a label of 2',
      { 'behaviors.tsv': line.replace('N1-1', 'N1-2') },
      /:1: candidates must all end with -1 .*got "N1-2"/,
    ],
    ['no impression', { 'behaviors.tsv': '' }, /behaviors\.tsv: .*at least one impression/],
    [
      'Latin-1',
      { 'behaviors.tsv': Buffer.from(`${line}\n2\tU\xe9\t\t\t`, 'latin1') },
      /behaviors\.tsv:2: text must be UTF-8, got byte 0xE9/,
    ],
    [
      'a news without columns',
      { 'news.tsv': `${newsLine('N1')}\nN2\tnews\n` },
      /news\.tsv:2: a line must have 8 tab-separated cells \(id, category.*got 2/,
    ],
    ['a news without id', { 'news.tsv': newsLine('') }, /news\.tsv:1: a news id must be one word, got ""/],
    [
      'entities that are no JSON',
      { 'news.tsv': newsLine('N1', 'x', { entities: '[{' }) },
      /news\.tsv:1: entities of the title must be a JSON list/,
    ],
    [
      'an entity without id',
      { 'news.tsv': newsLine('N1', 'x', { entities: '[{}]' }) },
      /news\.tsv:1: an entity of the title must have a WikidataId, got \{\}/,
    ],
    [
      'a header without titles',
      { 'news.tsv': 'nid\tabstract\n' },
      /news\.tsv:1: the header must name a column title, got nid, abstract/,
    ],
  ];
  test.each(cases)('%s', async (_, files, message) => {
    await expect(read({ 'news.tsv': newsLine('N1'), 'behaviors.tsv': line, ...files })).rejects.toThrow(
      message,
    );
  });

  test('a folder without behaviours', async () => {
    await expect(read({ 'news.tsv': news })).rejects.toThrow(/there are none/);
    const twice = { 'a_train/behaviors.tsv': line, 'b_train/behaviors.tsv': line };
    await expect(read(twice)).rejects.toThrow(
      /one folder of the split train is needed, got a_train and b_train/,
    );
  });
});

test('a byte order mark, carriage returns and lines that end with a tab change nothing', async () => {
  const plain = all(await read({ 'news.tsv': news, 'behaviors.tsv': behaviours }));
  const dressed = all(
    await read({ 'news.tsv': news, 'behaviors.tsv': `\ufeff${behaviours.replaceAll('\n', '\t\r\n')}\t\r\n` }),
  );
  expect({ ...dressed, source: '' }).toEqual({ ...plain, source: '' });
});

test('without other news, histories and candidates are those of the kept', async () => {
  const data = await read({ 'news.tsv': news, 'behaviors.tsv': behaviours });
  const kept = withoutOtherNews(all(data), textMask(data.news));
  expect(ids(data, historyOf(kept, 2))).toEqual(['N1', 'N2']);
  expect(ids(data, rowOf(kept.candidates, 0))).toEqual(['N1']);
  expect(ids(data, rowOf(kept.candidates, 1))).toEqual(['N2']);
  expect(rowOf(kept.candidates, 2)).toHaveLength(0);
  expect([...kept.labels!]).toEqual([1, 1]);
  expect([...decidableRows(kept)]).toEqual([]);
  expect([...decidableRows(all(data))]).toEqual([0, 1]);
  const first = withoutOtherNews(all(data), [0, 1, 0, 1, 1, 1]);
  expect(ids(data, historyOf(first, 0))).toEqual(['N1']);
});

test('a split by time is in order and leaves nothing out', async () => {
  const data = await read({ 'news.tsv': news, 'behaviors.tsv': behaviours });
  const { train, test: last } = splitByTime(all(data), { train: 0.67, test: 0.33 });
  expect([...train.ids]).toEqual([2, 1]);
  expect([...last.ids]).toEqual([3]);
  expect(ids(data, rowOf(train.candidates, 1))).toEqual(['N3', 'N1']);
  expect([...train.labels!]).toEqual([1, 0, 0, 0, 1]);
  expect(ids(data, historyOf(last, 0))).toEqual(['N1', 'N2']);
  expect(() => splitByTime(all(data), { train: 1.5, test: -0.5 })).toThrow(/must be above 0 and sum to 1/);
});

test.skipIf(!existsSync(sample))(
  'a sample of MIND, in English and in Mandarin (skipped without FERRY_DATA)',
  async () => {
    const data = await readMind(sample);
    const impressions = all(data);
    expect([impressions.count, data.news.described]).toEqual([5000, 2000]);
    expect(impressions.candidates.values).toHaveLength(189_359);
    expect(impressions.labels!.reduce((sum, label) => sum + label, 0)).toBe(7542);
    const chinese = await readMind(sample, { texts: [join(sample, '../mind-text-cmn/news.tsv')] });
    // Python's csv module finds as many; read without CSV's quotation marks, thousands would have them.
    expect(chinese.news.titles.filter((title) => title.includes('""'))).toHaveLength(18);
    const kept = withoutOtherNews(all(chinese), textMask(chinese.news));
    expect(decidableRows(kept)).toHaveLength(2496);
  },
);

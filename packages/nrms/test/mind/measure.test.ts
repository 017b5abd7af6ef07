import { expect, test } from 'vitest';
import { evaluateImpressions, measureImpressions, readMind, scoredImpressions } from '../../src/index.ts';
import { QuotedLines } from '../../src/mind/quotedLines.ts';
import { folderOf, newsLine } from './folder.ts';
import { withLabels } from './impressions.ts';

const labels = [
  [0, 1, 0, 1, 0, 0, 0],
  [1, 0],
];
const scores = Float32Array.of(0.2, 0.9, 0.4, 0.1, 0.5, 0.3, 0.6, 0.1, 0.8);
const impressions = withLabels(labels);

test('defects of the measurement change what is reported, and not what is so', () => {
  const straight = evaluateImpressions(impressions, scores);
  const plain = measureImpressions(impressions, scores, { defects: ['oldest-history'], ties: 'mind' });
  expect(plain.corrected).toBe(plain.reported);
  expect(plain.reported.values).toEqual(straight.values);

  // Golden: the order 2 7 5 3 6 1 4 taken for the ranks.
  const order = measureImpressions(impressions, scores, { defects: ['order-as-ranks'], ties: 'mind' });
  expect(order.reported.values['auc']![0]).toBeCloseTo(0.3, 12);
  expect(order.reported.values['mrr']![0]).toBeCloseTo(0.2380952381, 9);
  expect(order.corrected.values).toEqual(straight.values);

  const scored = scoredImpressions(impressions, ['empty-candidate']);
  expect([...scored.candidates.offsets]).toEqual([0, 8, 11]);
  const added = Float32Array.of(...scores.subarray(0, 7), 0.05, ...scores.subarray(7), 0.05);
  const more = measureImpressions(impressions, added, { defects: ['empty-candidate'], ties: 'mind' });
  expect(more.reported.values['auc']![0]).toBeGreaterThan(straight.values['auc']![0]!);
  expect(more.corrected.values).toEqual(straight.values);

  const close = Float32Array.of(...scores.subarray(0, 7), 1, 1.001);
  const rounded = measureImpressions(impressions, close, { defects: ['bf16-scores'], ties: 'average' });
  expect([rounded.reported.tied[1], rounded.corrected.tied[1]]).toEqual([1, 0]);
  expect([rounded.reported.values['auc']![1], rounded.corrected.values['auc']![1]]).toEqual([0.5, 0]);
});

test('a reader of CSV loses the lines between two quotation marks', async () => {
  const lines = new QuotedLines();
  expect(lines.push('a\tb"c\t')).toEqual(['a', 'b"c', '']);
  expect(lines.push('"a ""b"" c"d\te')).toEqual(['a "b" cd', 'e']);
  expect(lines.push('a\t"b\tc')).toBeUndefined();
  expect(lines.push('d"\te')).toEqual(['a', 'b\tc\nd', 'e']);
  expect(lines.push('"a')).toBeUndefined();
  expect(lines.rest()).toEqual(['a\n']);

  const folder = folderOf({
    'news.tsv': [
      newsLine('N1', 'plain'),
      newsLine('N2', '"opens and never closes'),
      newsLine('N3', 'lost'),
      newsLine('N4', '"lost as well'),
      newsLine('N5', '"whole"'),
    ].join('\n'),
    'behaviors.tsv': '1\tU1\t11/9/2019 1:00:00 PM\tN3\tN1-1 N2-0 N5-0',
  });
  expect((await readMind(folder)).news.titles.slice(1)).toEqual([
    'plain',
    '"opens and never closes',
    'lost',
    '"lost as well',
    '"whole"',
  ]);
  const { news } = await readMind(folder, { quotes: 'csv' });
  const titles = new Map(news.titles.map((title, number) => [news.ids.text(number), title]));
  expect(titles.get('N1')).toBe('plain');
  expect(titles.get('N5')).toBe('whole');
  expect(titles.get('N3')).toBe('');
  expect(titles.has('N4')).toBe(false);
  expect(titles.get('N2')).toMatch(/^opens and never closes\t[^]*N3[^]*lost as well$/);
});

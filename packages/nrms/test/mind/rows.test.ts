import { expect, test } from 'vitest';
import { historyOf, rowOf, type Impressions } from '../../src/index.ts';

const impressions: Impressions = {
  source: 'by hand',
  count: 3,
  ids: Float64Array.of(7, 8, 9),
  users: Int32Array.of(0, 1, 0),
  times: new Float64Array(3),
  history: Int32Array.of(4, 2, 3),
  // The first and the last share one history.
  historyStarts: Int32Array.of(0, 3, 0),
  historyEnds: Int32Array.of(3, 3, 3),
  candidates: { offsets: Int32Array.of(0, 2, 3, 6), values: Int32Array.of(1, 2, 3, 4, 5, 6) },
};

test('a history is cut to its newest clicks', () => {
  expect([...historyOf(impressions, 0)]).toEqual([4, 2, 3]);
  expect([...historyOf(impressions, 2, 2)]).toEqual([2, 3]);
  expect([...historyOf(impressions, 2, 50)]).toEqual([4, 2, 3]);
  expect(historyOf(impressions, 1, 2)).toHaveLength(0);
});

test('a row of a list is what lies between its offsets', () => {
  expect([...rowOf(impressions.candidates, 1)]).toEqual([3]);
  expect([...rowOf(impressions.candidates, 2)]).toEqual([4, 5, 6]);
});

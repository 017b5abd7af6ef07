import { expect, test } from 'vitest';
import { withOwnHistories } from '../../src/mind/select.ts';
import { withLabels } from './impressions.ts';

test('histories of a log of its own are those of its rows, each once', () => {
  const history = Int32Array.from({ length: 12 }, (_, at) => 100 + at);
  // Two that begin at the same click, two alike, none, and one within another; 110 and 111 are nobody's.
  const spans = [
    [0, 3],
    [0, 5],
    [5, 5],
    [2, 4],
    [0, 3],
    [12, 12],
    [6, 10],
  ];
  const starts = Int32Array.from(spans, ([start]) => start!);
  const ends = Int32Array.from(spans, ([, end]) => end!);
  const log = { ...withLabels(spans.map(() => [1, 0])), history, historyStarts: starts, historyEnds: ends };
  const own = withOwnHistories(log);
  spans.forEach(([start, end], row) => {
    const found = own.history.subarray(own.historyStarts[row], own.historyEnds[row]);
    expect([...found], `row ${row}`).toEqual([...history.subarray(start, end)]);
  });
  expect([...own.history].sort()).toEqual([100, 101, 102, 102, 103, 103, 104, 106, 107, 108, 109]);
  expect([...log.history]).toHaveLength(12);
});

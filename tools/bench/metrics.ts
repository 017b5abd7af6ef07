// What is said of two runs from the rows they kept: metrics at some cutoffs, and every paired test with its interval.
// Seconds of the clock, or with --processor of the processor, the least of all calls, for rows with one relevant item
// each whose ranks fall off as those of recommenders do.
//
//   npm run bench:metrics -- [--rows 22363] [--items 12101] [--resamples 10000] [--calls 3] [--processor]
import { parseArgs } from 'node:util';
import { RandomStream } from '@ferry/engine';
import { comparePaired, rankingMetrics, rowValues, type Places } from '@ferry/evaluation';
import { clock } from './clock.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '22363' },
    items: { type: 'string', default: '12101' },
    resamples: { type: 'string', default: '10000' },
    calls: { type: 'string', default: '3' },
    processor: { type: 'boolean', default: false },
  },
});
const [rows, items, samples, calls] = [options.rows, options.items, options.resamples, options.calls].map(
  Number,
) as [number, number, number, number];

/** Ranks of which some 6 % are within ten, as SASRec's on s3rec-beauty. */
function run(name: string): Places {
  const random = RandomStream.fromSeed(1).split(name);
  const better = Int32Array.from({ length: rows }, () =>
    Math.min(items - 1, Math.floor(items * random.uniform() ** 2.6)),
  );
  return { better, tied: better.map((count) => (count % 5 === 0 ? 1 : 0)) };
}

const [a, b] = [run('a'), run('b')];
const now = clock(options.processor);
const least = { metrics: Infinity, tests: Infinity };
for (let call = 0; call < calls; call++) {
  let start = now();
  for (const one of [a, b]) rankingMetrics(one, [5, 10, 20, 50]);
  least.metrics = Math.min(least.metrics, now() - start);
  start = now();
  comparePaired(rowValues(a, 'ndcg@10'), rowValues(b, 'ndcg@10'), {
    random: RandomStream.fromSeed(1),
    samples,
  });
  least.tests = Math.min(least.tests, now() - start);
}
const seconds = (ms: number): string => (ms / 1000).toFixed(2);
console.log(`${rows} rows among ${items} items, ${samples} resamples`);
console.log(`metrics of both runs   ${seconds(least.metrics)} s`);
console.log(`interval and four tests ${seconds(least.tests)} s`);
console.log(`together               ${seconds(least.metrics + least.tests)} s`);

// Preparation of a generated archive in Amazon's raw form (reviews with texts of 100 characters and metadata, or
// ratings alone): rows a second and peak memory, and the same core in pandas on the same files, one after the other in
// one run.
//
//   npm run bench:preparation -- [--rows 20000000] [--form reviews|ratings] [--directory <scratch>] [--memory 2GB]
//   [--python <python>]
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DidNotRun, ownReading, reading } from './programs.ts';
import { writeRatings, writeReviews } from './rawArchive.ts';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000000' },
    form: { type: 'string', default: 'reviews' },
    directory: { type: 'string', default: join(tmpdir(), 'ferry-preparation') },
    memory: { type: 'string', default: '2GB' },
    python: { type: 'string' },
  },
});
const rows = Number(options.rows);
const reviews = options.form === 'reviews';
const directory = join(options.directory, `${options.form}-${rows}`);
const size = { rows, users: Math.ceil(rows / 5), items: Math.ceil(rows / 40) };
const [log, meta] = [join(directory, reviews ? 'reviews.json' : 'ratings.csv'), join(directory, 'meta.json')];
mkdirSync(directory, { recursive: true });
if (!existsSync(log)) await (reviews ? writeReviews : writeRatings)(directory, size);
const gigabytes = (file: string): string => `${(statSync(file).size / 1e9).toFixed(2)} GB`;
console.log(
  `${rows.toLocaleString('en-US')} rows, ${gigabytes(log)}${reviews ? `, metadata ${gigabytes(meta)}` : ''}`,
);

/** What a preparation took, and the rows that it kept. */
interface Measured {
  seconds: number;
  processor: number;
  peak: number;
  counts: unknown;
}
const show = (name: string, { seconds, processor, peak, counts }: Measured): void => {
  console.log(
    `${name.padEnd(8)} ${seconds.toFixed(1).padStart(7)} s (processor ${processor.toFixed(1)} s)  ` +
      `${Math.round(rows / seconds).toLocaleString('en-US')} rows/s  peak ${(peak / 1e9).toFixed(2)} GB  ` +
      JSON.stringify(counts),
  );
};
const out = join(directory, 'domain');
rmSync(out, { recursive: true, force: true });
const worker = join(import.meta.dirname, 'preparationWorker.ts');
const ferry = ownReading(process.execPath, [
  '--import',
  'tsx',
  worker,
  JSON.stringify({ log, meta: reviews ? meta : undefined, out, memory: options.memory }),
]) as Measured;
show('ferry', ferry);
if (options.python !== undefined) {
  const pandas = reading(options.python, [
    join(import.meta.dirname, '../parity/preparation_bench.py'),
    log,
    ...(reviews ? [meta] : []),
  ]) as Measured | DidNotRun;
  if (pandas instanceof DidNotRun) {
    console.log(`pandas ${String(pandas)}`);
    process.exit();
  }
  show('pandas', pandas);
  console.log(
    `ratio: ${(pandas.seconds / ferry.seconds).toFixed(2)} times as fast as pandas by the clock, ` +
      `${(pandas.processor / ferry.processor).toFixed(2)} by the processor`,
  );
  if (JSON.stringify(pandas.counts) !== JSON.stringify(ferry.counts))
    throw new Error('the counts must agree');
}

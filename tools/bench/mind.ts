// Seconds and peak memory of reading a data set in MIND's form, made up at the sizes of MIND-small's dev split and of
// MIND-large's train split. With --python, pandas reads the same behaviours and splits their lists.
//
//   npm run bench:mind -- [--sizes small,large] [--python python3] [--keep <directory>]
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DidNotRun, ownReading, reading } from './programs.ts';
import { writeSyntheticMind, type MindSize } from './syntheticMind.ts';

const shapes: Readonly<Record<string, MindSize>> = {
  small: { news: 42_416, impressions: 73_152, users: 50_000 },
  large: { news: 161_013, impressions: 2_186_683, users: 711_222 },
};
const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: 'small,large' },
    keep: { type: 'string' },
    python: { type: 'string' },
  },
});

/** What a reading took: seconds by the clock and of the processor, and MiB. */
interface Reading {
  read: number;
  cpu: number;
  peak: number;
}

/** pandas: news, and behaviours with their lists split and labels apart. */
const pandas = `
import sys, time, resource, json, csv, pandas as pd
start = time.perf_counter()
o = dict(sep='\\t', header=None, quoting=csv.QUOTE_NONE)
n = pd.read_csv(sys.argv[1] + '/news.tsv', **o)
b = pd.read_csv(sys.argv[1] + '/behaviors.tsv', **o)
number = {id: at for at, id in enumerate(n[0])}
b[2] = pd.to_datetime(b[2], format='%m/%d/%Y %I:%M:%S %p')
h = b[3].fillna('').map(lambda s: [number[i] for i in s.split()])
c = b[4].map(lambda s: [number[i[:-2]] for i in s.split()])
l = b[4].map(lambda s: [int(i[-1]) for i in s.split()])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({'read': time.perf_counter() - start, 'cpu': time.process_time(), 'peak': peak}))
`;

const root = options.keep ?? mkdtempSync(join(tmpdir(), 'ferry-bench-mind-'));
const worker = fileURLToPath(new URL('mindWorker.ts', import.meta.url));
console.log('| data | reader | impressions | news | read s | processor s | peak MiB |');
console.log('| ---- | ------ | ----------: | ---: | -----: | ----------: | -------: |');
try {
  for (const name of options.sizes.split(',')) {
    const size = shapes[name];
    if (!size) throw new Error(`--sizes must be of ${Object.keys(shapes).join(', ')}, got ${name}`);
    const directory = join(root, name);
    if (!existsSync(directory)) writeSyntheticMind(directory, size);
    const rows: [reader: string, result: Reading | DidNotRun][] = [
      ['ferry', ownReading(process.execPath, ['--import', 'tsx', worker, directory]) as Reading],
    ];
    if (options.python !== undefined)
      rows.push(['pandas', reading(options.python, ['-c', pandas, directory]) as Reading | DidNotRun]);
    for (const [reader, result] of rows) {
      const figures =
        result instanceof DidNotRun
          ? [String(result), '', '']
          : [result.read.toFixed(2), result.cpu.toFixed(2), Math.round(result.peak)];
      console.log(`| ${[name, reader, size.impressions, size.news, ...figures].join(' | ')} |`);
    }
  }
} finally {
  if (options.keep === undefined) rmSync(root, { recursive: true, force: true });
}

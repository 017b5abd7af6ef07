// Seconds and peak memory of reading a domain (parsed, sorted by time, split leave-one-out) and of cutting its training
// rows into batches of 512, at several sizes; users and items are a twentieth of the interactions. With --python,
// pandas reads, joins ids to numbers and sorts the same .inter file.
//
//   npm run bench:data -- [--sizes 200000,2000000,20000000] [--forms inter,jsonl] [--python python3]
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DidNotRun, ownReading, reading } from './programs.ts';
import { writeSyntheticDomain, type Form } from './syntheticDomain.ts';

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '200000,2000000,20000000' },
    forms: { type: 'string', default: 'inter,jsonl' },
    keep: { type: 'string' },
    python: { type: 'string' },
  },
});

interface Reading {
  read: number;
  batched: number;
  peak: number;
}

/** pandas: the same columns, ids as numbers, sorted by user and time, ties in the file's order. */
const pandas = `
import sys, time, resource, json, pandas as pd
start = time.perf_counter()
t = pd.read_csv(sys.argv[1], sep='\\t', dtype={0: str, 1: str, 2: float})
t.columns = [c.split(':')[0] for c in t.columns]
for c in ('user_id', 'item_id'): t[c] = pd.factorize(t[c])[0]
t = t.sort_values(['user_id', 'timestamp'], kind='stable')
read = time.perf_counter() - start
print(json.dumps({'read': read, 'batched': 0, 'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
`;

const root = options.keep ?? mkdtempSync(join(tmpdir(), 'ferry-bench-data-'));
const worker = fileURLToPath(new URL('dataWorker.ts', import.meta.url));
const rows: { reader: string; interactions: number; result: Reading | DidNotRun }[] = [];
try {
  for (const form of options.forms.split(',') as Form[])
    for (const interactions of options.sizes.split(',').map(Number)) {
      const directory = join(root, `${form}-${interactions}`);
      if (!existsSync(directory)) writeSyntheticDomain(directory, form, interactions);
      const ours = ownReading(process.execPath, ['--import', 'tsx', worker, directory]) as Reading;
      rows.push({ reader: `ferry, ${form}`, interactions, result: ours });
      if (options.python !== undefined && form === 'inter')
        rows.push({
          reader: 'pandas, inter',
          interactions,
          result: reading(options.python, ['-c', pandas, join(directory, 'big.inter')]) as
            Reading | DidNotRun,
        });
      if (options.keep === undefined) rmSync(directory, { recursive: true });
    }
} finally {
  if (options.keep === undefined) rmSync(root, { recursive: true, force: true });
}

console.log('| reader | interactions | read s | batches s | peak MiB | seconds grow as n to the |');
console.log('| ------ | -----------: | -----: | --------: | -------: | -----------------------: |');
for (const reader of new Set(rows.map((row) => row.reader))) {
  let before: { interactions: number; seconds: number } | undefined;
  for (const { interactions, result } of rows.filter((row) => row.reader === reader)) {
    if (result instanceof DidNotRun) {
      console.log(`| ${reader} | ${interactions} | ${String(result)} | | | |`);
      continue;
    }
    const seconds = result.read + result.batched;
    const slope = before
      ? (Math.log(seconds / before.seconds) / Math.log(interactions / before.interactions)).toFixed(2)
      : '';
    before = { interactions, seconds };
    console.log(
      `| ${reader} | ${interactions} | ${result.read.toFixed(2)} | ` +
        `${result.batched > 0 ? result.batched.toFixed(2) : ''} | ${Math.round(result.peak)} | ${slope} |`,
    );
  }
}

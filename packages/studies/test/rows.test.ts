import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { recallAt } from '@ferry/evaluation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareRuns, shortNames } from '../src/jobs/compare.ts';
import { writeComparison } from '../src/jobs/comparisonTable.ts';
import { fingerprint } from '../src/jobs/domain.ts';
import { groupsOf, keepRows, keptRows, rankedRows } from '../src/rows.ts';
import { runBaselines } from '../src/study/baselines.ts';
import { readCsv } from './readCsv.ts';

let folder: string;
let domain: Domain;
beforeAll(async () => {
  await selectBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'ferry-studies-'));
  const directory = join(folder, 'shop');
  mkdirSync(directory);
  // Ten items that everybody takes first, then 60 that one user takes each; the last two are popular again.
  const users = Array.from({ length: 8 }, (_, u) => {
    const own = Array.from({ length: 60 }, (_, i) => `x${u}-${i}`);
    const popular = Array.from({ length: 10 }, (_, i) => `h${i}`);
    return { user: `u${u}`, items: [...popular, ...own, `h${u}`, `h${(u + 1) % 8}`] };
  });
  const ids = [...new Set(users.flatMap(({ items }) => items))];
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(join(directory, 'items.jsonl'), lines(ids.map((id) => ({ id, title: id }))));
  writeFileSync(join(directory, 'sequences.jsonl'), lines(users));
  domain = await readDomain(directory);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const settings = {
  history: 'keep',
  ties: 'mid-rank',
  cutoffs: [10],
  batchSize: 3,
  metric: 'ndcg@10',
} as const;
const baseline = async (history: 'keep' | 'mask') =>
  (
    await runBaselines(['popularity'], { target: 'shop' }, domain, { ...settings, cutoffs: [10], history })
  )[0]!;

describe('baselines', () => {
  it('count whole histories, however long', async () => {
    const { test, rows } = await baseline('keep');
    expect(test['recall@10']).toBe(1);
    expect(recallAt(rows, 10)).toBe(1);
    expect([...rows.targetCounts]).toEqual(new Array<number>(8).fill(8));
    expect([...rows.historyLengths!]).toEqual(new Array<number>(8).fill(71));
  });

  it('exclude whole histories where the protocol says so', async () => {
    // Of the ten popular items only the wanted one is left, and it is the first.
    const { rows } = await baseline('mask');
    expect([...rows.better, ...rows.tied]).toEqual(new Array<number>(16).fill(0));
    expect(rows.history).toBe('mask');
  });
});

describe('rows of a run', () => {
  const run = (name: string): string => {
    const directory = join(folder, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'recipe.yaml'),
      'job: finetune\ntarget: shop\nevaluation: { cutoffs: [1, 10] }\n',
    );
    return directory;
  };
  const placed = (better: number[]) =>
    rankedRows({
      domain,
      split: 'test',
      history: 'keep',
      places: { better: Int32Array.from(better), tied: new Int32Array(8) },
      present: { text: new Uint8Array(domain.items.ids.length).fill(1) },
      checkpoint: 'step-1',
    });

  it('come back as they were kept, and group themselves', async () => {
    const rows = placed([0, 1, 2, 3, 4, 5, 6, 20]);
    await keepRows(run('a'), 'test', rows);
    expect(await keptRows(join(folder, 'a'))).toEqual(rows);
    const groups = groupsOf(rows, [10], 'mid-rank');
    expect(groups.map(({ title }) => title)).toEqual([
      'training interactions of the item',
      'length of the history',
      'modalities of the item',
    ]);
    const filled = groups.map((group) => group.groups.filter(({ metrics }) => metrics));
    expect(filled.map(([only]) => [only!.label, only!.rows, only!.metrics!['recall@10']])).toEqual([
      ['5-9', 8, 0.875],
      ['8+', 8, 0.875],
      ['text', 8, 0.875],
    ]);
  });

  it('are compared pair by pair, corrected by Holm', async () => {
    await keepRows(run('b'), 'test', placed([9, 9, 9, 9, 9, 9, 9, 20]));
    await keepRows(run('c'), 'test', placed([0, 1, 2, 3, 4, 5, 6, 19]));
    const runs = ['a', 'b', 'c'].map((name) => join(folder, name));
    const found = await compareRuns(runs);
    expect(found).toMatchObject({ metric: 'ndcg@10', count: 8, domain: 'shop', rows: 'test' });
    const [b, c] = found.differences;
    expect(b!.difference).toBeLessThan(0);
    expect([b!.wins, b!.losses, c!.wins]).toEqual([0, 7, 0]);
    expect(b!.corrected).toBeCloseTo(2 * b!.permutation, 12);
    expect(c!.corrected).toBe(1);
    expect((await compareRuns(runs, { metric: 'MRR', cutoffs: [5] })).metrics[0]).toHaveProperty('recall@5');
  });

  it('that are compared are written as CSV, every number with all its digits', async () => {
    const runs = ['a', 'b'].map((name) => join(folder, name));
    const found = await compareRuns(runs, { cutoffs: [5, 10] });
    const file = join(folder, 'a, b.csv');
    await writeComparison(file, found);
    const rows = await readCsv(file);
    // All test rows first; every grouping has one group here, which is all of them again.
    const metrics = Object.keys(found.metrics[0]!);
    expect(rows).toHaveLength(runs.length * metrics.length * (1 + Object.keys(found.groups).length));
    for (const [i, run] of runs.entries())
      for (const metric of metrics) {
        const [whole, ...groups] = rows.filter((row) => row['run'] === run && row['metric'] === metric);
        expect(whole).toMatchObject({ domain: 'shop', split: 'test', grouping: '', group: '', rows: '8' });
        for (const row of [whole!, ...groups]) expect(Number(row['value'])).toBe(found.metrics[i]![metric]);
        expect(groups.map((row) => row['grouping'])).toEqual(Object.keys(found.groups));
        expect(whole!['difference']).toBe(
          i === 1 && metric === 'ndcg@10' ? String(found.differences[0]!.difference) : '',
        );
      }
    const { low, high, permutation, corrected } = found.differences[0]!;
    expect(rows.find((row) => row['difference'] !== '')).toMatchObject({
      ...{ low: String(low), high: String(high), p: String(permutation), holm: String(corrected) },
      ...{ better: '0', worse: '7' },
    });
  });

  it('are refused where they are not the same', async () => {
    const a = join(folder, 'a');
    const other = async (name: string, change: object): Promise<Promise<unknown>> => {
      await keepRows(run(name), 'test', { ...placed(new Array<number>(8).fill(0)), ...change });
      return compareRuns([a, join(folder, name)]);
    };
    await expect(other('d', { history: 'mask' })).rejects.toThrow(/history kept; .*history excluded/);
    await expect(other('d', { domain: 'cafe' })).rejects.toThrow(/test of shop, .*test of cafe/);
    await expect(other('d', { key: 'x' })).rejects.toThrow(/their users or items are others/);
    await expect(other('d', { targets: new Int32Array(8).fill(1) })).rejects.toThrow(
      /row 1 wants another item/,
    );
    await expect(other('d', { items: 7 })).rejects.toThrow(/among 490 items.*among 7 items/);
    await expect(compareRuns([a])).rejects.toThrow(/two runs at least/);
    await expect(compareRuns([a, join(folder, 'b')], { rows: 'valid' })).rejects.toThrow(
      /no rows 'valid' \(it has test\).*--split valid/,
    );
  });

  it('of runs of before rows were kept can be compared with others', async () => {
    const old = run('old');
    const details = {
      domain: 'shop',
      ranks: [1, 2.5, 3, 4, 5, 6, 7, 8],
      targetCounts: new Array<number>(8).fill(8),
    };
    writeFileSync(join(old, 'details.json'), JSON.stringify(details));
    const found = await compareRuns([join(folder, 'a'), old]);
    expect(found.differences[0]!.rows).toBe(8);
    // The old run tells only how often items occur in training.
    expect(Object.keys(found.groups)).toEqual(['training interactions of the item']);
  });

  it('have short names where their paths are alike', () => {
    expect(shortNames(['r/s/scratch/seed-1', 'r/s/pre-trained/seed-1'])).toEqual(['scratch', 'pre-trained']);
    expect(shortNames(['a', 'b/c'])).toEqual(['a', 'b/c']);
    expect(shortNames(['x/a/y', 'x/b/z'])).toEqual(['a/y', 'b/z']);
  });
});

describe('fingerprint', () => {
  it('is of what a model sees: the same for histories that were cut before', () => {
    const cut = (rows: Domain['test']): Domain['test'] => ({
      ...rows,
      starts: rows.starts.map((start, r) => Math.max(start, rows.ends[r]! - 20)),
    });
    const short = { ...domain, train: cut(domain.train), valid: cut(domain.valid), test: cut(domain.test) };
    const of = (own: Domain, positions: number): string =>
      fingerprint([{ domain: own, features: {} }], positions);
    expect(of(short, 20)).toBe(of(domain, 20));
    expect(of(short, 30)).not.toBe(of(domain, 30));
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain, splitDomain, targetsByUser, type Domain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { hits, maskedMean, rankUsers, tTest } from '@ferry/evaluation';
import type { FeatureMatrix } from '@ferry/features';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareRuns } from '../src/jobs/compare.ts';
import { writeComparison } from '../src/jobs/comparisonTable.ts';
import { formatComparison } from '../src/jobs/formatComparison.ts';
import { shortNames } from '../src/jobs/lines.ts';
import { fingerprint } from '../src/jobs/domain.ts';
import { keepRows, keptRows } from '../src/keptRows.ts';
import { groupsOf, metricsOf, valuesOf } from '../src/rowMetrics.ts';
import { rankedRows, rankedUsers } from '../src/rows.ts';
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
    await runBaselines(
      ['popularity'],
      { place: { target: 'shop' }, domain },
      { ...settings, cutoffs: [10], history },
    )
  )[0]!;

describe('baselines', () => {
  it('count whole histories, however long', async () => {
    const { test, rows } = await baseline('keep');
    expect(test['recall@10']).toBe(1);
    expect(maskedMean(hits(rows, 10))).toBe(1);
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

describe('kept rows of baselines', () => {
  const place = { target: 'shop' };
  const directory = () => join(folder, 'kept');
  /** Every item on a place of its own on a circle. */
  const matrix = (step: number): FeatureMatrix => {
    const count = domain.items.ids.length;
    const angles = Array.from({ length: count }, (_, i) => step * i);
    return {
      ...{ modality: 'text', encoder: 'x', count, width: 2 },
      data: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
      present: new Uint8Array(count).fill(1),
    };
  };
  const run = async (step?: number, more: object = {}) => {
    const features = step === undefined ? {} : { features: () => Promise.resolve({ text: matrix(step) }) };
    const target = { place, domain, directory: directory(), ...features };
    return runBaselines(['popularity', 'content-last', 'content-history'], target, {
      ...settings,
      cutoffs: [10],
      ...more,
    });
  };
  /** Puts a mark into kept rows, which is there as long as they are. */
  const mark = async (name: string): Promise<void> => {
    const rows = (await keptRows(join(directory(), name)))!;
    await keepRows(join(directory(), name), 'test', { ...rows, checkpoint: 'marked' });
  };
  const marked = (found: Awaited<ReturnType<typeof run>>): string[] =>
    found.filter(({ rows }) => rows.checkpoint === 'marked').map(({ name }) => name);

  it('are read again where nothing has changed, and ranked again by other features', async () => {
    const first = await run(0.1);
    const names = first.map(({ name }) => name);
    expect(names).toEqual(['popularity', 'content-last', 'content-history']);
    expect(first[1]!.rows.better).not.toEqual(first[2]!.rows.better);
    for (const name of names) await mark(name);
    expect(marked(await run(0.1))).toEqual(names);
    const other = await run(1.7);
    expect(marked(other)).toEqual(['popularity']);
    expect(other[1]!.rows.better).not.toEqual(first[1]!.rows.better);
    // As they are without anything kept.
    rmSync(directory(), { recursive: true });
    expect((await run(1.7)).map(({ test }) => test)).toEqual(other.map(({ test }) => test));
    expect((await run()).map(({ name }) => name)).toEqual(['popularity']);
  });

  it('are ranked again where candidates are others, or rows', async () => {
    const names = (await run(0.1)).map(({ name }) => name);
    const again = async (more: object): Promise<string[]> => {
      for (const name of names) await mark(name);
      return marked(await run(0.1, more));
    };
    expect(await again({})).toEqual(names);
    expect(await again({ history: 'mask' })).toEqual([]);
    expect(await again({ history: 'mask', negatives: { count: 5, draw: 'uniform', seed: 1 } })).toEqual([]);
    const own = domain;
    domain = splitDomain(own, { name: 'temporal-by-user', valid: 0.1, test: 0.2 });
    expect(await again({})).toEqual([]);
    domain = {
      ...domain,
      test: { ...domain.test, targets: domain.test.targets.map((item) => item - 1 || 1) },
    };
    expect(await again({})).toEqual([]);
    domain = own;
  });
});

describe('rows of a run', () => {
  const run = (name: string, more = ''): string => {
    const directory = join(folder, name);
    mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, 'recipe.yaml'),
      `job: finetune\ntarget: shop\nevaluation: { cutoffs: [1, 10] }\n${more}`,
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
    const other = await compareRuns(runs, { test: 't', correction: 'benjamini-hochberg', pairs: true });
    expect(other.differences.map(({ line, base }) => `${line} ${base}`)).toEqual(['b a', 'c a', 'c b']);
    const least = Math.min(...other.differences.map(({ t }) => t));
    expect(Math.min(...other.differences.map((one) => one.corrected))).toBeGreaterThan(least);
    await expect(compareRuns(runs, { metric: 'ndgc@10' })).rejects.toThrow(/such as .*, got ndgc@10/);
  });

  it('of one recipe and several seeds are one line, its seeds apart from its rows', async () => {
    const ranks = {
      'x-1': [0, 1, 2, 3, 4, 5, 6, 20],
      'x-2': [1, 1, 2, 3, 4, 5, 6, 20],
      'y-1': [9, 9, 9, 9, 9, 9, 9, 20],
    };
    for (const [name, better] of Object.entries(ranks)) {
      const [of, seed] = name.split('-') as [string, string];
      const ids = of === 'y' ? 'ids: false\n' : '';
      await keepRows(run(name, `seed: ${seed}\n${ids}`), 'test', placed(better));
    }
    const directories = ['x-1', 'x-2', 'y-1'].map((name) => join(folder, name));
    const found = await compareRuns(directories);
    expect(found.lines.map(({ seeds }) => seeds)).toEqual([[1, 2], [1]]);
    expect(found.metrics[0]!['recall@1']).toEqual({ mean: 1 / 16, deviation: Math.SQRT2 / 16, count: 2 });
    // Seed 1 is all that both have.
    const both = await compareRuns([directories[0]!, directories[2]!]);
    const { difference, low, permutation, seeds } = found.differences[0]!;
    expect({ difference, low, permutation }).toEqual({
      difference: both.differences[0]!.difference,
      low: both.differences[0]!.low,
      permutation: both.differences[0]!.permutation,
    });
    expect(seeds).toBeUndefined();
    await keepRows(run('y-2', 'seed: 2\nids: false\n'), 'test', placed([8, 9, 9, 9, 9, 9, 9, 20]));
    const four = await compareRuns([...directories, join(folder, 'y-2')]);
    const [one] = four.differences;
    const gain = (rank: number): number => 1 / Math.log2(rank + 1);
    const bySeed = [gain(1) - gain(10), gain(2) - gain(9)].map(
      (first) => (first + [2, 3, 4, 5, 6, 7].reduce((sum, rank) => sum + gain(rank) - gain(10), 0)) / 8,
    );
    expect(one!.seeds!.mean).toBeCloseTo(-(bySeed[0]! + bySeed[1]!) / 2, 12);
    expect(one!.difference).toBeCloseTo(one!.seeds!.mean, 12);
    expect(one!.seeds!.deviation).toBeCloseTo(Math.abs(bySeed[0]! - bySeed[1]!) / Math.SQRT2, 12);
    expect((await compareRuns(directories, { each: true })).lines).toHaveLength(3);
    for (const format of ['text', 'markdown', 'latex'] as const) {
      const text = formatComparison(four, { format });
      expect(text).toContain({ text: 'from seed to seed', markdown: '| ---', latex: '\\toprule' }[format]);
      expect(text).toMatch(/mean over the seeds that both lines have/);
    }
  });

  it('may have several relevant items, and keep their lists', async () => {
    const split = splitDomain(domain, { name: 'random-by-user', test: 0.2 });
    const targets = targetsByUser(split.test);
    const count = domain.items.ids.length;
    const ranking = await rankUsers({
      ...{ targets, count, seen: split.training, k: [10] },
      scores: (users) =>
        Float32Array.from({ length: users.length * (count + 1) }, (_, i) => (i * 7919) % (count + 1)),
    });
    const rows = rankedUsers({
      ...{ domain: split, split: 'test', history: 'mask', places: ranking, checkpoint: 'step-1' },
    });
    for (const name of ['m', 'n']) await keepRows(run(name), 'test', rows);
    const kept = (await keptRows(join(folder, 'm')))!;
    expect(kept).toEqual(rows);
    const wanted = targets.relevant.subarray(0, targets.relevantEnds[0]);
    const seen = split.training.items.subarray(split.training.starts[0], split.training.ends[0]);
    const left = count - new Set(seen.filter((item) => !wanted.includes(item))).size;
    expect([kept.protocol, kept.candidates![0]]).toEqual(['random-by-user', left]);
    const found = await compareRuns(
      ['m', 'n'].map((name) => join(folder, name)),
      { metric: 'epc@10' },
    );
    expect(found.count).toBe(8);
    expect(Object.keys(found.metrics[0]!)).toEqual(
      expect.arrayContaining(['map@1', 'gini@10', 'coverage@10']),
    );
    expect(found.metrics[0]!['recall@10']!.mean).toBe(ranking.metrics['recall@10']);
    expect(found.differences[0]).toMatchObject({
      difference: 0,
      permutation: 1,
      t: tTest(new Float64Array(2)),
    });
    expect(metricsOf(kept, [10, 50], 'mid-rank')).not.toHaveProperty('gini@50');
    expect(() => valuesOf({ ...kept, lists: undefined }, 'arp@10', 'mid-rank')).toThrow(/lists .* not kept/);
    // Items are grouped one by one, rows as they are.
    const [items, lengths] = groupsOf(kept, [10], 'mid-rank').map(({ groups }) =>
      groups.filter(({ metrics }) => metrics),
    );
    expect(items!.reduce((sum, group) => sum + group.interactions!, 0)).toBe(targets.relevant.length);
    // Everybody is tested on items that nobody else has, and that training does not know.
    expect(items![0]).toMatchObject({ label: '0', rows: 8 });
    expect(items![0]!.interactions).toBeGreaterThan(8);
    expect(lengths!.every((group) => group.interactions === undefined)).toBe(true);
    const text = formatComparison(found);
    expect(text).toMatch(/training interactions of the item +rows +interactions /);
    // The groups of a run are no rivals: none of them is marked as the best.
    expect(items!.length).toBeGreaterThan(1);
    expect(text.slice(text.indexOf('by group'))).not.toContain('*');
    const csv = join(folder, 'many.csv');
    await writeComparison(csv, found);
    expect(
      (await readCsv(csv)).find(({ group, metric }) => group === '0' && metric === 'recall@10'),
    ).toMatchObject({
      ...{ rows: '8', interactions: String(items![0]!.interactions) },
    });
    expect(Object.keys(items![0]!.metrics!)).toEqual(['recall@10']);
    expect(lengths![0]!.metrics!['ndcg@10']).toBeCloseTo(ranking.metrics['ndcg@10']!, 12);
  });

  it('that are compared are written as CSV, every number with all its digits', async () => {
    const runs = ['a', 'b'].map((name) => join(folder, name));
    const found = await compareRuns(runs, { cutoffs: [5, 10] });
    const file = join(folder, 'a, b.csv');
    await writeComparison(file, found);
    const rows = await readCsv(file);
    // All test rows first; every grouping has one group here, which is all of them again.
    const metrics = Object.keys(found.metrics[0]!);
    const [compared] = rows.filter((row) => row['against'] !== '');
    expect(rows).toHaveLength(1 + runs.length * metrics.length * (1 + Object.keys(found.groups).length));
    for (const [i, { name }] of found.lines.entries())
      for (const metric of metrics) {
        const [whole, ...groups] = rows.filter(
          (row) => row['run'] === name && row['metric'] === metric && row['against'] === '',
        );
        expect(whole).toMatchObject({ domain: 'shop', split: 'test', grouping: '', group: '', rows: '8' });
        for (const row of [whole!, ...groups])
          expect(Number(row['value'])).toBe(found.metrics[i]![metric]!.mean);
        expect(groups.map((row) => row['grouping'])).toEqual(Object.keys(found.groups));
      }
    const { difference, low, high, permutation, corrected, t, wilcoxon } = found.differences[0]!;
    expect(compared).toMatchObject({
      ...{ run: 'b', against: 'a', metric: 'ndcg@10', difference: String(difference) },
      ...{ low: String(low), high: String(high), p: String(permutation), corrected: String(corrected) },
      ...{ t: String(t), wilcoxon: String(wilcoxon), better: '0', worse: '7' },
    });
  });

  it('are refused where they are not the same', async () => {
    const a = join(folder, 'a');
    const other = async (name: string, change: object): Promise<Promise<unknown>> => {
      await keepRows(run(name), 'test', { ...placed(new Array<number>(8).fill(0)), ...change });
      return compareRuns([a, join(folder, name)]);
    };
    await expect(other('d', { history: 'mask' })).rejects.toThrow(/history kept; .*history excluded/);
    await expect(other('d', { protocol: 'files' })).rejects.toThrow(/split leave-one-out, the other files/);
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

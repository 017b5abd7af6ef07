import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatLongtail, longtail, longtailSvg, writeLongtail } from '../src/jobs/longtail.ts';
import { keepRows } from '../src/keptRows.ts';
import { readCsv } from './readCsv.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-longtail-'));
  // Of 12 rows four want items that training does not know, four rare ones, four frequent ones.
  const counts = [0, 0, 0, 0, 2, 2, 3, 3, 30, 40, 50, 60];
  const rows = (better: number[]) => ({
    ...{ domain: 'shop', split: 'test', history: 'keep', items: 100, key: 'k', checkpoint: 'c' },
    better: Int32Array.from(better),
    tied: new Int32Array(12),
    targets: Int32Array.from(counts.keys(), (r) => r + 1),
    targetCounts: Int32Array.from(counts),
    historyLengths: Int32Array.from(counts.keys(), (r) => 1 + r),
    ages: Float32Array.from(counts.keys(), (r) => 86_400 * r),
    modalities: Uint8Array.from(counts, (count) => (count > 2 ? 3 : 1)),
    modalityNames: ['text', 'image'],
  });
  const run = async (name: string, more: string, better: number[]): Promise<void> => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'recipe.yaml'), `job: finetune\ntarget: shop\n${more}`);
    await keepRows(join(folder, name), 'test', rows(better));
  };
  await run('base', 'ids: false\n', [99, 99, 99, 99, 0, 99, 0, 99, 0, 0, 0, 99]);
  await run('mine-1', 'seed: 1\n', [0, 99, 99, 99, 0, 0, 0, 99, 0, 0, 0, 0]);
  await run('mine-2', 'seed: 2\n', [0, 0, 99, 99, 0, 0, 0, 0, 0, 0, 99, 99]);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const runs = () => ['base', 'mine-1', 'mine-2'].map((name) => join(folder, name));

describe('longtail', () => {
  it('groups rows by training frequency, relative to a named run, seeds together', async () => {
    const found = await longtail(runs());
    expect(found.lines.map(({ seeds }) => seeds.length)).toEqual([1, 2]);
    expect(found.groups.map(({ label, rows }) => [label, rows])).toEqual([
      ['0', 4],
      ['1-4', 4],
      ['20+', 4],
    ]);
    expect(found.groups.map(({ points }) => points.map(({ value }) => value))).toEqual([
      [0, 0.375],
      [0.5, 0.875],
      [0.75, 0.75],
    ]);
    const [none, rare, frequent] = found.groups.map(({ points }) => points[1]!.relative);
    // Nothing to be a multiple of.
    expect(none).toBeUndefined();
    expect(rare!.ratio).toBeCloseTo(0.75, 12);
    expect(frequent!.ratio).toBe(0);
    expect(rare!.low).toBeLessThan(0.75);
    expect(rare!.high).toBeGreaterThan(0.75);
    await expect(longtail(runs(), { metric: 'recal@10' })).rejects.toThrow(
      /^--metric must be one that the rows can tell, got recal@10 \(the metric must be recall@k/,
    );
    const other = await longtail(runs(), { against: join(folder, 'mine-1'), edges: [3], metric: 'NDCG@10' });
    expect(other.lines[0]!.name).toContain('mine');
    expect(other.groups.map(({ label, rows }) => [label, rows])).toEqual([
      ['<3', 6],
      ['3+', 6],
    ]);
    expect(formatLongtail(found)).toMatch(/Recall@10 by training interactions of the item, relative to base/);
  });

  it('groups by history, modality, age and into quantiles too', async () => {
    const labels = async (options: Parameters<typeof longtail>[1]) =>
      (await longtail(runs(), options)).groups.map(({ label, rows }) => `${label}: ${rows}`);
    expect(await labels({ by: 'cold' })).toEqual(['<5: 8', '5+: 4']);
    expect(await labels({ by: 'history' })).toEqual(['1-3: 3', '4: 1', '5: 1', '6-7: 2', '8+: 5']);
    expect(await labels({ by: 'modality' })).toEqual(['text+image: 6', 'text: 6']);
    expect(await labels({ by: 'age', edges: [6] })).toEqual(['<6: 6', '6+: 6']);
    expect(await labels({ quantiles: 3 })).toEqual(['<2: 4', '2-29: 4', '30+: 4']);
    // More groups than rows: each value is one, and their number takes no memory.
    expect(await labels({ quantiles: 1e15 })).toEqual(await labels({ quantiles: 12 }));
    await expect(longtail(runs(), { by: 'cold', quantiles: 2 })).rejects.toThrow(/leave --quantiles out/);
    await expect(longtail(runs(), { against: 'x' })).rejects.toThrow(/must be one of the runs/);
  });

  it('is written as CSV and as an SVG with text, in greys alone', async () => {
    const found = await longtail(runs());
    const [csv, svg] = [join(folder, 'f.csv'), join(folder, 'f.svg')];
    await writeLongtail(found, { csv, svg });
    const rows = await readCsv(csv);
    expect(rows).toHaveLength(6);
    expect(rows.find(({ group, seeds }) => group === '1-4' && seeds === '2')).toMatchObject({
      ...{ rows: '4', metric: 'recall@10', value: '0.875', relative: '0.75' },
    });
    const picture = readFileSync(svg, 'utf8');
    expect(picture).toBe(longtailSvg(found));
    for (const text of [
      'test rows',
      'training interactions of the item',
      'Recall@10 relative to base (%)',
      '1-4',
    ])
      expect(picture).toContain(`>${text}<`);
    expect(picture.match(/class="b"/g)).toHaveLength(3 + 1);
    for (const colour of picture.match(/#[0-9a-f]{3,6}\b/g)!) {
      const digits = colour.slice(1);
      const parts = [0, 1, 2].map((at) =>
        digits.slice((at * digits.length) / 3, ((at + 1) * digits.length) / 3),
      );
      expect(new Set(parts).size).toBe(1);
    }
    expect(picture).not.toMatch(/NaN|undefined/);
  });
});

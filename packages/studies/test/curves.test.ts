import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { meanCurve, validationChart } from '../src/study/curves.ts';
import type { StudyResult } from '../src/study/results.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-curves-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A run directory with the given validation values, one an epoch. */
function run(name: string, values: number[]): string {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  const lines = values.map((value, i) =>
    JSON.stringify({
      kind: 'epoch',
      step: i,
      epoch: i + 1,
      loss: 1,
      valid: { 'ndcg@10': value, mrr: 2 * value },
    }),
  );
  writeFileSync(join(directory, 'metrics.jsonl'), lines.map((line) => `${line}\n`).join(''));
  return directory;
}

const valid = (epoch: { valid?: Readonly<Record<string, number>> }): number | undefined =>
  epoch.valid?.['ndcg@10'];

it('a mean over seeds says from where a seed has ended', () => {
  const [long, short] = [run('long', [0.1, 0.2, 0.3, 0.4]), run('short', [0.3, 0.4])];
  const { points, thinFrom } = meanCurve([long, short], valid);
  expect(points.map(([epoch]) => epoch)).toEqual([1, 2, 3, 4]);
  expect(points[0]![1]).toBeCloseTo(0.2, 12);
  expect(points[0]![2]).toBeCloseTo(Math.sqrt(0.02), 12);
  expect(points[3]!.slice(1)).toEqual([0.4]);
  expect(thinFrom).toBe(2);
  expect(meanCurve([long], valid).thinFrom).toBeUndefined();
  expect(meanCurve([long, run('other', [1, 1, 1, 1])], valid).thinFrom).toBeUndefined();
});

it('a run without epochs is named', () => {
  const cut = run('cut', []);
  expect(() => meanCurve([cut], valid)).toThrow(
    `${cut}/metrics.jsonl must have a line of an epoch, got none: it was cut or replaced`,
  );
});

it('learning curves follow the validation metric and name it once', () => {
  const axes = [
    { key: 'target', title: 'target', setting: true, values: [{ value: 'a', title: 'a' }] },
    { key: 'start', title: 'start', values: [{ value: 'x', title: 'from x' }] },
  ];
  const place = { target: 'a', start: 'x' };
  const results = [1, 2].map((seed) => ({
    place,
    seed,
    directory: run(`seed${seed}`, seed === 1 ? [0.1, 0.2, 0.3] : [0.1]),
  })) as unknown as StudyResult[];
  const { svg, thin } = validationChart(axes, axes.slice(0, 1), place, results, 'mrr');
  expect(thin).toBe(true);
  expect(svg).toContain('a: validation MRR');
  expect(svg).not.toContain('NDCG');
  expect(svg).toContain('stroke-dasharray="1 4"');
  // Twice the NDCG of the files: .6 at the last epoch.
  expect(svg).toContain('0.6');
});

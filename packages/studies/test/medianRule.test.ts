import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { medianRule } from '../src/study/medianRule.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-median-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A run with these validation values after epochs 2, 4, 6, .... */
function runWith(name: string, values: readonly number[]): string {
  const run = join(folder, name);
  mkdirSync(run);
  const lines = values.flatMap((value, i) => [
    { kind: 'epoch', epoch: 2 * i + 1, loss: 1 },
    { kind: 'epoch', epoch: 2 * i + 2, loss: 1, valid: { 'recall@3': value, 'ndcg@3': 9 } },
  ]);
  writeFileSync(join(run, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return run;
}

it('asks for the median of the averages so far of runs that were validated then', () => {
  // Averages: .2 .3 .4; .6 .4; .1 .1 .4.
  const runs = [runWith('a', [0.2, 0.4, 0.6]), runWith('b', [0.6, 0.2]), runWith('c', [0.1, 0.1, 1])];
  const rule = (count: number, epochs = 1) => medianRule({ runs: count, epochs }, 'recall@3', runs);
  expect(rule(4)).toBeUndefined();
  const least = rule(2)!;
  expect([1, 2, 3, 4, 6, 8].map(least)).toEqual([
    undefined,
    0.2,
    undefined,
    expect.closeTo(0.3, 12),
    expect.closeTo(0.4, 12),
    undefined,
  ]);
  expect(rule(3)!(6)).toBeUndefined();
  expect(rule(2, 4)!(2)).toBeUndefined();
  expect(rule(2, 4)!(4)).toBeCloseTo(0.3, 12);
});

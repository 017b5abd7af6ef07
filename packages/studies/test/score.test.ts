import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatScoredLists, scoreLists } from '../src/jobs/score.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-score-'));
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const items = Array.from({ length: 8 }, (_, i) => `i${i}`);
  writeFileSync(join(folder, 'items.jsonl'), lines(items.map((id) => ({ id, title: id }))));
  const sequences = [
    ['u', [0, 1, 2, 3]],
    ['v', [1, 2, 4, 5]],
    ['w', [2, 1, 6, 7]],
    ['x', [0, 1]],
  ] as const;
  writeFileSync(
    join(folder, 'sequences.jsonl'),
    lines(sequences.map(([user, own]) => ({ user, items: own.map((i) => items[i]) }))),
  );
  mkdirSync(join(folder, 'lists'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('scoreLists', () => {
  it('measures lists against the test items, worked out by hand', async () => {
    const file = join(folder, 'lists/mine.tsv');
    // u finds i3 at place 2, v does not find i5, w has no list, x has no test item; i0 is u's own training.
    writeFileSync(file, 'u\ti6\t3\nu\ti3\t2\nu\ti0\t1\nv\ti6\t2\nv\ti7\t1\nx\ti5\t1\n');
    const found = await scoreLists(file, { on: folder, cutoffs: [1, 3] });
    expect(found).toMatchObject({
      ...{ form: 'triples', protocol: 'leave-one-out', split: 'test', users: 3, depth: 3 },
      ...{ withoutList: 1, notNeeded: 1, fromTraining: 1 },
    });
    const { metrics } = found;
    expect(metrics['recall@1']).toBe(0);
    expect(metrics['hit@3']).toBeCloseTo(1 / 3, 12);
    expect(metrics['ndcg@3']).toBeCloseTo(1 / Math.log2(3) / 3, 12);
    expect(metrics['precision@3']).toBeCloseTo(1 / 9, 12);
    expect(metrics['items@3']).toBe(4);
    expect(metrics['items@1']).toBe(1);
    const text = formatScoredLists(found);
    expect(text).toContain('1 users have no list: they count, with nothing found');
    expect(text).toMatch(/cutoff +users|cutoff +rows/);
    await expect(scoreLists(file, { on: folder, cutoffs: [4] })).rejects.toThrow(
      /longest list \(3 items\), got 4/,
    );
    // Three of ten by time: several relevant items a user.
    const half = await scoreLists(file, { on: folder, protocol: 'temporal-by-user', split: { test: 0.5 } });
    expect(half.metrics['recall@3']).toBeCloseTo((1 / 2 + 0 + 0 + 0) / 4, 12);
  });
});

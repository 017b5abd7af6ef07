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
    // What is wrong is told by the options that were typed, before the domain is read.
    for (const [how, says] of [
      [
        { split: { valid: 0.2 } },
        '--valid is not read by the split of the domain (--protocol is not given), got 0.2',
      ],
      [
        { protocol: 'leave-one-out', split: { seed: 2 } },
        '--split-seed is not read by the protocol leave-one-out without --valid-users or --train-users, got 2',
      ],
      [
        { protocol: 'random-by-user', split: { valid: 0.9 } },
        '--valid and --test must not be negative and must leave a share for training, got valid 0.9 and test 0.1',
      ],
      [
        { protocol: 'global-temporal', split: { validFrom: 3, testFrom: 2 } },
        '--valid-from must not be after --test-from, got 3 and 2',
      ],
    ] as const)
      await expect(scoreLists(file, { on: join(folder, 'nowhere'), ...how })).rejects.toThrow(says);
    await expect(scoreLists(file, { on: folder, protocol: 'global-temporal' })).rejects.toThrow(
      /^--protocol: global-temporal needs the time of every interaction/,
    );
    // Three of ten by time: several relevant items a user.
    const half = await scoreLists(file, { on: folder, protocol: 'temporal-by-user', split: { test: 0.5 } });
    expect(half.metrics['recall@3']).toBeCloseTo((1 / 2 + 0 + 0 + 0) / 4, 12);
  });

  it('knows ratings: graded NDCG by Elliot’s gains, and items that are rated too low for relevance', async () => {
    const rated = join(folder, 'rated');
    mkdirSync(rated);
    writeFileSync(join(rated, 'train.tsv'), 'u\ti0\t5\nu\ti1\t3\nv\ti0\t4\n');
    writeFileSync(join(rated, 'test.tsv'), 'u\ti2\t2\nu\ti3\t5\nv\ti1\t1\n');
    const file = join(folder, 'lists/rated.tsv');
    writeFileSync(file, 'u\ti2\t3\nu\ti3\t2\nv\ti1\t1\n');
    // u is tested on i2 (rated 2) and i3 (rated 5), v on i1 (rated 1), which it finds first.
    const how = {
      on: rated,
      protocol: 'temporal-by-user',
      split: { valid: 0, test: 0.5 },
      cutoffs: [2],
    } as const;
    const all = await scoreLists(file, how);
    const [two, five] = [2 ** 3 - 1, 2 ** 6 - 1];
    const order = (two + five / Math.log2(3)) / (five + two / Math.log2(3));
    expect(all.metrics['ndcg-graded@2']).toBeCloseTo((order + 1) / 2, 6);
    expect(all.metrics['ndcg@2']).toBeCloseTo(1, 12);
    const liked = await scoreLists(file, { ...how, relevance: 4 });
    expect(liked.users).toBe(1);
    expect(liked.metrics['recall@2']).toBe(1);
    expect(liked.metrics['ndcg@2']).toBeCloseTo(1 / Math.log2(3), 12);
    await expect(scoreLists(file, { ...how, relevance: 6 })).rejects.toThrow(/rated 6 or better/);
    await expect(scoreLists(join(folder, 'lists/mine.tsv'), { on: folder, relevance: 3 })).rejects.toThrow(
      /--relevance needs ratings/,
    );
  });
});

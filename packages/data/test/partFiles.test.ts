import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDomain, targetsByUser, type Domain } from '@ferry/data';
import { describe, expect, it } from 'vitest';
import { directoryWith, realData } from './helpers.ts';

/** Each user's items in a part, as raw ids. */
function parts(domain: Domain, part: 'valid' | 'test'): Record<string, string[]> {
  const { users, relevant, relevantEnds } = targetsByUser(domain[part]);
  return Object.fromEntries(
    Array.from(users, (user, r) => [
      domain.users[user]!,
      Array.from(
        relevant.subarray(relevantEnds[r - 1] ?? 0, relevantEnds[r]),
        (item) => domain.items.ids[item - 1]!,
      ),
    ]),
  );
}
const training = ({
  users,
  items,
  training: { items: flat, starts, ends },
}: Domain): Record<string, string[]> =>
  Object.fromEntries(
    users.map((user, u) => [
      user,
      Array.from(flat.subarray(starts[u], ends[u]), (item) => items.ids[item - 1]!),
    ]),
  );

describe('ready-made splits without an order', () => {
  it("reads Elliot's three files", async () => {
    const domain = await readDomain(
      await directoryWith({
        'train.tsv': 'a\tx\t5.0\nb\ty\t1\t7\na\ty\t4.0\na\tx\t2.0\n',
        'val.tsv': 'a\tz\t3.0\n',
        'test.tsv': 'b\tz\t5.0\nc\tnew\t5.0\n',
        'reviews.tsv': '',
      }),
    );
    expect(training(domain)).toEqual({ a: ['x', 'y'], b: ['y'], c: [] });
    expect(parts(domain, 'valid')).toEqual({ a: ['z'] });
    expect(parts(domain, 'test')).toEqual({ b: ['z'], c: ['new'] });
    expect(domain).toMatchObject({ protocol: 'files', unordered: true });
    // Ratings go with the items of the sequences; of an interaction that is there twice the first counts.
    const { items, ratings, starts, ends } = domain.sequences;
    const rated = domain.users.map((_, u) =>
      Array.from(
        items.subarray(starts[u], ends[u]),
        (item, i) => `${domain.items.ids[item - 1]!}${ratings![starts[u]! + i]!}`,
      ),
    );
    expect(rated).toEqual([['x5', 'y4', 'z3'], ['y1', 'z5'], ['new5']]);
    expect(domain.warnings).toEqual([
      expect.stringMatching(/train\.tsv: 1 interactions are there twice/),
      expect.stringMatching(/test\.tsv: 1 users have no training/),
    ]);
  });

  it("reads LightGCN's two files, which have no validation part", async () => {
    const domain = await readDomain(
      await directoryWith({ 'train.txt': '0 1 2 3 \n1 2\n2\n', 'test.txt': '0 0\n1 3 1\n' }),
    );
    expect(training(domain)).toEqual({ 0: ['1', '2', '3'], 1: ['2'] });
    expect(parts(domain, 'test')).toEqual({ 0: ['0'], 1: ['3', '1'] });
    expect(domain.valid.targets).toHaveLength(0);
    expect(domain.sequences.ratings).toBeUndefined();
    const words = { 'train.tsv': 'a\tx\tgood\n', 'test.tsv': 'a\ty\t5\n' };
    expect((await readDomain(await directoryWith(words))).sequences.ratings).toBeUndefined();
  });

  it.each([
    [
      { 'train.tsv': 'a\tx\n', 'test.tsv': 'a\tx\n' },
      /test\.tsv:1: an item of a user must be in one part, got "x" of "a"/,
    ],
    [
      { 'train.tsv': 'a x\n', 'test.tsv': 'a\ty\n' },
      /train\.tsv:1: a line must begin with a user and an item/,
    ],
    [{ 'train.tsv': 'a\tx\n', 'test.tsv': '' }, /test\.tsv: the test part must hold an interaction/],
  ])('refuses %j', async (files, message) => {
    await expect(readDomain(await directoryWith(files))).rejects.toThrow(message);
  });

  const published = [
    ['amazon-office-vbpr', 4892, 1780, [21196, 5449, 8868]],
    ['gowalla', 29858, 40981, [810128, 0, 217242]],
  ] as const;
  it.each(published)(
    '%s has its published counts (skipped without FERRY_DATA)',
    async (name, users, items, rows) => {
      if (!existsSync(join(realData, name))) return;
      const domain = await readDomain(join(realData, name));
      expect([domain.users.length, domain.items.ids.length]).toEqual([users, items]);
      const { starts, ends } = domain.training;
      const trained = ends.reduce((sum, end, u) => sum + end - starts[u]!, 0);
      expect([trained, domain.valid.targets.length, domain.test.targets.length]).toEqual(rows);
    },
  );
});

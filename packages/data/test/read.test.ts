import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDomain, readRecords, recboleOrder } from '@ferry/data';
import { content, directoryWith, jsonl, listed, toyAtomic, toyJsonl } from './helpers.ts';

describe('readDomain', () => {
  it('splits the jsonl form leave-one-out', async () => {
    const domain = await readDomain(await directoryWith(toyJsonl));
    expect(domain.items.ids).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(domain.items.images).toEqual(['pictures/a.png', undefined, undefined, undefined, undefined]);
    expect([...domain.items.clipRows!]).toEqual([-1, -1, 7, -1, -1]);
    expect(domain.users).toEqual(['u1', 'u2', 'u3']);
    expect(listed(domain.train)).toEqual([
      [0, [1], 2],
      [0, [1, 2], 3],
      [2, [5], 4],
    ]);
    expect(listed(domain.valid)).toEqual([
      [0, [1, 2, 3], 4],
      [1, [3], 1],
      [2, [5, 4], 2],
    ]);
    expect(listed(domain.test)).toEqual([
      [0, [1, 2, 3, 4], 5],
      [1, [3, 1], 3],
      [2, [5, 4, 2], 1],
    ]);
    // u1 trains on a b c, u2 on c, u3 on e d.
    expect([...domain.trainCounts]).toEqual([0, 1, 1, 2, 1, 1]);
    expect(domain.warnings).toEqual([]);
  });

  it('makes equal domains of both forms, whatever the order of the lines', async () => {
    const simple = await readDomain(await directoryWith(toyJsonl));
    const atomic = await readDomain(await directoryWith(toyAtomic));
    expect(content(atomic)).toEqual(content(simple));
    const shuffled = await readDomain(
      await directoryWith({
        ...toyAtomic,
        'toy.train.inter':
          'item_id:token\tuser_id:token\titem_id_list:token_seq\n3\t2\t4\n1\t0\t0\n2\t0\t0 1\n',
        'toy.item2index': 'e\t4\nd\t3\nc\t2\nb\t1\na\t0\n',
      }),
    );
    expect(content(shuffled)).toEqual(content(simple));
  });

  it('reads what JSON files say behind a byte order mark, and names the line of what is none', async () => {
    const parts = [0, 1, 2, 0];
    const items = ['a', 'b', 'c', 'd'];
    const directory = await directoryWith({
      'items.jsonl': `\uFEFF${jsonl(items.map((id) => ({ id, title: id, brand: id })))}`,
      'sequences.jsonl': jsonl([{ user: 'u', items, parts }]),
      'split.json': '\uFEFF{"name": "files"}',
      'x.jsonl': '{}\n\n[]\n',
    });
    expect((await readDomain(directory)).protocol).toBe('files');
    expect((await readRecords(join(directory, 'items.jsonl')))?.map(({ brand }) => brand)).toEqual(items);
    expect(await readRecords(join(directory, 'none.jsonl'))).toBe(undefined);
    await expect(readRecords(join(directory, 'x.jsonl'))).rejects.toThrow(
      /x\.jsonl:3: a line must be one JSON object, got "\[\]"/,
    );
  });

  it('says which files of another form lie beside those it reads', async () => {
    const pairs = { 'train.tsv': 'u\ta\t1\n', 'test.tsv': 'u\tb\t1\n' };
    const warningsOf = async (files: Record<string, string>) =>
      (await readDomain(await directoryWith(files))).warnings.filter((text) => text.includes('another form'));
    expect(await warningsOf({ ...toyJsonl, ...toyAtomic, ...pairs })).toEqual([
      expect.stringMatching(
        /read from items\.jsonl and sequences\.jsonl; files of another form beside them are not read: toy\.test\.inter, .*toy\.valid\.inter, train\.tsv, test\.tsv$/,
      ),
    ]);
    expect(await warningsOf({ ...toyAtomic, ...pairs })).toEqual([
      expect.stringMatching(/read from atomic files .* not read: train\.tsv, test\.tsv$/),
    ]);
    for (const files of [toyJsonl, toyAtomic]) expect(await warningsOf(files)).toEqual([]);
  });

  it('keeps histories whole, and joins rows that a file has cut back into whole sequences', async () => {
    const items = Array.from({ length: 9 }, (_, index) => `i${index}`);
    const whole = await readDomain(
      await directoryWith({
        'items.jsonl': jsonl(items.map((id) => ({ id, title: id }))),
        'sequences.jsonl': jsonl([{ user: 'u', items }]),
      }),
    );
    expect(listed(whole.test)).toEqual([[0, [1, 2, 3, 4, 5, 6, 7, 8], 9]]);
    expect(listed(whole.train).at(-1)).toEqual([0, [1, 2, 3, 4, 5, 6], 7]);
    expect([...whole.trainCounts]).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    const header = 'user_id:token\titem_id_list:token_seq\titem_id:token\n';
    const cut = await readDomain(
      await directoryWith({
        'x.item2index': items.map((id, index) => `${id}\t${index}\n`).join(''),
        'x.train.inter': `${header}u\t3 4 5\t6\nu\t2 3 4\t5\nu\t1 2 3\t4\nu\t0 1 2\t3\nu\t0 1\t2\nu\t0\t1\n`,
        'x.valid.inter': `${header}u\t4 5 6\t7\n`,
        'x.test.inter': `${header}u\t5 6 7\t8\n`,
      }),
    );
    expect(cut.sequences).toEqual(whole.sequences);
    expect([cut.train, cut.valid, cut.test]).toEqual([whole.train, whole.valid, whole.test]);
    expect(cut.trainCounts).toEqual(whole.trainCounts);
  });

  it('keeps rows that are not the prefixes of one sequence, and says so', async () => {
    const domain = await readDomain(
      await directoryWith({
        ...toyAtomic,
        // User 2 has one long training row only, as pre-training files do.
        'toy.train.inter':
          'user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0 1\t2\n0\t0\t1\n2\t0 1 2\t3\n',
      }),
    );
    expect(listed(domain.train)).toEqual([
      [0, [1], 2],
      [0, [1, 2], 3],
      [2, [1, 2, 3], 4],
    ]);
    expect(listed(domain.test)[2]).toEqual([2, [5, 4, 2], 1]);
    expect(domain.warnings).toHaveLength(1);
    expect(domain.warnings[0]).toMatch(/rows of 1 of 3 users are not the prefixes/);
    expect([...domain.trainCounts]).toEqual([0, 2, 2, 3, 1, 0]);
    const { items: all, starts, ends } = domain.training;
    expect([...all.subarray(starts[2], ends[2])]).toEqual([1, 2, 3, 4]);
  });

  it('keeps rows apart whose histories lack their beginning without having been cut', async () => {
    const domain = await readDomain(
      await directoryWith({
        ...toyAtomic,
        'toy.train.inter': toyAtomic['toy.train.inter']!.replace('0\t0 1\t2', '0\t1\t2'),
      }),
    );
    expect(listed(domain.train)).toContainEqual([0, [2], 3]);
    // Only training rows count: the first of the longest of the first user (b c), c of the second, e d of the third.
    expect([...domain.trainCounts]).toEqual([0, 0, 1, 2, 1, 1]);
    expect(domain.warnings).toEqual([expect.stringMatching(/rows of 1 of 3 users are not the prefixes/)]);
  });

  it('takes 00 for user 0 of a user index', async () => {
    const padded = toyAtomic['toy.test.inter']!.replace('\n0\t', '\n00\t');
    const domain = await readDomain(await directoryWith({ ...toyAtomic, 'toy.test.inter': padded }));
    expect(content(domain)).toEqual(content(await readDomain(await directoryWith(toyAtomic))));
  });

  it('sorts by time, ties in the order of the file', async () => {
    const domain = await readDomain(
      await directoryWith({
        'items.jsonl': toyJsonl['items.jsonl']!,
        'sequences.jsonl': jsonl([{ user: 'u', items: ['e', 'b', 'a', 'd'], ts: [9, 5, 5, 1] }]),
      }),
    );
    expect([...domain.sequences.items]).toEqual([4, 2, 1, 5]);
    expect([...domain.sequences.times!]).toEqual([1, 5, 5, 9]);
  });

  it('reads a single .inter of interactions with timestamps', async () => {
    const lines = ['u\tc\t3', 'u\ta\t1', 'v\tb\t1', 'u\tb\t1', 'v\ta\t0', 'v\tc\t4', 'v\ta\t9', 'w\ta\t1'];
    const domain = await readDomain(
      await directoryWith({
        'x.inter': `user_id:token\titem_id:token\ttimestamp:float\n${lines.join('\n')}\n`,
        'x.item2index': 'a\t0\nb\t1\nc\t2\n',
      }),
    );
    expect(domain.users).toEqual(['u', 'v', 'w']);
    expect(listed(domain.test)).toEqual([
      [0, [1, 2], 3],
      [1, [1, 2, 3], 1],
    ]);
    expect(domain.warnings[0]).toMatch(/1 of 3 users have fewer than 3 interactions: they give no training/);
  });

  it('reads CRLF files and titles only', async () => {
    const files = Object.fromEntries(
      Object.entries(toyAtomic)
        .filter(([name]) => name !== 'toy.item')
        .map(([name, text]) => [name, text.replaceAll('\n', '\r\n')]),
    );
    const domain = await readDomain(await directoryWith(files));
    expect(domain.items.titles[0]).toBe('Anvil. Heavy "12 in" tool.');
    expect(domain.users).toEqual(['u1', 'u2', 'u3']);
  });
});

describe('recboleOrder', () => {
  it('is the order of first appearance: targets of all files, then histories', async () => {
    const header = 'user_id:token\titem_id_list:token_seq\titem_id:token\n';
    const directory = await directoryWith({
      'toy.item2index': 'a\t0\nb\t1\nc\t2\nd\t3\ne\t4\nf\t5\n',
      'toy.train.inter': `${header}1\t5 0\t3\n0\t2\t1\n`,
      'toy.valid.inter': `${header}0\t2 1\t3\n`,
      'toy.test.inter': `${header}0\t2 1 3\t0\n`,
    });
    // Targets d, b, d, a; then histories f a, c, c b, c b d. e never appears. Numbers are indices + 1.
    expect([...(await recboleOrder(directory))!]).toEqual([4, 2, 1, 6, 3]);
  });

  it('is undefined where there are no ready-made files', async () => {
    expect(await recboleOrder(await directoryWith(toyJsonl))).toBe(undefined);
  });

  it('of 200,000 rows is found', async () => {
    const rows = Array.from({ length: 200_000 }, (_, user) => `${user}\t0\t1`);
    const inter = ['user_id:token\titem_id_list:token_seq\titem_id:token', ...rows, ''].join('\n');
    const directory = await directoryWith({
      'big.item2index': 'a\t0\nb\t1\n',
      ...Object.fromEntries(['train', 'valid', 'test'].map((split) => [`big.${split}.inter`, inter])),
    });
    expect([...(await recboleOrder(directory))!]).toEqual([2, 1]);
  });
});

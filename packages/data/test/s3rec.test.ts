import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDomain } from '@ferry/data';
import { directoryWith, hasRealData, histories, listed, realData } from './helpers.ts';

describe("S3Rec's form", () => {
  it('is read from a directory with one .txt file, or from the file', async () => {
    const directory = await directoryWith({
      'Toys.txt': '1 10 2 3 10\n2 3 2 1\n7 3\n',
      'README.txt': 'This is no data\n',
      'items.tsv': '1\t2\n',
    });
    const domain = await readDomain(directory);
    expect(domain.form).toMatch(/S3Rec's form, Toys\.txt/);
    expect(domain.users).toEqual(['1', '2', '7']);
    // Integers are numbered by size.
    expect(domain.items.ids).toEqual(['1', '2', '3', '10']);
    expect(histories(domain)).toEqual({ 1: ['10', '2', '3', '10'], 2: ['3', '2', '1'], 7: ['3'] });
    expect(listed(domain.test)).toEqual([
      [0, [4, 2, 3], 4],
      [1, [3, 2], 1],
    ]);
    expect(domain.items.titles).toEqual(['', '', '', '']);
    const file = await readDomain(join(directory, 'Toys.txt'));
    expect([file.name, file.directory]).toEqual(['Toys', directory]);
    expect(histories(file)).toEqual(histories(domain));
  });

  it('has ids of any kind, numbered as they appear, and blanks of any width', async () => {
    const domain = await readDomain(
      await directoryWith({ 'x.txt': '\uFEFFann  b 2\t a \r\n\r\nbob 2 02 é' }),
    );
    expect(domain.items.ids).toEqual(['b', '2', 'a', '02', 'é']);
    expect(histories(domain)).toEqual({ ann: ['b', '2', 'a'], bob: ['2', '02', 'é'] });
  });

  it.each([
    ['a user twice', { 'x.txt': '1 1 2 3\n2 1 2 3\n1 4 5 6\n' }, /x\.txt:3: .*"1" again \(first on line 1\)/],
    ['a user twice in a row', { 'x.txt': '1 1 2 3\n1 4 5 6\n' }, /x\.txt:2: .*"1" again \(first on line 1\)/],
    ['users alone', { 'x.txt': '1\n2\n' }, /at least one item/],
    [
      'commas',
      { 'x.txt': '\n1,1,2,3\n2,1,2,3\n' },
      /x\.txt:2: ids must be separated by blanks or tabs, got "," in "1,1,2,3"/,
    ],
    ['bars', { 'x.txt': '1|1|2|3\n' }, /separated by blanks or tabs, got "\|"/],
    ['nothing', { 'x.txt': '' }, /at least one item/],
    ['short users only', { 'x.txt': '1 1 2\n2 2\n' }, /no user has the 3 interactions/],
    [
      'two files',
      { 'a.txt': '1 1 2 3\n', 'b.txt': '1 1 2 3\n' },
      /one \.txt file of sequences; got a\.txt, b\.txt/,
    ],
  ])('refuses %s', async (_, files, message) => {
    await expect(readDomain(await directoryWith(files))).rejects.toThrow(message);
  });

  it("refuses a file of LightGCN's pair by itself, and a file that is none of sequences", async () => {
    const pair = await directoryWith({ 'train.txt': '0 1 2 3\n', 'test.txt': '0 4\n', 'x.inter': '' });
    await expect(readDomain(join(pair, 'train.txt'))).rejects.toThrow(/LightGCN's form/);
    await expect(readDomain(join(pair, 'x.inter'))).rejects.toThrow(/x\.inter: a domain is a directory/);
    const alone = await directoryWith({ 'train.txt': '0 1 2 3\n' });
    expect(histories(await readDomain(join(alone, 'train.txt')))).toEqual({ 0: ['1', '2', '3'] });
  });

  it.skipIf(!hasRealData)(
    'gives the published counts of Beauty (skipped: no data in FERRY_DATA)',
    async () => {
      const domain = await readDomain(join(realData, 's3rec-beauty'));
      expect([domain.users.length, domain.items.ids.length, domain.sequences.items.length]).toEqual([
        22363, 12101, 198502,
      ]);
      expect(domain.items.ids.every((id, at) => id === String(at + 1))).toBe(true);
    },
  );
});

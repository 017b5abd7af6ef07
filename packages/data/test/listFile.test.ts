import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLists } from '../src/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ferry-lists-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const ids = ['a', 'b', 'c', 'd 1'];
const domain = {
  items: { ids, titles: ids, texts: ids, images: ids.map(() => undefined) },
  users: ['u', 'v'],
};
const read = (text: string) => {
  const file = join(folder, 'lists.txt');
  writeFileSync(file, text);
  return readLists(file, domain);
};
const shown = async (text: string) => {
  const { form, lists } = await read(text);
  return [form, ...[...lists].map(([user, list]) => [user, ...list])];
};

describe('readLists', () => {
  it("reads Elliot's and Ferry's triples, with tabs, commas or blanks and with a heading", async () => {
    const expected = ['triples', [0, 2, 1], [1, 3, 4]];
    expect(await shown('u\ta\t0.5\nu\tb\t0.75\nv\tc\t3\nv\td 1\t-1e-3\n')).toEqual(expected);
    expect(await shown('userId,itemId,score\r\nu,b,2\r\nu,a,1\r\nv,c,.5\r\nv,d 1,.25\r\n')).toEqual(expected);
    expect(await shown('u b 2\nu a 1\n')).toEqual(['triples', [0, 2, 1]]);
    // Equal scores keep the file's order, whoever's lines stand between.
    expect(await shown('u\tc\t1\nv\ta\t9\nu\ta\t1\nu\tb\t1\n')).toEqual(['triples', [0, 3, 1, 2], [1, 1]]);
  });

  it('takes no first line for a heading that names a user or an item', async () => {
    for (const line of ['u\ta\tNaN', 'u,a,best', 'u\ta\t', 'u\tx\tinf', 'w\ta\t-'])
      await expect(read(`${line}\nv\tb\t1\n`), line).rejects.toThrow(/lists\.txt:1: /);
  });

  it('reads triples with ids of several words, whose line may have as many words as a line of trec_eval', async () => {
    const spaced = { items: { ...domain.items, ids: ['an item of words'] }, users: ['u'] };
    const file = join(folder, 'spaced.txt');
    writeFileSync(file, 'u\tan item of words\t1\n');
    expect(await readLists(file, spaced)).toMatchObject({
      form: 'triples',
      lists: new Map([[0, Int32Array.of(1)]]),
    });
  });

  it("reads RecBole's atomic form by its heading, and trec_eval's runs by its rule for ties", async () => {
    const recbole = 'user_id:token\tscore:float\titem_id:token\nu\t1\ta\nu\t2\tb\n';
    expect(await shown(recbole)).toEqual(['recbole', [0, 2, 1]]);
    // The rank column is not read; equal scores come by the id, from the end of the alphabet.
    expect(await shown('u Q0 a 1 0.5 run\nu Q0 c 2 0.5 run\nu  Q0  b 3 0.9 run\n')).toEqual([
      'trec',
      [0, 2, 3, 1],
    ]);
  });

  it('reads columns where the heading has them, of ids that users and items share too', async () => {
    const shared = { items: { ...domain.items, ids: ['1', '2', '3', '4'] }, users: ['1', '2'] };
    const listsOf = async (text: string) => {
      const file = join(folder, 'shared.txt');
      writeFileSync(file, text);
      return [...(await readLists(file, shared)).lists].map(([user, list]) => [user, ...list]);
    };
    // User 2, items 1 and 2.
    const expected = [[1, 2, 1]];
    for (const text of [
      'item,user,score\n1,2,.5\n2,2,.75\n',
      'score\tItemId\tUserId\n.5\t1\t2\n.75\t2\t2\n',
      'item_id:token\tuser_id:token\tscore:float\n1\t2\t.5\n2\t2\t.75\n',
      'user,movie,value\n2,1,.5\n2,2,.75\n',
    ])
      expect(await listsOf(text), text).toEqual(expected);
    await expect(listsOf('movie,user,score\n1,2,.5\n')).rejects.toThrow(
      /shared\.txt:1: the heading must name user, item and score, or have them in this order, got "movie,user,score"/,
    );
  });

  it('names the line of what is wrong', async () => {
    await expect(read('u\tx\t1\n')).rejects.toThrow(/lists\.txt:1: .*item must be one of .* got .x./);
    await expect(read('u\ta\t1\nw\ta\t1\n')).rejects.toThrow(/lists\.txt:2: .*user must be one of/);
    await expect(read('u\ta\t1\nu\tb\tbest\n')).rejects.toThrow(/:2: .*score must be a number/);
    await expect(read('u\ta\t1\nu\ta\t2\n')).rejects.toThrow(/:2: .*once, got .a. in line 1 already/);
    await expect(read('u\ta\n')).rejects.toThrow(/user, item and score, or of trec_eval/);
    await expect(read('u\ta\t1\nu\tb\n')).rejects.toThrow(/:2: .*3 columns, got 2/);
    await expect(read('user_id:token\titem_id:token\nu\ta\n')).rejects.toThrow(/must name item_id and score/);
    await expect(read('u\ta\t1\nu\tb\t2\t3\n')).rejects.toThrow(/:2: .*3 columns, got 4/);
    await expect(read('u\ta\t1e400\n')).rejects.toThrow(/:1: .*score must be a number, got .1e400/);
    await expect(read('')).rejects.toThrow(/empty file/);
  });
});

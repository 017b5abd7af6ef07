import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDomain, writeAtomicDomain, writeJsonlDomain } from '@ferry/data';
import { content, directoryWith, jsonl, toyAtomic, toyJsonl } from './helpers.ts';

describe('writers', () => {
  it('write what readDomain reads back, in both forms', async () => {
    const domain = await readDomain(await directoryWith(toyJsonl), { name: 'toy' });
    const root = await directoryWith({});
    await writeJsonlDomain(domain, join(root, 'simple'));
    expect(await writeAtomicDomain(domain, join(root, 'atomic'))).toEqual({ spacesReplaced: 0 });
    for (const form of ['simple', 'atomic'])
      expect(content(await readDomain(join(root, form), { name: 'toy' }))).toEqual(content(domain));
  });

  it('keep times in the jsonl form and long sequences in both', async () => {
    const items = Array.from({ length: 7 }, (_, index) => `i${index}`);
    const directory = await directoryWith({
      'items.jsonl': jsonl(items.map((id) => ({ id, title: id, text: 'a\ttab' }))),
      'sequences.jsonl': jsonl([
        {
          user: 'u',
          items,
          ts: items.map((_, at) => at * 2),
        },
      ]),
    });
    const domain = await readDomain(directory, { name: 'long' });
    const root = await directoryWith({});
    await writeJsonlDomain(domain, root);
    expect(await readDomain(root, { name: 'long' })).toEqual({ ...domain, directory: root });
    const atomic = await directoryWith({});
    expect(await writeAtomicDomain(domain, atomic, 'x')).toEqual({ spacesReplaced: 7 });
    const back = await readDomain(atomic, { name: 'long' });
    expect(back.train).toEqual(domain.train);
    expect(back.trainCounts).toEqual(domain.trainCounts);
    expect(back.items.texts[0]).toBe('a tab');
  });

  it('refuse ids that the atomic form cannot hold, before anything is written', async () => {
    const domain = await readDomain(await directoryWith(toyJsonl));
    const empty = await directoryWith({});
    for (const id of ['a\tb', 'a\nb', 'a\0b', '\uFEFFa', '\uD800'])
      await expect(writeAtomicDomain({ ...domain, users: ['u1', id, 'u3'] }, empty)).rejects.toThrow(
        /ids must be Unicode text without tab/,
      );
    expect(await readdir(empty)).toEqual([]);
  });

  it('refuse to write other splits as jsonl', async () => {
    const domain = await readDomain(
      await directoryWith({
        ...toyAtomic,
        'toy.train.inter': 'user_id:token\titem_id_list:token_seq\titem_id:token\n2\t0 1 2\t3\n',
      }),
    );
    await expect(writeJsonlDomain(domain, await directoryWith({}))).rejects.toThrow(/other train rows/);
  });
});

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Domain, Rows } from '@ferry/data';

/** A new directory with these files. */
export async function directoryWith(files: Record<string, string | Uint8Array>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ferry-data-'));
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  return directory;
}

/** Folder of real data: FERRY_DATA, or beside the repository. */
export const realData = resolve(
  process.env['FERRY_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'),
);

/** Whether real data is there. */
export const hasRealData = existsSync(join(realData, 'amazon-scientific-clip'));

/** Lines of a JSON-lines file. */
export function jsonl(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** A domain without the place and the form it was read from. */
export function content(domain: Domain): Omit<Domain, 'directory' | 'name' | 'form'> {
  const { items, users, sequences, train, valid, test, trainCounts, training, warnings } = domain;
  return { items, users, sequences, train, valid, test, trainCounts, training, warnings };
}

/** A row as [user, history, target], for comparing by eye. */
export function listed(rows: Rows): [number, number[], number][] {
  return Array.from(rows.targets, (target, row) => [
    rows.users[row]!,
    [...rows.items.subarray(rows.starts[row], rows.ends[row])],
    target,
  ]);
}

/** Each user's sequence of raw item ids. */
export function histories(domain: Domain): Record<string, string[]> {
  const { items, starts, ends } = domain.sequences;
  return Object.fromEntries(
    domain.users.map((user, index) => [
      user,
      Array.from(items.subarray(starts[index], ends[index]), (item) => domain.items.ids[item - 1]!),
    ]),
  );
}

/** A toy domain of five items and three users in the jsonl form. */
export const toyJsonl: Record<string, string> = {
  'items.jsonl': jsonl([
    { id: 'a', title: 'Anvil', text: 'Anvil. Heavy "12 in" tool.', image: 'pictures/a.png' },
    { id: 'b', title: 'Bucket', text: 'Bucket. Holds water.' },
    { id: 'c', title: 'Chisel', text: 'Chisel.', clipRow: 7 },
    { id: 'd', title: 'Drill', text: 'Drill.' },
    { id: 'e', title: 'Easel', text: 'Easel.' },
  ]),
  'sequences.jsonl': jsonl([
    { user: 'u1', items: ['a', 'b', 'c', 'd', 'e'] },
    { user: 'u2', items: ['c', 'a', 'c'] },
    { user: 'u3', items: ['e', 'd', 'b', 'a'] },
  ]),
};

/** The same toy domain as an atomic directory, written by hand in UniSRec's order (longest prefix first). */
export const toyAtomic: Record<string, string> = {
  'toy.item2index': 'a\t0\nb\t1\nc\t2\nd\t3\ne\t4\n',
  'toy.user2index': 'u1\t0\nu2\t1\nu3\t2\n',
  'toy.train.inter': 'user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0 1\t2\n0\t0\t1\n2\t4\t3\n',
  'toy.valid.inter':
    'user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0 1 2\t3\n1\t2\t0\n2\t4 3\t1\n',
  'toy.test.inter':
    'user_id:token\titem_id_list:token_seq\titem_id:token\n0\t0 1 2 3\t4\n1\t2 0\t2\n2\t4 3 1\t0\n',
  'toy.text':
    'item_id:token\ttext:token_seq\ne\tEasel.\na\tAnvil. Heavy "12 in" tool.\nb\tBucket. Holds ' +
    'water.\nc\tChisel.\nd\tDrill.\n',
  'toy.item':
    'item_id:token\ttitle:token_seq\timage:token\tclip_row:float\n' +
    'a\tAnvil\tpictures/a.png\t\nb\tBucket\t\t\nc\tChisel\t\t7\nd\tDrill\t\t\ne\tEasel\t\t\n',
};

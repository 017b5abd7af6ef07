import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  InputError,
  leaveOneOut,
  readDomain,
  writeAtomicDomain,
  writeJsonlDomain,
  type Domain,
} from '@ferry/data';
import { sortByTime } from '../src/sequences.ts';
import { id, text } from './anyText.ts';
import { content, directoryWith, histories, listed } from './helpers.ts';

/** Users' items as places in a list of ids, some of them with times. */
const world = fc
  .record({
    ids: fc.uniqueArray(id, { minLength: 1, maxLength: 6 }),
    titles: fc.array(text, { minLength: 6, maxLength: 6 }),
    users: fc.uniqueArray(id, { minLength: 1, maxLength: 5 }),
    lists: fc.array(fc.array(fc.nat(), { maxLength: 7 }), { minLength: 5, maxLength: 5 }),
    times: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 7, maxLength: 7 }),
    timed: fc.boolean(),
  })
  .filter(({ lists, users }) => lists.slice(0, users.length).some((list) => list.length >= 3));

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** What a file of these says: each user's ids, stably sorted by time. */
function told({ ids, users, lists, times, timed }: Omit<World, 'titles'>) {
  return users.map((user, index) => {
    const order = [...lists[index]!.keys()];
    if (timed) order.sort((a, b) => times[a]! - times[b]!);
    return { user, items: order.map((at) => ids[lists[index]![at]! % ids.length]!) };
  });
}

const directory = () => mkdtemp(join(tmpdir(), 'ferry-data-'));

describe('domains of any text', () => {
  it('are read from jsonl as they are, and written and read again', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (made) => {
        const { ids, users, lists, times, timed, titles } = made;
        const found = await readDomain(
          await directoryWith({
            'items.jsonl': ids.map((own, at) => JSON.stringify({ id: own, title: titles[at] })).join('\n'),
            'sequences.jsonl': users
              .map((user, index) =>
                JSON.stringify({
                  user,
                  items: lists[index]!.map((at) => ids[at % ids.length]!),
                  ...(timed && { ts: lists[index]!.map((_, at) => times[at]!) }),
                }),
              )
              .join('\r\n'),
          }),
        );
        // Without a text, a blank title is none.
        const named = titles.map((title) => (title.trim() === '' ? '' : title));
        expect(found.items.titles).toEqual(named.slice(0, ids.length));
        expect(histories(found)).toEqual(Object.fromEntries(told(made).map((own) => [own.user, own.items])));
        const copy = await directory();
        await writeJsonlDomain(found, copy);
        const { warnings, ...back } = content(await readDomain(copy));
        const { warnings: before, ...rest } = content(found);
        expect(back).toEqual(rest);
        // Written sequences are sorted; all other warnings come again.
        expect(warnings.length).toBe(before.filter((warning) => !warning.includes('were sorted')).length);
        await checkAtomic(found);
      }),
      {
        numRuns: 150,
        // Found once: a title that is blank as soon as what a table cannot hold is a space.
        examples: [
          [
            {
              ...{ ids: ['\\'], titles: ['\0', '', '', '', '', ''], users: ['\u0001'], timed: false },
              ...{ lists: [[0, 0, 0], [], [], [], []], times: [0, 0, 0, 0, 0, 0, 0] },
            },
          ],
        ],
      },
    );
  });
});

/** Writes and reads the atomic form: ids that it cannot hold are refused, white space in titles becomes spaces. */
async function checkAtomic(domain: Domain): Promise<void> {
  const copy = await directory();
  const writable = (own: string) => !/[\t\r\n\0]/.test(own) && !own.startsWith('\uFEFF');
  if (![...domain.items.ids, ...domain.users].every(writable)) {
    await expect(writeAtomicDomain(domain, copy)).rejects.toThrow(RangeError);
    return;
  }
  await writeAtomicDomain(domain, copy);
  const back = await readDomain(copy);
  expect(back.items.ids).toEqual(domain.items.ids);
  expect(back.users).toEqual(domain.users);
  for (const part of ['train', 'valid', 'test'] as const)
    expect(listed(back[part])).toEqual(listed(domain[part]));
  expect(back.trainCounts).toEqual(domain.trainCounts);
  // What becomes blank by that is read as no title.
  const plain = (titles: string[]) =>
    titles
      .map((title) => title.replace(/[\t\r\n\0]+/g, ' '))
      .map((title) => (title.trim() === '' ? '' : title));
  expect(plain(back.items.titles)).toEqual(plain(domain.items.titles));
}

/** A literal reading of a `.inter` file: each user's items, or undefined if it must be refused. */
function literal(bytes: Uint8Array): Record<string, string[]> | undefined {
  let whole: string;
  try {
    whole = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  if (whole.includes('\0') || bytes[0] === 0x1f) return undefined;
  const lines = whole.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines.some((line) => line.includes('\r'))) return undefined;
  const rows = lines.filter((line) => line !== '').map((line) => line.split('\t'));
  const trim = (row: string[], count: number): string[] => {
    let length = row.length;
    while (length > count && row[length - 1] === '') length--;
    return row.slice(0, length);
  };
  const header = trim(rows[0] ?? [], 1);
  const names = header.map((cell) => /^([^:\s"']+):(?:token|token_seq|float|float_seq)$/.exec(cell)?.[1]);
  if (names.includes(undefined) || new Set(names).size < names.length) return undefined;
  if (!header.includes('user_id:token') || !header.includes('item_id:token')) return undefined;
  const at = (name: string) => names.indexOf(name);
  const events = rows.slice(1).map((row) => trim(row, header.length));
  const blank = (cell: string) => !/[^\t-\r ]/.test(cell);
  const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
  const sequences = new Map<string, { item: string; time: number }[]>();
  for (const row of events) {
    if (row.length !== header.length) return undefined;
    const [user, item] = [row[at('user_id')]!, row[at('item_id')]!];
    const cell = at('timestamp') < 0 ? '0' : row[at('timestamp')]!.trim();
    if (blank(user) || blank(item) || !number.test(cell) || !Number.isFinite(Number(cell))) return undefined;
    const own = sequences.get(user) ?? [];
    own.push({ item, time: Number(cell) });
    sequences.set(user, own);
  }
  if (![...sequences.values()].some((own) => own.length >= 3)) return undefined;
  return Object.fromEntries(
    [...sequences].map(([user, own]) => [user, own.sort((a, b) => a.time - b.time).map(({ item }) => item)]),
  );
}

describe('.inter files with any bytes changed', () => {
  const original = Buffer.from(
    'user_id:token\titem_id:token\ttimestamp:float\nu1\tä\t3\nu1\tb\t1e1\nu1\tä\t-2\nu2\tb\t1\nu2\tc\t2.5\r\nu2\td\t2\n',
  );
  const edit = fc.record({
    at: fc.nat(original.length),
    remove: fc.integer({ min: 0, max: 3 }),
    insert: fc.oneof(
      fc.constantFrom(
        '\t',
        '\n',
        '\r',
        '\r\n',
        ' ',
        '',
        '0',
        '1',
        '-',
        '.',
        'e',
        ':',
        ',',
        'u2',
        '\0',
        '\x80',
        '\uFEFF',
      ),
      fc.string({ maxLength: 2 }),
    ),
  });

  it('are refused by name, or read as a literal reading reads them', async () => {
    const path = join(await directory(), 'x.inter');
    let [refused, read] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        let bytes = original;
        for (const { at, remove, insert } of edits) {
          const added = insert === '\x80' ? Buffer.from([0x80]) : Buffer.from(insert);
          bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + remove)]);
        }
        await writeFile(path, bytes);
        const expected = literal(bytes);
        const found = await readDomain(join(path, '..')).then(histories, (error: unknown) => error as Error);
        if (expected === undefined) {
          refused++;
          expect(found).toBeInstanceOf(InputError);
          expect((found as InputError).message).toMatch(/x\.inter(?::\d+)?: .*, got |no user has/s);
        } else {
          read++;
          expect(found).toEqual(expected);
        }
      }),
      { numRuns: 600 },
    );
    // Both kinds occur, or the property says little.
    expect(Math.min(refused, read)).toBeGreaterThan(20);
  });
});

describe('sortByTime', () => {
  it('is a stable sort, of short and of long sequences', () => {
    const value = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.oneof(fc.array(value, { maxLength: 70 }), fc.array(value, { minLength: 60, maxLength: 90 })),
        (list) => {
          const times = Float64Array.from(list);
          const items = Int32Array.from(list.keys());
          const sorted = [...list.keys()].sort((a, b) => list[a]! - list[b]!);
          const moved = sortByTime(items, times);
          expect([...items]).toEqual(sorted);
          expect([...times]).toEqual(sorted.map((at) => list[at]));
          expect(moved).toBe(sorted.some((from, to) => from !== to));
        },
      ),
    );
  });
});

describe('leaveOneOut', () => {
  it('is what its definition says, row by row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 8 }), { maxLength: 6 }),
        (lists) => {
          const items = Int32Array.from(lists.flat());
          const ends = Int32Array.from(lists.keys(), (user) => lists.slice(0, user + 1).flat().length);
          const starts = ends.map((end, user) => end - lists[user]!.length);
          const split = leaveOneOut({ items, starts, ends }, 5);
          const train: unknown[] = [];
          const valid: unknown[] = [];
          const test: unknown[] = [];
          const counts = [0, 0, 0, 0, 0, 0];
          const training = lists.map((): number[] => []);
          for (const [user, own] of lists.entries()) {
            if (own.length < 3) continue;
            for (let k = 1; k <= own.length - 3; k++) train.push([user, own.slice(0, k), own[k]]);
            for (const item of own.slice(0, -2)) counts[item]!++;
            training[user] = own.slice(0, -2);
            valid.push([user, own.slice(0, -2), own.at(-2)]);
            test.push([user, own.slice(0, -1), own.at(-1)]);
          }
          expect([split.train, split.valid, split.test].map(listed)).toEqual([train, valid, test]);
          expect([...split.trainCounts]).toEqual(counts);
          const { training: made } = split;
          expect(
            Array.from(made.starts, (start, user) => [...made.items.subarray(start, made.ends[user])]),
          ).toEqual(training);
        },
      ),
    );
  });
});

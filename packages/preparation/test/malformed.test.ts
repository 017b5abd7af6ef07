import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Folder, prepared, refusal } from './helpers.ts';

const folder = new Folder();
const header = 'user_id,item_id,rating,timestamp';
const good = Array.from({ length: 30 }, (_, at) => `u${at % 5},i${at % 7},${1 + (at % 5)},${1000 + at}`);
const text = (rows: readonly string[]): string => `${[header, ...rows].join('\n')}\n`;
const json = (rows: readonly string[]): string[] =>
  rows.map((row) => {
    const [user_id, item_id, rating, timestamp] = row.split(',');
    return JSON.stringify({ user_id, item_id, rating: Number(rating), timestamp: Number(timestamp) });
  });

/** Kinds of damage: what becomes of a whole file, and what its refusal must name. Numbers choose where and how. */
type Damage = (at: number, byte: number) => { name: string; content: string | Uint8Array; says: RegExp };

const replaced = (at: number, row: string): string =>
  text(good.map((own, place) => (place === at ? row : own)));
const line = (at: number): string => `:${at + 2}: `;
const row = (at: number, change: (cells: string[]) => string[]): string =>
  replaced(at, change(good[at]!.split(',')).join(','));
const set =
  (place: number, value: string) =>
  (cells: string[]): string[] =>
    cells.map((cell, own) => (own === place ? value : cell));

const kinds: Record<string, Damage> = {
  'a cell too few': (at) => ({
    name: 'a.csv',
    content: row(at, (cells) => cells.slice(0, 3)),
    says: new RegExp(`${line(at)}a line must have 4 cells`),
  }),
  'a cell too many': (at) => ({
    name: 'a.csv',
    content: row(at, (cells) => [...cells, 'x']),
    says: new RegExp(`${line(at)}a line must have 4 cells`),
  }),
  'no user': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(0, ' '.repeat(byte % 3))),
    says: new RegExp(`${line(at)}user must not be empty`),
  }),
  'no item': (at) => ({
    name: 'a.csv',
    content: row(at, set(1, '')),
    says: new RegExp(`${line(at)}item must not be empty`),
  }),
  'a rating that is none': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(2, ['five', 'NaN', 'inf', '1_0', '4,5'.replace(',', ';')][byte % 5]!)),
    says: new RegExp(`${line(at)}rating must be a number, got "`),
  }),
  'a time that is none': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(3, ['', 'soon', '2019-13-45', '32/13/2019', 'nan'][byte % 5]!)),
    says: new RegExp(`${line(at)}time must be a number or a date`),
  }),
  'a time that is a word to the database, or has a year of two digits': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(3, ['infinity', '-infinity', 'epoch', '1/5/19', '11/12/19 14:14'][byte % 5]!)),
    says: new RegExp(`${line(at)}time must be a number or a date`),
  }),
  'an id of a spreadsheet': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(byte % 2, '1.23457E+11')),
    says: new RegExp(`${line(at)}(user|item) must be an id, got "1.23457E\\+11": a spreadsheet`),
  }),
  'an id that stands for none': (at, byte) => ({
    name: 'a.csv',
    content: row(at, set(byte % 2, ['NULL', 'nan', ' None', '\\N', '#N/A', '<NA>', 'undefined'][byte % 7]!)),
    says: new RegExp(`${line(at)}(user|item) must be an id, got ".*": programs write that for a value`),
  }),
  'another encoding': (at, byte) => ({
    name: 'a.csv',
    content: Buffer.from(row(at, set(1, `caf${String.fromCharCode(0xe0 + (byte % 16))}`)), 'latin1'),
    says: new RegExp(`${line(at)}text must be UTF-8, got byte 0x`),
  }),
  'a NUL byte': (at) => ({
    name: 'a.csv',
    content: row(at, set(1, 'i\0')),
    says: new RegExp(`${line(at)}text must be UTF-8, got a NUL byte`),
  }),
  'a quotation mark left open': (at) => ({
    name: 'a.csv',
    content: row(at, set(1, '"i')),
    says: new RegExp(`${line(at)}a quotation mark must be closed`),
  }),
  'text behind a quotation mark': (at) => ({
    name: 'a.csv',
    content: row(at, set(1, '"i"x')),
    says: new RegExp(`${line(at)}a quotation mark must end its cell, got "x`),
  }),
  'gzip cut off': (at, byte) => ({
    name: 'a.csv.gz',
    content: gzipSync(text(good)).subarray(0, 60 + ((at * byte) % 60)),
    says: /gzip must be whole, got a file that is cut off/,
  }),
  'gzip with a wrong byte': (at) => {
    const packed = Buffer.from(gzipSync(text(good)));
    packed[packed.length - 6 - (at % 2)]! ^= 0x55;
    return { name: 'a.csv.gz', content: packed, says: /gzip must be whole, got / };
  },
  'an HTML page': (at) => ({
    name: 'a.csv',
    content: `${'\n'.repeat(at % 4)}<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n</html>\n`,
    says: /got an HTML page \(“Sign in”\)/,
  }),
  'an HTML page, packed': () => ({
    name: 'a.csv.gz',
    content: gzipSync('<html><title>No</title></html>\n'),
    says: /got an HTML page/,
  }),
  'carriage returns alone': (_, byte) => ({
    name: 'a.csv',
    content: text(good).replaceAll('\n', '\r') + (byte % 2 === 0 ? '' : '\n'),
    says: /a\.csv:1: lines must end with a line feed, got carriage returns alone/,
  }),
  'a list of items where one is wanted': (at) => ({
    name: 'a.jsonl',
    content: json(good)
      .map((own, place) => (place === at ? own.replace(/"i(\d)"/, '["i$1","i0"]') : own))
      .join('\n'),
    says: new RegExp(`:${at + 1}: item must be one id, got the list \\["i\\d","i0"\\]: --form lists`),
  }),
  'an empty file': (at) => ({
    name: 'a.csv',
    content: '\n'.repeat(at % 2),
    says: /must hold data, got an empty file|no column|header/,
  }),
  'a header alone': () => ({
    name: 'a.csv',
    content: `${header}\n`,
    says: /a domain needs interactions, got none/,
  }),
  'another kind': (_, byte) => ({
    name: 'a.csv',
    content: Buffer.concat([
      Buffer.from(
        [
          [0x50, 0x4b, 3, 4],
          [0x28, 0xb5, 0x2f, 0xfd],
          [0xff, 0xfe],
          [0x42, 0x5a, 0x68],
        ][byte % 4]!,
      ),
      Buffer.from(text(good)),
    ]),
    says: /the file must be text in UTF-8, got/,
  }),
  'Parquet cut off': () => ({
    name: 'a.parquet',
    content: `PAR1${'x'.repeat(99)}`,
    says: /Parquet must be whole/,
  }),
  'no such column': () => ({
    name: 'a.csv',
    content: text(good).replace('user_id', 'who'),
    says: /no column has a usual name of the user/,
  }),
  'a JSON line cut off': (at) => ({
    name: 'a.jsonl',
    content: json(good)
      .map((own, place) => (place === at ? own.slice(0, 20) : own))
      .join('\n'),
    says: new RegExp(`:${at + 1}: a line must be one JSON object`),
  }),
  'a JSON line that is no object': (at, byte) => ({
    name: 'a.jsonl',
    content:
      json(good)
        .map((own, place) => (place === at && at > 0 ? ['[1, 2]', '3', '"x"'][byte % 3]! : own))
        .join('\n') + (at === 0 ? '\n7' : ''),
    says: /user must not be empty|a line must be one JSON object/,
  }),
  'a JSON line without the item': (at) => ({
    name: 'a.jsonl',
    content: json(good)
      .map((own, place) => (place === at ? own.replace('item_id', 'item') : own))
      .join('\n'),
    says: new RegExp(`:${at + 1}: item must not be empty`),
  }),
};

/** Where a file is damaged, at its ends and between them, and numbers that choose each way of every kind. */
const places = [
  [0, 1],
  [29, 2],
  [7, 3],
  [12, 4],
  [20, 255],
] as const;

/** Whether nothing is left of a preparation. */
const nothingLeft = (): boolean => readdirSync(folder.path).every((name) => !name.includes('domain'));

describe('damaged files', () => {
  it.each(Object.keys(kinds))(
    '(%s) are refused with the file, the line and the rule, and leave nothing behind',
    async (name) => {
      const damaged = kinds[name]!;
      for (const [at, byte] of damaged.length === 0 ? places.slice(0, 1) : places) {
        const damage = damaged(at, byte);
        const said = await refusal(folder, folder.file(damage.name, damage.content));
        expect(said, `row ${at}, byte ${byte}`).toMatch(damage.says);
        expect(said).toMatch(new RegExp(`^InputError: ${damage.name.replaceAll('.', '\\.')}`));
        expect(nothingLeft()).toBe(true);
      }
    },
  );

  it('do not fill memory with one line: unpacking stops', async () => {
    const packed = gzipSync(`${header}\n${'7'.repeat(80 << 20)}`);
    expect(packed.length).toBeLessThan(100_000);
    expect(await refusal(folder, folder.file('line.csv.gz', packed))).toMatch(
      /^InputError: line\.csv\.gz:2: a line must have at most 67,108,864 bytes, got more/,
    );
    expect(nothingLeft()).toBe(true);
  });

  it('lose their damaged rows alone where these are left out, and list them', async () => {
    const rows = good.map((own, at) => (at === 3 ? 'u0,i0' : at === 9 ? 'u0,,1,1' : own));
    const { provenance, skipped, out } = await prepared(folder, folder.file('some.csv', text(rows)), {
      damaged: 'skip',
    });
    expect(provenance.counts.interactions).toBe(28);
    expect(provenance.damaged).toEqual({ count: 2, policy: 'skip' });
    expect(skipped.map(({ line: own, rule }) => [own, rule])).toEqual([
      [5, 'a line must have 4 cells as the header, got 2'],
      [11, 'item must not be empty'],
    ]);
    expect(existsSync(join(out, 'provenance.json'))).toBe(true);
  });

  it('do not replace a domain that stands there', async () => {
    const { out, bytes } = await prepared(folder, folder.file('fine.csv', text(good)));
    const bad = folder.file('bad.csv', text([...good, 'u,i']));
    await expect(prepared(folder, bad, {}, { out, replace: true })).rejects.toThrow(/bad\.csv:32/);
    await expect(prepared(folder, `${folder.path}/fine.csv`, {}, { out })).rejects.toThrow(
      /--replace makes it anew/,
    );
    expect((await prepared(folder, `${folder.path}/fine.csv`, {}, { out, replace: true })).bytes).toBe(bytes);
    writeFileSync(join(folder.path, 'place'), '');
    await expect(prepared(folder, bad, {}, { out: join(folder.path, 'place') })).rejects.toThrow(
      /got a file/,
    );
    await expect(prepared(folder, bad, {}, { out: folder.path })).rejects.toThrow(
      /holds files and no provenance\.json/,
    );
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { eachLine, readDomain, readList, readObject, repeatedKey, textOf } from '../src/index.ts';
import { directoryWith, jsonl, toyJsonl } from './helpers.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-text-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const text = 'a b\nc é\n';

/** The same text in other encodings, and what it is called. */
const others: readonly [name: string, bytes: Buffer, says: RegExp][] = [
  ['UTF-16', Buffer.from(`\uFEFF${text}`, 'utf16le'), /: .* got UTF-16 \(little-endian\): .*UTF-16LE/],
  [
    'UTF-16, swapped',
    Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
    /: .* got UTF-16 \(big-endian\): .*UTF-16BE/,
  ],
  ['UTF-16 without a mark', Buffer.from(text, 'utf16le'), /: .* got UTF-16 \(little-endian\)/],
  ['UTF-16 without a mark, swapped', Buffer.from(text, 'utf16le').swap16(), /: .* got UTF-16 \(big-endian\)/],
  ['UTF-32', Buffer.from(`\uFEFF\0a\0`, 'utf16le'), /: .* got UTF-32/],
  ['UTF-32, swapped', Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 97]), /: .* got UTF-32/],
  ['gzip', gzipSync(text), /: .* got gzip/],
  [
    'Latin-1',
    Buffer.from(text, 'latin1'),
    /:2: text must be UTF-8, got byte 0xE9 at column 3 of "c é": perhaps Latin-1/,
  ],
  ['a NUL byte', Buffer.from('a b\nc \0\n'), /:2: text must be UTF-8, got a NUL byte at column 3/],
];

describe('what is no text in UTF-8', () => {
  it.each(others)(
    'is called by its name, whether a file is read whole or by lines: %s',
    async (_, bytes, says) => {
      const file = join(folder, 'x.txt');
      writeFileSync(file, bytes);
      expect(() => textOf(bytes, file)).toThrow(says);
      await expect(eachLine(file, () => undefined)).rejects.toThrow(says);
    },
  );

  it('is no text that has marks and characters of its own', () => {
    expect(textOf(Buffer.from(`\uFEFF${text}`), 'x')).toBe(text);
    expect(textOf(Buffer.from('é\uFFFD'), 'x')).toBe('é\uFFFD');
    expect(textOf(Buffer.alloc(0), 'x')).toBe('');
  });
});

describe('a key that comes twice in one object', () => {
  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a" : 1 , "b":{"c":"\\"c\\":"} ,"a"\t:2}', 'a'],
    ['{"a":{"b":[{"c":1,"c":2}]}}', 'c'],
    ['[{"a":1},{"a":1,"\\u0061":2}]', 'a'],
    ['{"a":"\\\\","a":1}', 'a'],
    ['{"":1,"":2}', ''],
  ])('is found: %s', (json, key) => {
    expect(repeatedKey(json)).toBe(key);
  });

  it.each([
    '{"a":1,"b":{"a":2,"b":[{"a":3},{"a":4}]}}',
    '{"a":"a","b":["a","a","a:"],"c":"\\",\\"a\\":"}',
    '["a","a",{"a":{}},{"a":[]}]',
    '{"A":1,"a":2}',
    '"a"',
    '{}',
  ])('is not found where there is none: %s', (json) => {
    expect(repeatedKey(json)).toBeUndefined();
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'items.jsonl',
      { 'items.jsonl': '{"id":"a","title":"x","title":"y"}\n' },
      /items\.jsonl:1: .*"title" twice/,
    ],
    ['a key of the user', { 'items.jsonl': '{"id":"a","k" :1,"k" :2}\n' }, /items\.jsonl:1: .*"k" twice/],
    [
      'sequences.jsonl',
      { 'sequences.jsonl': '{"user":"u","user":"v","items":["a"]}\n' },
      /sequences\.jsonl:1: .*"user" twice/,
    ],
    [
      'split.json',
      { 'split.json': '{"name":"temporal-by-user","valid":0.1,"valid":0.2}' },
      /split\.json: .*"valid" twice/,
    ],
  ])('is refused in %s', async (_, files, says) => {
    const domain = {
      ...toyJsonl,
      'items.jsonl': jsonl([{ id: 'a' }, { id: 'b', tags: { id: 1 } }]),
      ...files,
    };
    await expect(readDomain(await directoryWith(domain))).rejects.toThrow(says);
  });

  it('is refused in files of settings', async () => {
    const file = join(folder, 'config.json');
    writeFileSync(file, '\uFEFF{"a": {"b": 1}}');
    expect(await readObject(file)).toEqual({ a: { b: 1 } });
    writeFileSync(file, '{"a": {"b": 1, "b": 2}}');
    await expect(readObject(file)).rejects.toThrow(
      /config\.json: a key must come once in an object, got "b" twice/,
    );
    writeFileSync(file, '[{"b": 1, "b": 2}]');
    await expect(readList(file)).rejects.toThrow(/"b" twice/);
    await expect(readObject(file)).rejects.toThrow(/config\.json: the file must be a JSON object/);
    await expect(readObject(folder)).rejects.toThrow(/a file is needed, got a directory/);
    expect(await readObject(join(folder, 'none.json'))).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { readDomain } from '@ferry/data';
import { directoryWith, histories, jsonl, toyJsonl } from './helpers.ts';

const header = 'user_id:token\titem_id:token\n';
const inter = (text: string) => readDomain_({ 'x.inter': text });

async function readDomain_(files: Record<string, string | Uint8Array>) {
  return readDomain(await directoryWith(files));
}

/** Text as UTF-16, little endian, with its mark. */
const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');

describe('text that is not UTF-8', () => {
  const lines = 'u\ta\nu\tb\nu\tc\n';
  it.each<[string, Record<string, string | Uint8Array>, RegExp]>([
    [
      'Latin-1 in a table',
      { 'x.inter': Buffer.from(`${header}${lines}Jos\xE9\ta\n`, 'latin1') },
      /x\.inter:5: text must be UTF-8, got byte 0xE9 at column 4 of "José\\ta": perhaps Latin-1/,
    ],
    [
      'Latin-1 in jsonl',
      { ...toyJsonl, 'items.jsonl': Buffer.from(jsonl([{ id: 'a', title: 'caf\xE9 x' }]), 'latin1') },
      /items\.jsonl:1: text must be UTF-8, got byte 0xE9 at column 23/,
    ],
    [
      'a cut character at the end, after a replacement character of its own',
      { 'x.inter': Buffer.concat([Buffer.from(`${header}u\t\uFFFDé`), Buffer.from([0xc3])]) },
      /x\.inter:2: text must be UTF-8, got byte 0xC3 at column 5/,
    ],
    ['UTF-16', { 'x.inter': utf16(header + lines) }, /x\.inter: .* got UTF-16 \(little-endian\).*UTF-16LE/],
    [
      'UTF-16, big endian',
      { 'x.inter': utf16(header + lines).swap16() },
      /x\.inter: .* got UTF-16 \(big-endian\).*UTF-16BE/,
    ],
    [
      'UTF-16 without a mark',
      { 'x.inter': Buffer.from(header + lines, 'utf16le') },
      /x\.inter: the file must be text in UTF-8, got UTF-16 \(little-endian\)/,
    ],
    ['NUL', { 'x.inter': `${header}u\ta\nu\0\tb\n` }, /x\.inter:3: .* got a NUL byte at column 2/],
    [
      'NUL in jsonl',
      { ...toyJsonl, 'sequences.jsonl': '{"user":"u\0"}' },
      /sequences\.jsonl:1: .* NUL byte at column 11/,
    ],
    ['gzip under another name', { 'x.inter': Buffer.from([0x1f, 0x8b, 8, 0]) }, /x\.inter: .*got gzip/],
    ['zip', { ...toyJsonl, 'items.jsonl': 'PK\u0003\u0004' }, /items\.jsonl: .*got a zip archive/],
    [
      'old line ends',
      { 'x.inter': `${header.trim()}\ru\ta\r` },
      /x\.inter:1: a carriage return .* column 28/,
    ],
  ])('is refused: %s', async (_, files, message) => {
    await expect(readDomain_(files)).rejects.toThrow(message);
  });

  it('names a compressed file that nobody unpacked', async () => {
    await expect(readDomain_({ 'x.inter.gz': '' })).rejects.toThrow(/got x\.inter\.gz: unpack x\.inter\.gz/);
  });
});

describe('lines', () => {
  it.each([
    ['a byte order mark', `\uFEFF${header}u\ta\nu\tb\nu\tc\n`],
    ['CRLF', `${header}u\ta\nu\tb\nu\tc\n`.replaceAll('\n', '\r\n')],
    ['no last line end', `${header}u\ta\nu\tb\nu\tc`],
    ['blank lines', `\n${header}\nu\ta\n\n\nu\tb\nu\tc\n\n\n`],
    ['blank lines, CRLF', `${header}u\ta\nu\tb\nu\tc\n\n`.replaceAll('\n', '\r\n')],
    ['tabs at the end', `user_id:token\titem_id:token\t\nu\ta\t\nu\tb\nu\tc\t\t\n`],
  ])('may have %s', async (_, text) => {
    expect(histories(await inter(text))).toEqual({ u: ['a', 'b', 'c'] });
  });

  it('count blank ones in messages', async () => {
    await expect(inter(`${header}\nu\ta\n\nu\n`)).rejects.toThrow(/x\.inter:5: .* got 1/);
  });

  it('of jsonl may have a mark, CRLF and blank ones', async () => {
    const odd = Object.fromEntries(
      Object.entries(toyJsonl).map(([name, text]) => [
        name,
        `\uFEFF${text.replaceAll('\n', '\r\n\r\n')}  \r\n`,
      ]),
    );
    const domain = await readDomain_(odd);
    expect(histories(domain)).toEqual(histories(await readDomain_(toyJsonl)));
    expect(domain.items.ids).toEqual(['a', 'b', 'c', 'd', 'e']);
    await expect(readDomain_({ ...odd, 'items.jsonl': `${odd['items.jsonl']!}{"id": "b"}` })).rejects.toThrow(
      /items\.jsonl:12: .*"b" again \(first on line 3\)/,
    );
  });

  it('end with a line feed and nothing else', async () => {
    const id = 'a\u2028b\u2029c\u0085d\u000Be';
    const text = `${header}${['u', 'v'].map((user) => `${user}\t${id}\n`.repeat(3)).join('')}`;
    expect(histories(await inter(text))).toEqual({ u: [id, id, id], v: [id, id, id] });
  });

  it('may be longer than the block that is read at once, and lie across blocks', async () => {
    // Blocks are of 4 MiB: one line of 9 MB, then lines of 100 bytes over several blocks.
    const long = 'x'.repeat(9_000_000);
    const ids = Array.from({ length: 60_000 }, (_, at) => `${'y'.repeat(90)}${at}`);
    const domain = await inter(`${header}${[long, ...ids].map((id) => `u\t${id}\n`).join('')}`);
    expect(domain.items.ids.length).toBe(60_001);
    expect(domain.items.ids[0]).toBe(long);
    expect(domain.items.ids.slice(1)).toEqual(ids);
  });
});

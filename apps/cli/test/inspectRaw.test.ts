/** `ferry inspect` of raw files, before they are prepared. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it, vi } from 'vitest';
import { ownFolder, run } from './ferry.ts';

const folder = ownFolder('inspect-raw');
beforeAll(() => {
  mkdirSync(join(folder, 'temporary'));
  vi.stubEnv('TMPDIR', join(folder, 'temporary'));
});

/** Four users with three items each, of five. */
const rows = Array.from({ length: 12 }, (_, at) => ({
  user: `u${Math.floor(at / 3)}`,
  item: `i${(at + Math.floor(at / 3)) % 5}`,
  rating: 1 + (at % 5),
  time: 1_500_000_000 + at,
}));
const cells = (separator: string): string[] =>
  rows.map(({ user, item, rating, time }) => [user, item, rating, time].join(separator));
const amazon = rows.map(({ user, item, rating, time }) => ({
  ...{ reviewerID: user, asin: item, overall: rating, unixReviewTime: time },
}));
const numbered = ['--no-header', '--user', '1', '--item', '2', '--rating', '3', '--time', '4'];

const forms: Record<string, { name: string; content: string | Uint8Array; flags?: string[]; says?: RegExp }> =
  {
    CSV: { name: 'a.csv', content: ['user_id,item_id,rating,timestamp', ...cells(',')].join('\r\n') },
    'CSV without a header': { name: 'b.csv', content: cells(',').join('\n'), flags: numbered },
    'TSV, gzip': {
      name: 'c.tsv.gz',
      content: gzipSync(['user\titem\trating\ttime', ...cells('\t')].join('\n')),
    },
    'two colons': {
      name: 'd.dat',
      content: cells('::').join('\n'),
      flags: ['--separator', '::', ...numbered],
    },
    'JSON lines': { name: 'e.jsonl', content: amazon.map((row) => JSON.stringify(row)).join('\n') },
    'a JSON array': {
      name: 'f.json',
      content: `[${amazon.map((row) => JSON.stringify(row)).join(',\n')}]\n`,
    },
    'Python’s mappings': {
      name: 'g.json',
      content: amazon.map((row) => JSON.stringify(row).replaceAll('"', "'")).join('\n'),
    },
    sequences: {
      name: 'h.txt',
      content: ['u0', 'u1', 'u2', 'u3']
        .map((user) => [user, ...rows.filter((row) => row.user === user).map(({ item }) => item)].join(' '))
        .join('\n'),
      flags: ['--form', 'sequences'],
    },
    'MIND’s behaviours': {
      name: 'behaviors.tsv',
      content: [0, 1, 2, 3]
        .map((user) => {
          const [a, b, c] = rows.filter((row) => row.user === `u${user}`).map(({ item }) => item);
          return `${user}\tu${user}\t11/1${user}/2019 9:00:00 AM\t${a} ${b}\t${c}-1 x-0`;
        })
        .join('\n'),
      flags: ['--form', 'mind'],
    },
    'a description': {
      name: 'mine.yaml',
      content: 'interactions: { file: b.csv, header: false, user: 1, item: 2, rating: 3, time: 4 }\n',
    },
  };

it.each(Object.entries(forms))(
  'reads %s and says what it found',
  async (_, { name, content, flags = [] }) => {
    writeFileSync('b.csv', forms['CSV without a header']!.content);
    writeFileSync(name, content);
    const { code, out, error } = await run('inspect', name, ...flags);
    expect(error.replaceAll(/\r.*?\r/g, ''), name).not.toMatch(/Error|must/);
    expect(code).toBe(0);
    expect(out).toMatch(/Found in the files, as ferry prepare reads them/);
    expect(out).toMatch(/read: 12 interactions, 4 users, 5 items/);
    expect(out).toMatch(/items +5\n.*users +4\n.*interactions +12/);
    // Nothing stays.
    expect(readdirSync(tmpdir()).filter((own) => own.startsWith('ferry-inspect-'))).toEqual([]);
  },
);

it('refuses what belongs to raw files alone, and columns that it cannot find', async () => {
  expect((await run('inspect', 'sample-world:office', '--user', 'x')).error).toMatch(
    /--user belongs to raw files/,
  );
  writeFileSync('odd.csv', 'a,b\n1,2\n');
  expect((await run('inspect', 'odd.csv')).error).toMatch(
    /odd\.csv: the file has no header that names its 2 columns/,
  );
});

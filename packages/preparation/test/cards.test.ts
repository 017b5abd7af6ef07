import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import {
  cardNames,
  chooseCard,
  loadCard,
  prepareCard,
  unexpected,
  withFlags,
  type Flags,
} from '../src/index.ts';
import { Folder, made, type Made } from './helpers.ts';

const folder = new Folder();

/** Prepares a card from a folder. */
async function from(
  name: string,
  category: string | undefined,
  place: string,
  flags: Flags = {},
): Promise<Made> {
  const { out, provenance } = await prepareCard(name, flags, {
    out: folder.out(),
    from: place,
    ...(category === undefined ? {} : { category }),
    cache: folder.path,
    command: 'test',
    version: '0.0.0',
    threads: 1,
    memory: '500MB',
  });
  return made(out, provenance);
}
const refuse = (...given: Parameters<typeof from>): Promise<string> =>
  from(...given).then(
    () => 'nothing',
    (error: unknown) => (error as Error).message.replaceAll(folder.path, ''),
  );

describe('cards', () => {
  it('are whole: each category makes a description that is valid', async () => {
    const names = await cardNames();
    expect(names).toEqual(
      expect.arrayContaining([
        'amazon-2014',
        'amazon-2018',
        'amazon-2023',
        'mind',
        'movielens',
        's3rec',
        'lightgcn',
      ]),
    );
    for (const name of names) {
      const card = await loadCard(name);
      expect(card.ready === undefined, name).toBe(
        card.prepare !== undefined ||
          Object.values(card.categories ?? {}).some((own) => own.prepare !== undefined),
      );
      const categories = card.anyCategory
        ? ['ml-1m']
        : [...Object.keys(card.categories ?? {}), ...(card.categories ? [] : [undefined])];
      for (const category of categories) {
        const chosen = await chooseCard(name, category);
        expect(JSON.stringify([chosen.files, chosen.prepare, chosen.ready])).not.toMatch(
          /\{(name|category)\}/,
        );
        if (chosen.ready !== undefined) continue;
        const items = chosen.prepare['items'] as Record<string, unknown> | undefined;
        const rest = Object.fromEntries(Object.entries(items ?? {}).filter(([key]) => key !== 'optional'));
        expect(
          () =>
            withFlags(
              { ...chosen.prepare, ...(items ? { items: rest } : {}) },
              card.preset === undefined ? {} : { preset: card.preset },
              undefined,
            ),
          `${name} ${category}`,
        ).not.toThrow();
      }
    }
  });

  it('take categories by short and long names, and suggest', async () => {
    expect((await chooseCard('amazon-2018', 'scientific')).files[0]!.file).toBe(
      'Industrial_and_Scientific.csv',
    );
    expect((await chooseCard('amazon-2018', 'Industrial_and_Scientific')).category).toBe('Scientific');
    await expect(chooseCard('amazon-2018', undefined)).rejects.toThrow(/needs --category, one of Food, Home/);
    await expect(chooseCard('amazon-2018', 'Scientfic')).rejects.toThrow(/did you mean 'Scientific'/);
    await expect(chooseCard('movilens', '1m')).rejects.toThrow(
      /no file and no data set 'movilens'; did you mean 'movielens'/,
    );
    await expect(chooseCard('gowalla', 'x')).rejects.toThrow(/has no categories/);
  });
});

describe('a public data set from a folder', () => {
  it('Amazon 2018: ratings without a header and metadata, by UniSRec’s rules', async () => {
    const place = join(folder.path, 'amazon');
    const rows = ['A', 'B', 'C', 'D', 'E'].flatMap((user) =>
      ['1', '2', '3', '4', '5'].map((item) => `${item},${user},5.0,100`),
    );
    folder.file('amazon/Industrial_and_Scientific.csv', [...rows, rows[0]!, '9,A,5.0,1'].join('\n'));
    const meta = ['1', '2', '3', '4', '5'].map((asin) =>
      JSON.stringify({ asin, title: `T${asin}`, category: ['X'], imageURLHighRes: [`u${asin}`] }),
    );
    folder.file('amazon/meta_Industrial_and_Scientific.json.gz', gzipSync([...meta, meta[0]!].join('\n')));
    const { items, provenance } = await from('amazon-2018', 'Scientific', place);
    expect(provenance.steps.map(({ rule, after }) => [rule.slice(0, 9), after.interactions])).toEqual([
      ['read', 27],
      ['rows equa', 26],
      ['items wit', 25],
      ['core: use', 25],
    ]);
    expect(items[0]).toEqual({ id: '1', title: 'T1', text: 'T1. X. ', image: '../amazon/u1', category: 'X' });
    expect(unexpected(provenance)).toMatch(
      /the card expects 59,427 interactions, 8,442 users, 4,385 items; got 25 interactions/,
    );
    expect(provenance.card).toEqual({ name: 'amazon-2018', category: 'Scientific' });
  });

  it('MovieLens 100k: from its archive, titles in Latin-1, the same bytes from the unpacked folder', async () => {
    const data = ['1\t10\t5\t30', '1\t2\t4\t20', '1\t3\t3\t20'].join('\n');
    const item = Buffer.from(['2|Café (1995)|x', '3|B|y', '10|C|z'].join('\n'), 'latin1');
    const encoded = { 'ml-100k/u.data': Buffer.from(data), 'ml-100k/u.item': item };
    folder.file('ml/ml-100k.zip', zipSync(encoded));
    const packed = await from('movielens', '100k', join(folder.path, 'ml'));
    expect(packed.items.map(({ id, title }) => [id, title])).toEqual([
      ['2', 'Café (1995)'],
      ['3', 'B'],
      ['10', 'C'],
    ]);
    expect(packed.sequences).toEqual([{ user: '1', items: ['2', '3', '10'], ts: [20, 20, 30] }]);
    expect(packed.provenance.inputs[0]!.file).toBe(join(folder.path, 'ml/ml-100k.zip/ml-100k/u.item'));
    const again = await from('movielens', '100k', join(folder.path, 'ml'));
    expect(readFileSync(join(again.out, 'provenance.json'), 'utf8')).toBe(
      readFileSync(join(packed.out, 'provenance.json'), 'utf8'),
    );
    for (const [name, bytes] of Object.entries(encoded)) folder.file(`unpacked/${name}`, bytes);
    expect((await from('movielens', '100k', join(folder.path, 'unpacked'))).bytes).toBe(packed.bytes);
  });

  it('MIND: train and dev as one', async () => {
    folder.file('mind/MINDsmall_train/behaviors.tsv', '1\tU1\t11/11/2019 9:05:58 AM\tN1\tN2-1 N3-0\n');
    folder.file('mind/MINDsmall_dev/behaviors.tsv', '1\tU1\t11/15/2019 9:05:58 AM\tN1 N2\tN4-1 N3-0\n');
    const news = (id: string, title: string): string => `${id}\tnews\tx\t${title}\t\turl\t[]\t[]`;
    folder.file('mind/MINDsmall_train/news.tsv', [news('N1', 'A "quoted'), news('N2', 'B')].join('\n'));
    folder.file('mind/MINDsmall_dev/news.tsv', [news('N2', 'B'), news('N4', 'D')].join('\n'));
    const { sequences, items } = await from('mind', 'small', join(folder.path, 'mind'));
    expect(sequences).toEqual([{ user: 'U1', items: ['N1', 'N2', 'N4'] }]);
    expect(items.map(({ title }) => title)).toEqual(['A "quoted', 'B', 'D']);
  });

  it('LightGCN’s split stays as it is', async () => {
    folder.file('sets/gowalla/train.txt', '0 1 2 3\n1 2\n');
    folder.file('sets/gowalla/test.txt', '0 4\n1 1\n');
    const { sequences, provenance } = await from('lightgcn', 'gowalla', join(folder.path, 'sets'));
    expect(sequences).toEqual([
      { user: '0', items: ['1', '2', '3', '4'], parts: [0, 0, 0, 2] },
      { user: '1', items: ['2', '1'], parts: [0, 2] },
    ]);
    expect(provenance.split).toEqual({ name: 'files' });
  });

  it('is fetched from its host, through a cut connection and a request to wait, or explained', async () => {
    const archive = Buffer.from(
      zipSync({
        'ml-100k/u.data': Buffer.from('1\t1\t5\t1\n1\t2\t5\t2\n1\t3\t5\t3\n'),
        'ml-100k/u.item': Buffer.from('1|A|x\n2|B|x\n3|C|x\n'),
      }),
    );
    let asked = 0;
    const server = createServer(({ url, headers }, response) => {
      asked++;
      if (!url!.startsWith('/sets/ml-100k'))
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Moved</title>');
      else if (asked === 1) response.writeHead(429, { 'retry-after': '0' }).end();
      else if (asked === 2) {
        response.writeHead(200, { etag: '"1"', 'content-length': archive.length });
        response.write(archive.subarray(0, 100), () => setTimeout(() => response.destroy(), 20));
      } else {
        const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
        response.writeHead(start > 0 ? 206 : 200, {
          etag: '"1"',
          'content-range': `bytes ${start}-${archive.length - 1}/${archive.length}`,
        });
        response.end(archive.subarray(start));
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sets`;
    const said: string[] = [];
    const fetched = (category: string) =>
      prepareCard(
        'movielens',
        {},
        {
          out: folder.out(),
          category,
          mirror,
          cache: join(folder.path, 'cache'),
          command: 'test',
          version: '0.0.0',
          threads: 1,
          line: (text) => said.push(text),
        },
      );
    // The card states the checksum of the real archive: this one is refused after a second try, and nothing is left of it.
    await expect(fetched('100k')).rejects.toThrow(
      /ml-100k\.zip: md5 must be 0e33842e24a9c977be4e0107933c0723, got/,
    );
    expect(said.join('\n')).toMatch(/the host answers 429.*trying again/);
    expect(said.join('\n')).toMatch(/ml-100k\.zip: .*trying again in 2 s/);
    await expect(fetched('1m')).rejects.toThrow(
      /ml-1m\.zip: the host must answer with the file, got an HTML page/,
    );
    server.closeAllConnections();
    server.close();
    expect(existsSync(join(folder.path, 'cache/movielens/ml-100k.zip'))).toBe(false);
  });

  it('is fetched once, and prepared from what was fetched', async () => {
    const server = createServer((_, response) => response.end('1 3 2 3\n2 1 2 4\n'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const options = {
      category: 'Beauty',
      mirror,
      cache: join(folder.path, 'cache'),
      command: 'test',
      version: '0.0.0',
      threads: 1,
    };
    const first = await prepareCard('s3rec', {}, { ...options, out: folder.out() });
    server.closeAllConnections();
    server.close();
    const again = await prepareCard('s3rec', {}, { ...options, out: folder.out() });
    expect(made(again.out, again.provenance).bytes).toBe(made(first.out, first.provenance).bytes);
    expect(first.provenance.counts).toMatchObject({ interactions: 6, users: 2, items: 4 });
  });

  it('says what is missing and where it is to be had', async () => {
    mkdirSync(join(folder.path, 'empty'));
    expect(await refuse('movielens', '1m', join(folder.path, 'empty'))).toMatch(
      /^\/empty lacks files.*\n {2}ml-1m\.zip\/ml-1m\/ratings\.dat {2}https:\/\/files\.grouplens\.org\/datasets\/movielens\/ml-1m\.zip/,
    );
    expect(await refuse('missrec', 'Scientific', join(folder.path, 'empty'))).toMatch(
      /must hold Scientific_mm_full/,
    );
    const broken = zipSync({ 'ml-100k/u.data': Buffer.from('1\t1\t1\t1\n'.repeat(99)) }).slice(0, 90);
    folder.file('broken/ml-100k.zip', broken);
    expect(await refuse('movielens', '100k', join(folder.path, 'broken'))).toMatch(
      /ml-100k\.zip: the zip archive must be whole, got: .*fetch it again/,
    );
  });
});

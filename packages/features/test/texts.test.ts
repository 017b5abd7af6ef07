import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDomain, type Domain } from '@ferry/data';
import { buildTextFeatures, encodeNpy, listFeatures, loadFeatures } from '@ferry/features';
import { extract, type Extraction } from '../src/extract.ts';
import { sha256 } from '../src/hash.ts';
import { domainOf, type ToyItem } from './helpers.ts';

const texts = (...all: string[]): ToyItem[] => all.map((text, at) => ({ id: `i${at}`, text }));
const chinese = ['红楼梦', '三体', '西游记', '平凡的世界', '活着', '围城', '呐喊', '边城', '骆驼祥子', '家'];
const english = [
  'A drill',
  'A chair',
  'Greatest hits',
  'A red lamp',
  'Garden hose',
  'Coffee mill',
  'Wool socks',
];

describe('texts that the English encoder does not know', () => {
  it('are refused where nearly all are, before anything is encoded', async () => {
    const seen: number[] = [];
    for (const foreign of [chinese, chinese.map((text) => `${text} 1`), ['😀', '🎉🎉', '🚗', '🏠', '🎵']]) {
      const domain = await domainOf(texts(...foreign));
      await expect(buildTextFeatures(domain, { progress: ({ done }) => seen.push(done) })).rejects.toThrow(
        /encoder 'use-lite' reads English, got \d+ of \d+ texts mostly of symbols it does not know/,
      );
    }
    expect(seen).toEqual([]);
  });

  it('are counted from a share on, and only then', async () => {
    const some = await buildTextFeatures(await domainOf(texts(...english, ...chinese.slice(0, 3))));
    expect(some.notes![0]).toBe(
      'use-lite reads English: 3 of 10 texts mostly of symbols it does not know (such as "红楼梦")',
    );
    expect(some.notes![1]).toMatch(/^use-lite gives \d of 10 different texts the vector of another$/);
    const german = ['Grüne Gießkanne aus Blech', 'Bürostuhl für Größe', 'Café crème', 'Naïve Lösungen'];
    expect((await buildTextFeatures(await domainOf(texts(...english, ...german)))).notes).toEqual([]);
  });
});

/** An extraction whose encoder gives a vector by the text's first letter. */
function byLetter(domain: Domain): Extraction<string> {
  const inputs = domain.items.texts.map((value) => ({ value, hash: sha256(value) }));
  return {
    domain,
    modality: 'text',
    encoder: 'letters',
    cache: 'letters',
    identity: 'letters@1',
    inputs,
    cost: () => 0,
    notes: [],
    open: () =>
      Promise.resolve({
        encode: (batch: readonly string[]) =>
          Promise.resolve(Float32Array.from(batch.flatMap((text) => [text.charCodeAt(0), 1]))),
        close: () => Promise.resolve(),
      }),
  };
}

describe('texts that come out equal', () => {
  it('are counted, or refused where hardly any differ', async () => {
    const of = async (...all: string[]) => extract(byLetter(await domainOf(texts(...all))), {});
    expect((await of('a', 'b', 'c', 'd', 'e', 'f')).notes).toEqual([]);
    // Equal texts have equal vectors, of course.
    expect((await of('a', 'a', 'a', 'b', 'c', 'd', 'e')).notes).toEqual([]);
    expect((await of('a', 'a2', 'b', 'c', 'd', 'e')).notes).toEqual([
      'letters gives 2 of 6 different texts the vector of another',
    ]);
    await expect(of('a1', 'a2', 'a3', 'a4', 'a5', 'a6')).rejects.toThrow(
      /an encoder must tell texts apart, got letters gives 6 of 6 different texts the vector of another/,
    );
    await expect(of('a1', 'a2', 'a3')).resolves.toBeDefined();
  });
});

describe('which of text and title is encoded', () => {
  it('is the text or, where that is blank, the title', async () => {
    const domain = await domainOf([
      { id: 'a', title: 'Title', text: 'Text' },
      { id: 'b', title: 'Title' },
      { id: 'c', title: 'Title', text: '' },
      { id: 'd', text: 'Text' },
      { id: 'e', title: ' ', text: '\t' },
    ]);
    const features = await buildTextFeatures(domain);
    const row = (item: number) => features.data.subarray(item * 512, (item + 1) * 512);
    expect([...features.present]).toEqual([1, 1, 1, 1, 0]);
    expect([row(1), row(2)]).toEqual([row(2), row(1)]);
    expect(row(3)).toEqual(row(0));
    expect(row(1)).not.toEqual(row(0));
    const titles = await buildTextFeatures(domain, { field: 'titles' });
    expect(titles.data.subarray(0, 512)).toEqual(row(1));
  });
});

describe('what was encoded and the domain’s own file', () => {
  const five = texts('one', 'two', 'three', 'four', 'five');

  it('are never taken for one another', async () => {
    const domain = await domainOf(five);
    const made = await buildTextFeatures(domain);
    await expect(loadFeatures(domain, 'text')).rejects.toThrow(
      /no text features of its own: .*; what an encoder made goes by its name \(features\.text: use-lite\)$/,
    );
    for (const name of ['text.npy', 'x.text.npy']) {
      const own = await domainOf(five, { [name]: encodeNpy(Float32Array.of(1, 2, 3, 4, 5), [5, 1]) });
      await buildTextFeatures(own);
      expect((await loadFeatures(own, 'text')).width).toBe(1);
      expect((await loadFeatures(own, 'text', { encoder: 'use-lite' })).data).toEqual(made.data);
      expect(await listFeatures(own)).toEqual([
        { line: `text features: ${name}, 1 wide, all 5 items`, warnings: [] },
        { line: 'text features: use-lite, 512 wide, all 5 items', warnings: [] },
        { line: 'no image features yet', warnings: [] },
      ]);
    }
  });

  /** The same directory with other items. */
  async function changed(domain: Domain, items: readonly ToyItem[]): Promise<Domain> {
    await writeFile(
      join(domain.directory, 'items.jsonl'),
      items.map((item) => `${JSON.stringify(item)}\n`).join(''),
    );
    return readDomain(domain.directory);
  }

  it('are told to be out of date, and refused when asked for by name', async () => {
    const domain = await domainOf(five);
    await buildTextFeatures(domain);
    const cases: [readonly ToyItem[], RegExp][] = [
      [
        [...five.slice(0, 4), { id: 'i4', text: 'cinq' }],
        /the texts of 1 of 5 items have changed since \("i4"\)/,
      ],
      [[...five.slice(0, 4), { id: 'i4' }], /the texts of 1 of 5 items have changed since \("i4"\)/],
      [[...five, { id: 'new', text: 'six' }], /must be of this domain's 6 items in this order, got 5/],
      [five.slice(0, 4), /must be of this domain's 4 items in this order, got 5/],
      [[five[1]!, five[0]!, ...five.slice(2)], /must be of this domain's 5 items in this order, got others/],
    ];
    for (const [items, message] of cases) {
      const other = await changed(domain, items);
      expect((await listFeatures(other))[0]!.warnings.join()).toMatch(message);
      await expect(loadFeatures(other, 'text', { encoder: 'use-lite' })).rejects.toThrow(message);
    }
    // Making them anew encodes what changed, and the record is of the domain as it is.
    const again = await changed(domain, cases[0]![0]);
    const { source } = await buildTextFeatures(again);
    expect((await listFeatures(again))[0]).toEqual({
      line: 'text features: use-lite, 512 wide, all 5 items',
      warnings: [],
    });
    const record = JSON.parse(await readFile(`${source!}.json`, 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({ format: 2, encoder: 'use-lite', width: 512, dtype: 'float32', count: 5 });
    await writeFile(`${source!}.json`, JSON.stringify({ ...record, identity: 'use-lite@0.1.0' }));
    expect((await listFeatures(again))[0]!.warnings.join()).toMatch(
      /^text features use-lite: out of date: made by use-lite@0\.1\.0, the encoder is now use-lite@0\.2\.0/,
    );
  });

  it('may be kept in half the room', async () => {
    const domain = await domainOf(five);
    const whole = await buildTextFeatures(domain);
    const half = await buildTextFeatures(domain, { dtype: 'float16' });
    expect((await readFile(half.source!)).length).toBe(128 + 5 * 512 * 2);
    const worst = half.data.reduce((most, value, at) => Math.max(most, Math.abs(value - whole.data[at]!)), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(2 ** -11 * 0.3);
    expect(await buildTextFeatures(domain, { dtype: 'float16' })).toEqual(half);
  });
});

describe('an extraction that fails', () => {
  it('keeps the batch that was under way beside the one that failed', async () => {
    const domain = await domainOf(texts('a', 'b', 'c', 'd', 'e', 'f'));
    const asked: string[] = [];
    const of = (fails: boolean): Extraction<string> => ({
      ...byLetter(domain),
      open: async () => {
        const encoder = await byLetter(domain).open();
        const encode = async (batch: readonly string[]): Promise<Float32Array> => {
          asked.push(...batch);
          if (fails && batch.includes('a')) throw new Error('the machine is out of memory');
          return encoder.encode(batch);
        };
        return { ...encoder, encode };
      },
    });
    await expect(extract(of(true), { batchSize: 2 })).rejects.toThrow('out of memory');
    expect(asked.splice(0)).toEqual(['a', 'b', 'c', 'd']);
    await extract(of(false), { batchSize: 2 });
    expect(asked).toEqual(['a', 'b', 'e', 'f']);
  });
});

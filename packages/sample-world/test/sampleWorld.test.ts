import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { RandomStream } from '@ferry/engine';
import { readDomain } from '@ferry/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  drawPicture,
  encodePng,
  laws,
  makeSampleWorld,
  rgb,
  sampleWorldDirectory,
  themes,
  writeSampleWorld,
  type SampleDomain,
  type SampleWorld,
} from '../src/index.ts';

const world = makeSampleWorld();
let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'ferry-world-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

/** SHA-256 of everything in a world that a model could see: item lines, sequence lines, pixels. */
async function hashOf(own: SampleWorld): Promise<string> {
  const folder = await mkdtemp(join(cache, 'hashed-'));
  await writeSampleWorld(folder, own);
  const hash = createHash('sha256');
  for (const { name, pictures } of own.domains) {
    for (const file of ['items.jsonl', 'sequences.jsonl'])
      hash.update(await readFile(join(folder, name, file)));
    for (const picture of pictures) if (picture) hash.update(picture.pixels);
  }
  return hash.digest('hex');
}

const counts = (domain: SampleDomain): number[] => {
  const times = domain.items.map(() => 0);
  for (const { items } of domain.sequences) for (const item of items) times[item]!++;
  return times;
};

describe('the sample world', () => {
  it('is the same everywhere for a seed, and another for another seed', async () => {
    expect(await hashOf(makeSampleWorld())).toBe(
      '7cc0385cfb6590c86e10c055dbdc1e0809c1da012645d5096bbfd66c7391b584',
    );
    expect(await hashOf(makeSampleWorld({ seed: 2 }))).not.toBe(await hashOf(world));
  });

  it('does not change a domain when others are left out', () => {
    const [alone] = makeSampleWorld({ domains: ['posters'] }).domains;
    expect(alone).toEqual(world.domains.find(({ name }) => name === 'posters'));
  });

  it('is long-tailed: a fifth of the items takes about half of the interactions, and some are cold', () => {
    for (const domain of world.domains) {
      const sorted = counts(domain).sort((a, b) => b - a);
      const all = sorted.reduce((a, b) => a + b, 0);
      const head = sorted.slice(0, Math.round(sorted.length / 5)).reduce((a, b) => a + b, 0);
      expect(head / all, domain.name).toBeGreaterThan(0.45);
      expect(sorted.filter((n) => n < 5).length / sorted.length, domain.name).toBeGreaterThan(0.1);
    }
  });

  it('lacks some pictures, more of them in the tail', () => {
    for (const domain of world.domains) {
      const byPopularity = domain.items
        .map((item, i) => ({ popularity: item.popularity, missing: domain.pictures[i] === undefined }))
        .sort((a, b) => b.popularity - a.popularity)
        .map(({ missing }) => (missing ? 1 : 0) as number);
      const half = byPopularity.length / 2;
      const share = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
      expect(share(byPopularity), domain.name).toBeGreaterThan(0.08);
      expect(share(byPopularity), domain.name).toBeLessThan(0.32);
      expect(share(byPopularity.slice(half)), domain.name).toBeGreaterThan(
        share(byPopularity.slice(0, half)),
      );
    }
  });

  it('has people who carry their interests from domain to domain', () => {
    const [source, target] = ['books', 'posters'].map((name) => world.domains.find((d) => d.name === name)!);
    const profile = (domain: SampleDomain) =>
      new Map(
        domain.sequences.map(({ person, items }) => {
          const bins = themes.map(() => 0);
          for (const item of items) bins[domain.items[item]!.theme]! += 1 / items.length;
          return [person, bins] as const;
        }),
      );
    const there = profile(source!);
    const pairs = [...profile(target!)].flatMap(([person, bins]) =>
      there.has(person) ? [[bins, there.get(person)!] as const] : [],
    );
    expect(pairs.length).toBeGreaterThan(100);
    const overlap = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, value, i) => sum + Math.min(value, b[i]!), 0);
    const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    const same = mean(pairs.map(([a, b]) => overlap(a, b)));
    const strangers = mean(pairs.map(([a], i) => overlap(a, pairs[(i + 1) % pairs.length]![1])));
    expect(same).toBeGreaterThan(1.3 * strangers);
  });

  it('has an order: sequels follow, and themes follow each other', () => {
    let sequels = 0;
    let chances = 0;
    let successors = 0;
    let others = 0;
    for (const { items, sequences } of world.domains)
      for (const { items: steps } of sequences)
        for (let i = 1; i < steps.length; i++) {
          const [last, next] = [items[steps[i - 1]!]!, items[steps[i]!]!];
          if (
            items[steps[i - 1]! + 1]?.series === last.series &&
            !steps.slice(0, i).includes(steps[i - 1]! + 1)
          ) {
            chances++;
            if (steps[i] === steps[i - 1]! + 1) sequels++;
          }
          if (next.theme === (last.theme + 1) % themes.length) successors++;
          else if (next.theme === (last.theme + 2) % themes.length) others++;
        }
    expect(sequels / chances).toBeGreaterThan(laws.sequel - 0.02);
    expect(successors).toBeGreaterThan(2 * others);
  });

  it('tells the theme in words that domains share', () => {
    for (const { items } of world.domains)
      for (const { text, theme } of items) {
        const hits = themes.map(
          ({ nouns }) => nouns.filter((noun) => text.toLowerCase().includes(noun)).length,
        );
        expect(Math.max(...hits)).toBe(hits[theme]);
      }
  });

  it('is written whole, once, in a form the domain reader takes', async () => {
    const directory = await sampleWorldDirectory(cache, { persons: 60 });
    expect(await readdir(join(cache, 'sample-world'))).toHaveLength(1);
    const domain = await readDomain(join(directory, 'puzzles'));
    const made = makeSampleWorld({ persons: 60 }).domains.find(({ name }) => name === 'puzzles')!;
    expect(domain.items.titles).toEqual(made.items.map(({ title }) => title));
    expect(domain.users).toEqual(made.sequences.map(({ user }) => user));
    const { starts, ends, items } = domain.sequences;
    expect([...items.subarray(starts[3], ends[3])]).toEqual(made.sequences[3]!.items.map((i) => i + 1));
    expect(domain.warnings).toEqual([]);
    const pictured = domain.items.images.flatMap((image) => image ?? []);
    expect(pictured).toHaveLength(made.pictures.filter(Boolean).length);
    for (const image of pictured)
      expect((await readFile(join(directory, 'puzzles', image))).length).toBeGreaterThan(100);
    expect(await sampleWorldDirectory(cache, { persons: 60 })).toBe(directory);
  });
});

describe('encodePng', () => {
  it('writes the signature, a header and the rows, each after a filter byte', () => {
    const png = encodePng({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect(png.subarray(12, 16).toString('latin1')).toBe('IHDR');
    expect([...png.subarray(16, 29)]).toEqual([0, 0, 0, 2, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
    const length = png.readUInt32BE(33);
    expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // The end chunk is the same in every PNG file, its checksum included.
    expect(png.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
  });

  it('refuses a wrong number of bytes', () => {
    expect(() => encodePng({ width: 2, height: 2, pixels: new Uint8Array(11) })).toThrow(
      'encodePng: pixels must hold 2x2x3=12 bytes, got 11',
    );
  });
});

describe('pictures', () => {
  it('mixes colours as CSS does', () => {
    expect(rgb(0, 1, 0.5)).toEqual([255, 0, 0]);
    expect(rgb(210, 0.5, 0.4)).toEqual([51, 102, 153]); // #336699
    expect(rgb(77, 0, 0.2)).toEqual([51, 51, 51]);
  });

  it('are lighter in a lighter style and differ from item to item', () => {
    const lightness = (style: number) => {
      const { pixels } = drawPicture({ theme: 4, style }, RandomStream.fromSeed(1));
      return pixels.reduce((a, b) => a + b, 0) / pixels.length;
    };
    expect(lightness(3)).toBeGreaterThan(lightness(0) + 50);
    const [a, b] = [1, 2].map(
      (seed) => drawPicture({ theme: 4, style: 0 }, RandomStream.fromSeed(seed)).pixels,
    );
    expect(a).not.toEqual(b);
  });
});

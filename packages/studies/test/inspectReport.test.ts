import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { encodeNpy, type FeatureMatrix } from '@ferry/features';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectReport } from '../src/index.ts';
import { duplicatesOf, languagesOf, monthsOf, overlapOf } from '../src/domainReport/facts.ts';
import { agreementOf, nearest, spread } from '../src/domainReport/neighbours.ts';

const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('the page about a domain', () => {
  const root = mkdtempSync(join(tmpdir(), 'ferry-inspect-'));
  const make = (name: string, items: object[], sequences: object[]): string => {
    mkdirSync(join(root, name));
    // As an editor on Windows saves it: keys that no domain holds are read past the mark too.
    writeFileSync(join(root, name, 'items.jsonl'), `\uFEFF${lines(items)}`);
    writeFileSync(join(root, name, 'sequences.jsonl'), lines(sequences));
    return join(root, name);
  };
  let domain: Domain;
  let other: Domain;
  beforeAll(async () => {
    const items = [
      { id: 'a', title: 'The red guitar of my old friend', category: 'Music' },
      { id: 'b', title: 'The red guitar of my old friend', category: 'Music, Gifts' },
      { id: 'c', title: 'Der Hund läuft schnell über die Straße nach Hause', category: 'Tiere' },
      { id: 'd', title: 'Le chat dort sur la chaise dans la cuisine', category: 'Tiere' },
    ];
    const times = (...months: number[]): number[] => months.map((month) => Date.UTC(2020, month, 3) / 1000);
    const own = make('own', items, [
      { user: 'u', items: ['a', 'b', 'a'], ts: times(0, 0, 2) },
      { user: 'v', items: ['c', 'd', 'a'], ts: times(1, 2, 2) },
    ]);
    // a and b are near, and so are c and d.
    writeFileSync(join(own, 'text.npy'), encodeNpy(Float32Array.of(1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9), [4, 2]));
    domain = await readDomain(own);
    other = await readDomain(
      make(
        'other',
        [
          { id: 'a', title: 'x' },
          { id: 'z', title: 'Guitar, red: the OLD of my friend' },
        ],
        [{ user: 'v', items: ['a', 'z', 'a'] }],
      ),
    );
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('counts duplicates, languages, months and what domains share', () => {
    expect(duplicatesOf(domain)).toEqual({ repeated: 1, titles: 2, texts: 2 });
    expect(languagesOf(domain.items.texts).shares.map(([name]) => name)).toEqual(['eng', 'deu', 'fra']);
    expect(monthsOf(domain.sequences)).toEqual([
      { month: '2020-01', count: 2 },
      { month: '2020-02', count: 1 },
      { month: '2020-03', count: 3 },
    ]);
    expect(overlapOf(domain, other)).toEqual({ name: 'other', users: 1, items: 1, titles: 2 });
  });

  it('finds nearest items, and how often they share a category', () => {
    const matrix: FeatureMatrix = {
      modality: 'text',
      encoder: 'x',
      count: 4,
      width: 2,
      data: Float32Array.of(1, 0, 5, 0.5, 0, 0, 0, 2),
      present: Uint8Array.of(1, 1, 0, 1),
    };
    expect(nearest(matrix, [0], 9)[0]!.map(({ item }) => item)).toEqual([1, 3]);
    expect(nearest(matrix, [0], 1)[0]![0]!.cosine).toBeCloseTo(5 / Math.hypot(5, 0.5), 5);
    expect(spread(matrix, 2)).toEqual([0, 1]);
    const categories = [['m'], ['m'], ['n'], ['n']].map((names) => new Set(names));
    expect(agreementOf(matrix, categories)).toEqual({ near: 2 / 6, chance: 2 / 6, items: 3 });
  });

  it('is one file with all of it', async () => {
    const out = join(root, 'page.html');
    expect(
      await inspectReport(domain.directory, {
        out,
        others: [other.directory],
        command: 'ferry inspect own --report',
      }),
    ).toBe(out);
    const page = readFileSync(out, 'utf8');
    for (const part of [
      'Lengths of sequences',
      'Interactions over time',
      'From 2020-01 to 2020-03',
      'Nearest neighbours',
      'cosine 0.99',
      'users of both',
      'ferry inspect own --report',
    ])
      expect(page).toContain(part);
    expect(page).toMatch(/Of the ten nearest of 4 items .* share a category/);
    expect(page).not.toMatch(/(?:src|href)="https?:/);
  });
});

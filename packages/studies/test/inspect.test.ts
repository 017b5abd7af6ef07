import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inspectDomain, openDomain } from '@ferry/studies';
import { storedFeatures } from '../src/features.ts';

it('says in which form a domain was found, also where it is one file', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'ferry-inspect-')), 'Toys.txt');
  await writeFile(file, 'ann 1 2 3 4\nbob 3 1\n');
  const { name, form, statistics } = await inspectDomain(file);
  expect([name, form]).toEqual([
    'Toys',
    "sequences in S3Rec's form, Toys.txt: ids without titles, an order without times",
  ]);
  expect(statistics.counts).toMatchObject({ items: 4, users: 2, train: 1, test: 1 });
  expect(statistics.warnings[0]).toMatch(/Toys\.txt: 1 of 2 users have fewer than 3 interactions/);
});

it('warns of feature files that look cut off, are damaged or out of date, and a declared width refuses them', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'ferry-inspect-')), 'shop');
  await mkdir(directory);
  const ids = Array.from({ length: 5 }, (_, i) => `i${i}`);
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  await writeFile(join(directory, 'items.jsonl'), lines(ids.map((id) => ({ id, title: id }))));
  await writeFile(join(directory, 'sequences.jsonl'), lines([{ user: 'u', items: ids }]));
  const ramp = Float32Array.from({ length: 40 }, (_, i) => i);
  await writeFile(join(directory, 'shop.feat1CLS'), new Uint8Array(ramp.buffer));
  await writeFile(join(directory, 'shop.feat3CLS'), new Uint8Array(39 * 4));
  const { features, statistics } = await inspectDomain(directory);
  expect(features).toEqual([
    'text features: shop.feat1CLS, 8 wide, all 5 items',
    'image features: shop.feat3CLS cannot be used',
  ]);
  const warnings = statistics.warnings.join('\n');
  expect(warnings).toMatch(/^text features shop\.feat1CLS: 8 numbers a row, .* is the file cut off\?/m);
  expect(warnings).toMatch(/shop\.feat3CLS: a raw float32 file must hold 5 equal rows .*, got 156 bytes$/m);

  const domain = await openDomain(directory);
  const settings = { text: 'stored', image: 'none' } as const;
  expect((await storedFeatures(domain, { ...settings, textWidth: 8 })).text!.width).toBe(8);
  await expect(storedFeatures(domain, { ...settings, textWidth: 10 })).rejects.toThrow(
    /must have one row for each of the 5 items, got 4 rows of 10/,
  );
});

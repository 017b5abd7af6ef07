import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inspectDomain } from '@ferry/studies';

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

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { domainStatistics, readDomain } from '@ferry/data';
import { writeGenerated } from './generated.ts';

/*
 * What real.test.ts asks of published data sets, of a generated one that is always there; by numpy:
 * tools/parity/published.py.
 */

const root = mkdtempSync(join(tmpdir(), 'ferry-generated-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const generated = async (users: number) => {
  const directory = join(root, String(users));
  mkdirSync(directory);
  writeGenerated(directory, users);
  return domainStatistics(await readDomain(directory));
};

it('users, items, interactions and rows of a generated domain are those that numpy counts', async () => {
  const { counts } = await generated(300);
  expect(counts).toEqual({
    users: 300,
    items: 120,
    interactions: 10_630,
    trainInteractions: 10_030,
    train: 9730,
    valid: 300,
    test: 300,
  });
});

it('its items fall into the popularity groups that numpy finds', async () => {
  const { counts, popularity } = await generated(25);
  expect([counts.interactions, counts.train]).toEqual([845, 770]);
  expect(popularity.groups.map(({ items }) => items)).toEqual([0, 42, 64, 11, 3]);
  expect(popularity.groups.map(({ testInteractions }) => testInteractions)).toEqual([0, 9, 8, 5, 3]);
});

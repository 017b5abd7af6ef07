import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNewsWorld, writeNewsWorld, type NewsWorldOptions } from '@ferry/sample-world';
import { expect, test } from 'vitest';
import {
  categoryScores,
  evaluateImpressions,
  historyOf,
  popularityScores,
  readMind,
  recencyScores,
  rowOf,
  summariseImpressions,
} from '../../src/index.ts';
import { folderOf } from './folder.ts';

const small: NewsWorldOptions = { articles: 600, readers: 150, visits: 4 };

test('a generated world is read as it was made, quotation marks and all', async () => {
  const world = makeNewsWorld(small);
  const root = folderOf({});
  await writeNewsWorld(root, world);
  const { news, users, splits, warnings } = await readMind(root);
  expect(warnings).toEqual([]);
  expect(news.titles.slice(1)).toEqual(world.articles.map(({ title }) => title));
  expect(news.abstracts.slice(1)).toEqual(world.articles.map(({ abstract }) => abstract));
  expect(news.images.slice(1).map((file) => file !== undefined)).toEqual(
    world.articles.map(({ pictured }) => pictured),
  );
  expect(readdirSync(join(root, 'images'))).toHaveLength(
    world.articles.filter(({ pictured }) => pictured).length,
  );
  for (const [name, impressions] of Object.entries(world.splits)) {
    const read = splits[name]!;
    expect(read.count).toBe(impressions.length);
    impressions.forEach(({ reader, time, history, shown }, row) => {
      expect(users.text(read.users[row]!)).toBe(world.readers[reader]!.id);
      expect(read.times[row]).toBe(time);
      // Articles are numbered as they are listed.
      expect([...historyOf(read, row)]).toEqual(history.map((at) => at + 1));
      expect([...rowOf(read.candidates, row)]).toEqual(shown.map((at) => at + 1));
    });
    expect([...read.labels!]).toEqual(impressions.flatMap(({ clicked }) => clicked));
  }
  const lengths = splits['train']!.historyEnds.map((end, row) => end - splits['train']!.historyStarts[row]!);
  expect(lengths).toContain(0);
  expect(Math.max(...lengths)).toBeGreaterThan(80);
  // Single quotation marks at the front of titles: what a reader of CSV stumbles over.
  expect(world.articles.filter(({ title }) => /^"[^"]*$/.test(title)).length).toBeGreaterThan(10);
});

test('one seed gives one world', async () => {
  const roots = [folderOf({}), folderOf({}), folderOf({})];
  for (const [at, root] of roots.entries())
    await writeNewsWorld(root, makeNewsWorld({ ...small, seed: at < 2 ? 3 : 4 }), { pictures: at < 2 });
  const [first, second, other] = roots.map((root) => readFileSync(join(root, 'dev/behaviors.tsv'), 'utf8'));
  expect(first).toBe(second);
  expect(first).not.toBe(other);
});

test('clicks follow what they are said to follow, and the floors find their share of it', async () => {
  const auc = async (options: NewsWorldOptions): Promise<Record<string, number>> => {
    const world = makeNewsWorld({ ...small, ...options });
    const root = folderOf({});
    await writeNewsWorld(root, world, { pictures: false });
    const { news, splits } = await readMind(root);
    const [train, dev] = [splits['train']!, splits['dev']!];
    const of = (scores: ArrayLike<number>): number =>
      summariseImpressions(evaluateImpressions(dev, scores, { ties: 'average' })).means['auc']!;
    return {
      truth: of(world.splits.dev.flatMap((impression) => impression.appeal)),
      popularity: of(popularityScores(dev, train, news)),
      recency: of(recencyScores(dev, train, news)),
      category: of(categoryScores(dev, train, news)),
    };
  };
  const usual = await auc({});
  expect(usual['truth']).toBeGreaterThan(0.8);
  expect(usual['category']).toBeGreaterThan(0.55);
  expect(usual['category']).toBeLessThan(usual['truth']!);
  expect(Math.abs(usual['recency']! - 0.5)).toBeLessThan(0.05);
  const famous = await auc({ weights: { text: 0, picture: 0, popularity: 2 } });
  expect(famous['popularity']).toBeGreaterThan(0.6);
  expect(Math.abs(famous['category']! - 0.5)).toBeLessThan(0.05);
  const chance = await auc({ weights: { text: 0, picture: 0, popularity: 0 } });
  for (const value of Object.values(chance)) expect(Math.abs(value - 0.5)).toBeLessThan(0.05);
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDomain } from '@ferry/data';
import { selectBackend } from '@ferry/engine';
import { rankingMetrics } from '@ferry/evaluation';
import { missRec } from '@ferry/missrec';
import { readRecipe, wholeSchema, type FinetuneRecipe } from '@ferry/recipes';
import { evaluateRecommender, type SequentialModel } from '@ferry/sequential';
import { readMetrics, readSummary, type EpochRecord } from '@ferry/training';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { featureBlocks } from '../src/features.ts';
import { openRun } from '../src/jobs/runs.ts';
import { finishedTarget, runTarget } from '../src/jobs/target.ts';
import { keptRows } from '../src/keptRows.ts';

let folder: string;
beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
  folder = mkdtempSync(join(tmpdir(), 'ferry-finetune-'));
  const directory = join(folder, 'shop');
  mkdirSync(directory);
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const ids = Array.from({ length: 30 }, (_, i) => `i${i}`);
  writeFileSync(join(directory, 'items.jsonl'), lines(ids.map((id) => ({ id, title: id }))));
  const users = Array.from({ length: 24 }, (_, u) => ({
    user: `u${u}`,
    items: Array.from({ length: 6 }, (_, l) => `i${(u + 3 * l) % 30}`),
  }));
  writeFileSync(join(directory, 'sequences.jsonl'), lines(users));
  const features = Float32Array.from({ length: 30 * 4 }, (_, i) => Math.sin(i * 1.7));
  writeFileSync(join(directory, 'shop.feat1CLS'), new Uint8Array(features.buffer));
  writeFileSync(join(directory, 'shop.feat1CLS.json'), '{ "width": 4, "dtype": "float32" }');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const recipeOf = (...overrides: string[]) => ({
  ...(readRecipe(
    [
      'job: finetune',
      `target: ${join(folder, 'shop')}`,
      'features: { text: stored }',
      'model: { width: 8, heads: 2, inner: 8, positions: 4, interests: { method: none } }',
      'finetuning: { epochs: 2, batchSize: 16 }',
      'evaluation: { cutoffs: [3], metric: mrr }',
    ].join('\n'),
    'r.yaml',
    wholeSchema({ job: 'finetune' }, missRec),
    overrides,
  ) as FinetuneRecipe),
  out: join(folder, 'run'),
});
const models = { unnamed: 'missrec', load: () => Promise.resolve(missRec as SequentialModel) };
const silent = { line: () => undefined, training: null, models };

it('a run follows its metric, keeps its rows, and goes on if it is given more epochs', async () => {
  const first = await runTarget(recipeOf(), silent);
  const epochs = readMetrics(recipeOf().out).filter(
    (record): record is EpochRecord => record.kind === 'epoch',
  );
  const best = epochs.reduce((a, b) => (b.valid!['mrr']! >= a.valid!['mrr']! ? b : a));
  expect(first.summary.best.epoch).toBe(best.epoch);
  expect(rankingMetrics(first.rows, [3])).toEqual(first.summary.test);
  expect(await keptRows(recipeOf().out)).toEqual(first.rows);
  expect(await finishedTarget(recipeOf(), readSummary(recipeOf().out))).toEqual(first);

  const more = recipeOf('finetuning.epochs=6');
  expect(await finishedTarget(more, readSummary(more.out))).toBeUndefined();
  const second = await runTarget(more, silent);
  expect(second.summary.epochs).toBe(6);
  // What was kept of the shorter run is not taken for the longer one's.
  expect(second.rows.checkpoint).toBe(second.summary.best.checkpoint);
  expect(rankingMetrics((await keptRows(more.out))!, [3])).toEqual(second.summary.test);
  expect(second.details.checkpoint).toBe(second.summary.best.checkpoint);
});

it('an opened run ranks and scores with features that stay in their files as with those in memory', async () => {
  const recipe = { ...recipeOf('finetuning.epochs=1'), out: join(folder, 'opened') };
  await runTarget(recipe, silent);
  const found = [];
  for (const blocksFrom of [0, 481]) {
    const open = await openRun(recipe.out, { blocksFrom }, silent);
    const { model, ranking, target } = open;
    const ranker = ranking.ranker();
    const scored = ranker.score([[3, 1, 7]]);
    const { better, tied } = await evaluateRecommender(ranking, model, target.domain.test);
    found.push({ better, tied, scores: scored.scores.dataSync() });
    expect(model.catalogue.blocks !== undefined).toBe(blocksFrom === 0);
    for (const made of [scored, ranker, open]) made.dispose();
  }
  expect(found[0]).toEqual(found[1]);
});

it('features stay in their files where all of them are stored and as they are', async () => {
  const { target, features } = recipeOf();
  const domain = await readDomain(target);
  const open = (more: Partial<typeof features>) => featureBlocks(domain, { ...features, ...more }, 0);
  const blocks = await open({ image: 'none' });
  expect(Object.keys(blocks!)).toEqual(['text']);
  blocks!.text!.close();
  expect(await open({ image: 'pixels' })).toBeUndefined();
  expect(await open({ text: 'none', image: 'none' })).toBeUndefined();
  expect(await open({ image: 'none', shuffle: 1 })).toBeUndefined();
});

it('IDs alone make a model where nothing needs features', async () => {
  const recipe = { ...recipeOf('features.text=none', 'finetuning.epochs=15'), out: join(folder, 'ids') };
  const { summary, rows } = await runTarget(recipe, silent);
  expect(rows.modalityNames).toEqual([]);
  const epochs = readMetrics(recipe.out).filter((record): record is EpochRecord => record.kind === 'epoch');
  expect(epochs[0]!.loss).toBeGreaterThan(0.5 * Math.log(30));
  expect(epochs.at(-1)!.loss).toBeLessThan(0.9 * epochs[0]!.loss);
  expect(summary.test!['mrr']).toBeGreaterThan(0);
});

/** Recipes whose news encoder is trained with the model, from the command line. */
import { readFileSync } from 'node:fs';
import { readMind } from '@ferry/nrms';
import { openServing } from '@ferry/studies';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder } from './ferry.ts';
import { writeNewsFolder } from './newsFolder.ts';

ownFolder('news-encoders');

beforeAll(() => {
  writeNewsFolder('mind');
});

const sizes = 'hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 16';
/** A text encoder from nothing in place of the recipes' folder. */
const text = (more = ''): string =>
  `features.textEncoder={config: {model_type: bert, ${sizes}}, vocabulary: 120, length: 8, microBatch: 40${more}}`;
const place = ['target=mind', 'backend=ort', 'threads=1'];
const head = ['model.heads=2', 'model.headWidth=6', 'model.queryWidth=6', 'model.history=5'];

interface Summary {
  test: Record<string, number>;
  parameters: Record<string, number>;
}
const summary = (run: string): Summary => JSON.parse(readFileSync(`${run}/summary.json`, 'utf8')) as Summary;

it('trains an encoder of titles with NRMS by the recipe of experiment 4, and uses both again', async () => {
  const given = [...place, text(), ...head, 'training.learningRate=0.01', 'training.batchSize=32'];
  const train = (epochs: number, out: string): Promise<string> =>
    ferry('train', 'news-experiment-4', ...given, `training.epochs=${epochs}`, '--out', out);
  expect(await train(2, 'tuned')).toMatch(/test: AUC/);
  const { test } = summary('tuned');
  const again = JSON.parse(await ferry('evaluate', 'tuned', '--json')) as { metrics: Record<string, number> };
  for (const [name, value] of Object.entries(test)) expect(again.metrics[name]).toBeCloseTo(value, 5);
  // Trained for an epoch and then for another, it is what it would have been.
  await train(1, 'longer');
  await train(2, 'longer');
  expect(readFileSync('longer/metrics.jsonl', 'utf8')).toBe(readFileSync('tuned/metrics.jsonl', 'utf8'));
  expect(await ferry('replay', 'tuned', '--hours', '.4')).toMatch(/learning on/);
  const { models } = await import('../src/models.ts');
  const console = { models, line: () => undefined, training: null } as unknown as Parameters<
    typeof openServing
  >[2];
  const served = await openServing('tuned', { checkpoint: 'best' }, console);
  try {
    const { news, splits } = await readMind('mind');
    const { candidates, labels, count, history, historyStarts, historyEnds } = splits['dev']!;
    const ids = (numbers: Int32Array): string[] => Array.from(numbers, (number) => news.ids.text(number));
    let [won, pairs] = [0, 0];
    for (let r = 0; r < count; r++) {
      const [from, to] = [candidates.offsets[r]!, candidates.offsets[r + 1]!];
      const shown = candidates.values.subarray(from, to);
      pairs += shown.length - 1;
      // Nobody's scores are all equal.
      if (historyStarts[r] === historyEnds[r]) {
        won += (shown.length - 1) / 2;
        continue;
      }
      const clicked = news.ids.text(shown[labels!.subarray(from, to).indexOf(1)]!);
      const ranked = await served.rank!(ids(history.subarray(historyStarts[r], historyEnds[r])), ids(shown));
      const score = ranked.find((item) => item.id === clicked)!.score;
      for (const item of ranked)
        if (item.id !== clicked) won += score > item.score ? 1 : score === item.score ? 0.5 : 0;
    }
    expect(won / pairs).toBeCloseTo(test['auc']!, 5);
  } finally {
    served.dispose();
  }
});

it('trains LoRA alone by its recipe, and a picture beside the title by that of experiment 3', async () => {
  const lora = text(', tuning: {lora: {rank: 2}}, learningRate: 0.02');
  await ferry('train', 'news-lora', ...place, lora, ...head, 'training.epochs=1', '--out', 'lora');
  const { trainable, total } = summary('lora').parameters;
  // Two layers of two matrices of 8 x 8, each with 2 x 8 and 8 x 2 numbers, beside the model's own.
  const own =
    3 * (12 * 8 + 12) +
    (12 * 12 + 12) +
    (12 * 6 + 6 + 6) +
    (3 * (12 * 12 + 12) + (12 * 12 + 12) + (12 * 6 + 6 + 6));
  expect(trainable).toBe(own + 4 * 32);
  expect(total!).toBeGreaterThan(2 * trainable!);
  // By a rate near nothing nothing moves, an encoder with a rate of its own no more than all else.
  const slow = ['--hours', '.4', '--learning-rate', '1e-12', '--epochs', '8', '--json'];
  const { periods } = JSON.parse(await ferry('replay', 'lora', ...slow)) as {
    periods: { still: object; moving: object }[];
  };
  expect(periods.length).toBeGreaterThan(1);
  for (const { still, moving } of periods) expect(moving).toEqual(still);

  const image = `features.imageEncoder={config: {model_type: vit, patch_size: 4, ${sizes}}, size: 8, microBatch: 40}`;
  const world = ['target=sample-world:news', 'backend=ort', 'threads=1', text(), image, ...head];
  const quick = [
    'training.epochs=1',
    'training.learningRate=0.001',
    'training.batchSize=128',
    '--out',
    'pictures',
  ];
  expect(await ferry('train', 'news-experiment-3', ...world, ...quick)).toMatch(/test: AUC/);
});

it('says what is wrong with an encoder before anything is read', async () => {
  const refused = (...overrides: string[]): Promise<string> =>
    ferry('train', 'news-experiment-4', 'target=nowhere', ...overrides, '--out', 'no');
  expect(await refused('features.textEncoder.from=nowhere')).toContain('there is no config.json in it');
  expect(await refused(text(', pooling: cls'))).toContain(
    'features.textEncoder.pooling must be left out where model.encoder is tokens',
  );
  expect(await refused(text(), 'model.encoder=words')).toContain('words reads no vectors of text');
  expect(await refused('features={}')).toContain('tokens needs features.text: trained');
});

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder } from './ferry.ts';

ownFolder('user-item');

/** Users of two kinds, items of two kinds: training, validation and test items of each user. */
const rows = { train: [0, 1, 2, 3], val: [4], test: [5, 6] };
const line = (user: number, at: number): string =>
  `u${user}\ti${((user * 3 + at * 5) % 11) * 2 + (user % 2)}\t5.0\n`;

beforeAll(() => {
  mkdirSync('kinds');
  for (const [name, places] of Object.entries(rows))
    writeFileSync(
      `kinds/${name}.tsv`,
      Array.from({ length: 24 }, (_, user) => places.map((at) => line(user, at)).join('')).join(''),
    );
  mkdirSync('pair');
  for (const name of ['train', 'test'] as const)
    writeFileSync(
      `pair/${name}.txt`,
      Array.from(
        { length: 24 },
        (_, user) =>
          `${user} ${rows[name].map((at) => ((user * 3 + at * 5) % 11) * 2 + (user % 2)).join(' ')}\n`,
      ).join(''),
    );
  writeFileSync(
    'kinds.yaml',
    `job: train
target: kinds
seed: 1
backend: cpu
threads: 1
model: { name: lightgcn, factors: 4, layers: 2 }
training: { epochs: 3, batchSize: 32, learningRate: 0.05 }
evaluation: { cutoffs: [3], history: mask, candidates: trained, metric: recall@3 }
`,
  );
});

const test = (run: string): Record<string, number> =>
  (JSON.parse(readFileSync(`${run}/summary.json`, 'utf8')) as { test: Record<string, number> }).test;

it('trains a model of users and items on a ready-made split, and fits one', async () => {
  expect(await ferry('train', 'kinds.yaml', '--out', 'graph')).toMatch(
    /kinds: 22 items, 24 users, 96 training interactions[^]*test: Recall@3 [^]*report: graph.report\.html/,
  );
  expect(test('graph')['recall@3']).toBeGreaterThan(0.2);
  await ferry('train', 'kinds.yaml', 'model={ name: item-knn, neighbours: 5 }', '--out', 'knn');
  await ferry('train', 'kinds.yaml', 'model={ name: random }', '--out', 'random');
  expect(test('knn')['recall@3']).toBeGreaterThan(test('random')['recall@3']!);
  expect(await ferry('train', 'kinds.yaml', '--out', 'graph')).toContain('was finished before');
});

it('goes on where it was given more epochs, as if it had had them from the first', async () => {
  await ferry('train', 'kinds.yaml', 'training.epochs=2', '--out', 'more');
  await ferry('train', 'kinds.yaml', '--out', 'more');
  await ferry('train', 'kinds.yaml', '--out', 'whole');
  expect(readFileSync('more/metrics.jsonl', 'utf8')).toBe(readFileSync('whole/metrics.jsonl', 'utf8'));
});

it('takes the last epoch where there is no validation part, and says so', async () => {
  const said = await ferry('train', 'kinds.yaml', 'target=pair', 'training.patience=null', '--out', 'pairs');
  expect(said).toMatch(/no validation part: the curve is that of the test[^]*best epoch 3 of 3/);
});

it.each([
  [['evaluation.history=keep'], 'evaluation.history must be mask for LightGCN'],
  [['model={ name: sasrec }'], 'only user-item models can be trained on it'],
  [['model={ name: vbpr }'], 'reads features of image or text'],
  [['objective.over=pairs'], 'objective.over must be one of interactions, users'],
  [['model={ name: lightgcn, layer: 2 }'], "unknown key 'layer' in model; did you mean 'layers'?"],
])('refuses %j', async (overrides, message) => {
  expect(await ferry('train', 'kinds.yaml', ...overrides, '--out', 'never')).toContain(message);
  expect(existsSync('never/checkpoints')).toBe(false);
});

it('says what it cannot do with such a run', async () => {
  expect(await ferry('recommend', 'graph', '--user', 'u1')).toContain('is a user-item model');
});

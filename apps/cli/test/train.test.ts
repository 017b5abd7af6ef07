import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder } from './ferry.ts';

ownFolder('train');
const checkpoints = join(import.meta.dirname, '../../../packages/morec/test/fixtures');

beforeAll(() => {
  // Users go round nine items from where they begin; whoever is odd goes backwards.
  const lines = Array.from({ length: 40 }, (_, u) =>
    [
      u + 1,
      ...Array.from({ length: 6 }, (_, l) => ((((u % 2 ? -l : l) + u) % 9) + 9) % 9).map((i) => i + 1),
    ].join(' '),
  );
  writeFileSync('round.txt', `${lines.join('\n')}\n`);
  writeFileSync(
    'round.yaml',
    `job: train
target: round.txt
seed: 1
backend: cpu
threads: 1
model: { name: sasrec, width: 8, inner: 16, positions: 6, dropout: 0.1 }
training: { epochs: 3, batchSize: 16, learningRate: 0.01 }
evaluation: { cutoffs: [1, 3], history: mask }
`,
  );
});

it('trains, tests, evaluates, recommends and compares', async () => {
  expect(await ferry('train', 'round.yaml', '--out', 'bce')).toMatch(
    /round: 9 items, 40 users, \d+ training rows[^]*test: Recall@1 [^]*report: bce.report\.html/,
  );
  await ferry('train', 'round.yaml', 'objective.name=softmax', '--out', 'softmax');
  const test = JSON.parse(readFileSync('bce/summary.json', 'utf8')) as { test: Record<string, number> };
  const again = JSON.parse(await ferry('evaluate', 'bce', '--json')) as { metrics: Record<string, number> };
  for (const [metric, value] of Object.entries(test.test))
    expect(again.metrics[metric]).toBeCloseTo(value, 6);
  expect(await ferry('recommend', 'bce', '--user', '1', '--top', '2')).toMatch(/Recommended\n +1 [^]* 2 /);
  expect(await ferry('compare', 'bce', 'softmax')).toContain('softmax');
  expect(await ferry('train', 'round.yaml', '--out', 'bce')).toContain('was finished before');
  expect(await ferry('evaluate', 'bce', '--on', 'other.txt')).toContain('other.txt');
});

it('reports a run whose first epoch was not validated', async () => {
  const out = await ferry('train', 'round.yaml', 'training.validateEvery=2', '--out', 'seldom');
  expect(out).toContain('report: seldom/report.html');
  const [first, second] = readFileSync('seldom/metrics.jsonl', 'utf8')
    .split('\n')
    .flatMap((line) => (line.includes('"kind":"epoch"') ? [JSON.parse(line) as { valid?: object }] : []));
  expect([first!.valid === undefined, second!.valid === undefined]).toEqual([true, false]);
  expect(readFileSync('seldom/report.html', 'utf8')).toContain('Validation metrics after each epoch.');
});

it('saves one list a user where a user has several rows, and any program scores them', async () => {
  const split = ['evaluation.protocol=temporal-by-user', 'evaluation.split={valid: .17, test: .34}'];
  await ferry('train', 'round.yaml', ...split, '--out', 'several');
  const { rows } = JSON.parse(
    await ferry('evaluate', 'several', '--save-lists', 'several.tsv', '--json'),
  ) as {
    rows: number;
  };
  const lines = readFileSync('several.tsv', 'utf8').trim().split('\n');
  const users = lines.map((line) => line.split('\t')[0]);
  expect(rows).toBe(2 * 40);
  expect(new Set(users).size).toBe(40);
  // Three of the items outside the training sequence each.
  expect(users).toHaveLength(3 * 40);
  const options = ['--protocol', 'temporal-by-user', '--valid', '.17', '--test', '.34'];
  const scored = await ferry('score', 'several.tsv', '--on', 'round.txt', ...options, '--json');
  const { users: counted, fromTraining } = JSON.parse(scored) as { users: number; fromTraining: number };
  expect([counted, fromTraining]).toEqual([40, 0]);
});

it('scores lists by the split that a run was trained on', async () => {
  const split = ['evaluation.protocol=leave-one-out', 'evaluation.split={validUsers: 7, seed: 2}'];
  await ferry('train', 'round.yaml', ...split, 'training.epochs=1', '--out', 'drawn');
  const lists = JSON.parse(await ferry('evaluate', 'drawn', '--save-lists', 'drawn.tsv', '--json')) as {
    protocol: string;
  };
  const options = ['--protocol', 'leave-one-out', '--valid-users', '7', '--split-seed', '2'];
  const scored = JSON.parse(await ferry('score', 'drawn.tsv', '--on', 'round.txt', ...options, '--json')) as {
    protocol: string;
    fromTraining: number;
  };
  expect([lists.protocol, scored.protocol]).toEqual(Array(2).fill('leave-one-out (validUsers 7)'));
  expect(scored.fromTraining).toBe(0);
  for (const flag of ['--valid-from', '--test-from'])
    expect(
      await ferry('score', 'drawn.tsv', '--on', 'round.txt', '--protocol', 'leave-one-out', flag, '5'),
    ).toContain(`${flag} is not read by the protocol leave-one-out, got 5`);
});

it('goes on where it was given more epochs, as if it had had them from the first', async () => {
  await ferry('train', 'round.yaml', 'training.epochs=2', '--out', 'more');
  await ferry('train', 'round.yaml', '--out', 'more');
  await ferry('train', 'round.yaml', '--out', 'whole');
  expect(readFileSync('more/metrics.jsonl', 'utf8')).toBe(readFileSync('whole/metrics.jsonl', 'utf8'));
});

it('trains a text encoder with the model, and uses both again', async () => {
  const log = await ferry('train', 'sample-e2e', 'training.epochs=2', '--out', 'e2e');
  expect(log).toMatch(/posters: 160 items[^]*test: Recall@10/);
  const { test } = JSON.parse(readFileSync('e2e/summary.json', 'utf8')) as { test: Record<string, number> };
  const again = JSON.parse(await ferry('evaluate', 'e2e', '--json')) as { metrics: Record<string, number> };
  for (const [metric, value] of Object.entries(test)) expect(again.metrics[metric]).toBeCloseTo(value, 6);
  expect(await ferry('evaluate', 'e2e', '--on', 'sample-world:prints')).toContain(
    'knows the words of its own domain alone',
  );
  expect(await ferry('train', 'sample-e2e', 'model.name=bpr-mf', '--out', 'no')).toContain('error');
  expect(await ferry('train', 'round.yaml', 'features.textEncoder.length=8', '--out', 'no')).toContain(
    'is for features.text: trained, got none',
  );
  expect(
    await ferry('train', 'sample-e2e', 'features.textEncoder={tuning: none, learningRate: 1}', '--out', 'no'),
  ).toContain('is for an encoder that is trained, and features.textEncoder.tuning is none');
});

it('trains a prompt of a text encoder, by a rate that rises first and falls from layer to layer', async () => {
  const encoder = [
    'tuning={prompt: {length: 3}}',
    'layerDecay=0.9',
    'warmup=5',
    'config.num_hidden_layers=1',
  ];
  const settings = encoder.map((setting) => `features.textEncoder.${setting}`);
  await ferry('train', 'sample-e2e', ...settings, 'training.epochs=1', '--out', 'prompt');
  const recipe = readFileSync('prompt/recipe.yaml', 'utf8');
  expect(recipe).toMatch(/layerDecay: 0.9[^]*warmup: 5/);
  expect(await ferry('evaluate', 'prompt')).toContain('Recall@10');
  expect(await ferry('train', 'sample-e2e', 'features.textEncoder.layerdecay=0.9', '--out', 'no')).toContain(
    'layerDecay',
  );
  const image = 'features.imageEncoder={tuning: {prompt: {length: 3}}}';
  expect(await ferry('train', 'sample-e2e-image', image, '--out', 'no')).toContain('tuning');
});

it.each([
  ['trained', []],
  ['frozen, its vectors kept', ['features.imageEncoder.augment={}', 'features.imageEncoder.tuning=none']],
])('uses an image encoder with the model, %s', async (run, overrides) => {
  const log = await ferry('train', 'sample-e2e-image', ...overrides, 'training.epochs=1', '--out', run);
  expect(log).toMatch(/posters: 160 items[^]*test: Recall@10/);
  const { test } = JSON.parse(readFileSync(`${run}/summary.json`, 'utf8')) as {
    test: Record<string, number>;
  };
  const again = JSON.parse(await ferry('evaluate', run, '--json')) as { metrics: Record<string, number> };
  for (const [metric, value] of Object.entries(test)) expect(again.metrics[metric]).toBeCloseTo(value, 6);
});

it.each([
  ['features.image=pixels', 'is for features.image: trained, got pixels'],
  ['features.imageEncoder.tuning={layers: 1}', 'imageEncoder.augment'],
  ['features.imageEncoder.from=nowhere', 'there is no config.json in it'],
  ['features.imageEncoder.config={model_type: vit, hiden_size: 8}', 'hiden_size'],
])('refuses an image encoder with %s', async (override, message) => {
  expect(await ferry('train', 'sample-e2e-image', override, '--out', 'no')).toContain(message);
});

it('trains a text encoder of any family with a model that finds something anew between epochs', async () => {
  writeFileSync(
    'interests.yaml',
    `job: train
target: sample-world:posters
seed: 1
threads: 1
features:
  text: trained
  textEncoder:
    config: { model_type: roberta, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 8 }
    vocabulary: 500
    length: 8
model: { name: missrec, width: 8, positions: 4 }
training: { epochs: 1, batchSize: 512 }
`,
  );
  expect(await ferry('train', 'interests.yaml', '--out', 'interests')).toMatch(/test: Recall@10/);
});

it('prints the recipe with the settings of the model filled in', async () => {
  const text = await ferry('train', 'round.yaml', 'objective.name=sampled-softmax', '--check');
  expect(text).toMatch(/model:[^]*name: sasrec[^]*preset: s3rec[^]*objective:[^]*negatives: 256/);
});

it.each([
  [['model.widht=4'], "unknown key 'widht' in model; did you mean 'width'?"],
  [['model.width=0'], 'model.width must be at least 1, got 0'],
  [['model.name=sasrek'], "no model 'sasrek'; did you mean 'sasrec'?"],
  [['objective.name=bcee'], 'objective.name must be one of bce, softmax'],
  [['objective.negatives=0'], 'objective.negatives must be at least 1'],
  [['model.heads=3'], 'heads must divide the width 8, got 3'],
  [['evaluation.metric=ndcg@7'], 'evaluation.metric must be one of recall@1'],
  [['model.tower.ids=false', 'model.tower.features=true'], 'set features.text or features.image'],
])('refuses %j', async (overrides, message) => {
  expect(await ferry('train', 'round.yaml', ...overrides, '--out', 'never')).toContain(message);
  expect(existsSync('never/checkpoints')).toBe(false);
});

it('takes over a checkpoint of PyTorch, which evaluates and recommends', async () => {
  const said = await ferry(
    'import',
    'sasrec',
    join(checkpoints, 's3rec.pt'),
    '--on',
    'round.txt',
    '--out',
    'taken',
  );
  expect(said).toMatch(/SASRec in s3rec's form, width 8, 2 layers, IDs of 9 items/);
  expect(await ferry('evaluate', 'taken')).toContain('40 rows among 9 items');
  expect(await ferry('recommend', 'taken', '--history', '1,2,3')).toContain('Recommended');
  expect(
    await ferry('import', 'sasrec', join(checkpoints, 'other.pt'), '--on', 'round.txt', '--out', 'no'),
  ).toContain('no SASRec checkpoint');
});

it('lists the models, and one with all its settings', async () => {
  expect(await ferry('models')).toMatch(/sasrec {2}SASRec[^]*ICDM 2018[^]*bce/);
  expect(await ferry('models', 'sasrec')).toMatch(/model\.attentionDropout[^]*default/);
  expect(await ferry('models', 'sasreck')).toContain("did you mean 'sasrec'");
});

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
  expect(readFileSync('graph/report.html', 'utf8')).toMatch(/[\d,]+ triples\/s/);
  expect(readFileSync('graph/log.txt', 'utf8')).toMatch(/epoch 3\/3 [^\n]* triples\/s/);
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
  [['features={ text: trained, shuffle: 1 }'], 'features.shuffle is for features that are extracted'],
  [['model={ name: sasrec }'], 'evaluation.candidates must be all or left out for SASRec'],
  [['model={ name: sasrec }', 'evaluation.candidates=all'], 'only user-item models can be trained on it'],
  [['model={ name: vbpr }'], 'reads features of image or text'],
  [['objective.over=pairs'], 'objective.over must be one of interactions, users'],
  [['evaluation.negatives={ count: 3 }'], 'user-item models are ranked among all items'],
  [['model={ name: lightgcn, layer: 2 }'], "unknown key 'layer' in model; did you mean 'layers'?"],
])('refuses %j', async (overrides, message) => {
  expect(await ferry('train', 'kinds.yaml', ...overrides, '--out', 'never')).toContain(message);
  expect(existsSync('never/checkpoints')).toBe(false);
});

const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await ferry(...args, '--json')) as Record<string, unknown>;

it('counts interactions, not rows of histories, in a domain of sets', async () => {
  const said = await ferry('inspect', 'kinds');
  expect(said).toMatch(/of these +train 96 +valid 24 +test 48/);
  expect(said).toMatch(/items of a user +/);
  expect(said).not.toMatch(/histor/);
});

it('keeps what it ranked, user by user, for all that reads rows', async () => {
  const compared = (await json('compare', 'knn', 'random', '--metric', 'recall@3')) as {
    count: number;
    metrics: Record<string, { mean: number }>[];
  };
  expect(compared.count).toBe(24);
  const names = ['recall@3', 'precision@3', 'hit@3', 'ndcg@3', 'map@3', 'mrr@3'];
  for (const name of names) expect(compared.metrics[0]![name]!.mean).toBe(test('knn')[name]);
  expect(Object.keys(compared.metrics[0]!)).toContain('gini@3');
  expect(await ferry('longtail', 'knn', 'random')).toMatch(
    /Recall@3 by training interactions[^]*\n[^\n]*rows +interactions +share[^]*\n1-4 +\d+ +32 [^]*\n5-9 +\d+ +16 /,
  );
  expect(await ferry('longtail', 'knn', '--by', 'age')).toContain('needs rows of one relevant item');
  expect(readFileSync('knn/report.html', 'utf8')).toContain('Test by group');
});

it('ranks again what it ranked, and writes lists that are worth the same', async () => {
  const found = (await json('evaluate', 'graph', '--save-lists', 'graph.tsv')) as {
    rows: number;
    metrics: Record<string, number>;
  };
  expect(found.rows).toBe(24);
  expect(found.metrics).toMatchObject(test('graph'));
  expect(readFileSync('graph.tsv', 'utf8').trim().split('\n')).toHaveLength(24 * 3);
  const scored = (await json('score', 'graph.tsv', '--on', 'kinds', '--cutoffs', '3')) as typeof found;
  // Where there are ratings, `ferry score` gives graded NDCG as well; a run has it where its recipe asks for it.
  const { 'ndcg-graded@3': graded, ...plain } = scored.metrics;
  expect(graded).toBeGreaterThan(0);
  for (const [name, value] of Object.entries(plain)) expect(found.metrics[name], name).toBeCloseTo(value, 12);
  const valid = (await json('evaluate', 'graph', '--split', 'valid', '--depth', '5')) as typeof found;
  const { best } = JSON.parse(readFileSync('graph/summary.json', 'utf8')) as {
    best: { valid: Record<string, number> };
  };
  for (const name of ['recall@3', 'ndcg@3']) expect(valid.metrics[name]).toBe(best.valid[name]);
  expect(await ferry('compare', 'graph', 'knn', '--rows', 'valid')).toContain("kept no rows 'valid'");
});

it('recommends to a user what the user has not', async () => {
  const { history, items } = (await json('recommend', 'graph', '--user', 'u1', '--top', '15')) as {
    history: { id: string }[];
    items: { id: string; score: number }[];
  };
  expect(history).toHaveLength(7);
  expect(items).toHaveLength(15);
  expect(history.filter(({ id }) => items.some((item) => item.id === id))).toEqual([]);
  expect(items.map(({ score }) => score)).toEqual(items.map(({ score }) => score).sort((a, b) => b - a));
  expect(await ferry('recommend', 'graph', '--user', 'u1', '--again', '--top', '99')).toMatch(/^  22  /m);
});

it('chooses the epoch by any metric, graded by ratings where there are any', async () => {
  const metric = 'evaluation.metric=HR@3';
  await ferry('train', 'kinds.yaml', metric, '--out', 'by-hit');
  expect(readFileSync('by-hit/recipe.yaml', 'utf8')).toContain('metric: hit@3');
  await ferry('train', 'kinds.yaml', 'evaluation.metric=ndcg-graded@3', '--out', 'graded');
  // All ratings are 5: the graded NDCG is the other one.
  expect(test('graded')['ndcg-graded@3']).toBeCloseTo(test('graded')['ndcg@3']!, 12);
  await ferry('train', 'kinds.yaml', 'evaluation.relevance=5', '--out', 'liked');
  expect(test('liked')).toEqual(test('graph'));
  expect(
    await ferry('train', 'kinds.yaml', 'target=pair', 'evaluation.relevance=5', '--out', 'never'),
  ).toContain('evaluation.relevance needs ratings, which pair (pair) has not');
});

it('goes through grids of user-item models, whole or drawn at random', async () => {
  const study = (axes: string, more = ''): string => `job: study
targets: [kinds]
seeds: [1, 2]
backend: cpu
threads: 1
model: { name: bpr-mf, factors: 4 }
training: { epochs: 2, batchSize: 32 }
axes: ${axes}
${more}
evaluation: { cutoffs: [3], history: mask, metric: recall@3 }
`;
  writeFileSync(
    'grid.yaml',
    study('{ training.learningRate: [0.05, 0.01], objective.over: [users, interactions] }', 'draw: 3'),
  );
  expect(await ferry('study', 'grid.yaml', '--out', 'grid')).toContain('6 training runs in grid');
  const page = readFileSync('grid/report.html', 'utf8');
  expect(page).toContain('3 of 4, drawn at random');
  // Two test items of each of 24 users are 48 interactions and 24 rows.
  expect(page).toContain('ranks a row for each test user');
  expect(page).toMatch(/>96<[^]{0,40}>24<[^]{0,40}>48<[^]{0,40}>24</);
  const found = JSON.parse(readFileSync('grid/results.json', 'utf8')) as Record<string, object[]>;
  expect(found['domains']).toEqual([
    expect.objectContaining({ items: 22, users: 24, testInteractions: 48, testUsers: 24 }),
  ]);
  for (const one of [...found['rows']!, ...found['runs']!]) expect(one).toMatchObject({ testRows: 24 });
  for (const one of found['rows']!) expect(one).toMatchObject({ testInteractions: 48 });
  expect((await ferry('study', 'grid.yaml', '--out', 'grid')).match(/finished before/g)).toHaveLength(6);
  // A learning rate of next to nothing is worse than what was there before; the seeds are searches of their own.
  const rates = '{ training.learningRate: [0.05, 0.04, 1e-9] }';
  writeFileSync('rule.yaml', study(rates, 'medianRule: { runs: 2 }').replace('epochs: 2', 'epochs: 4'));
  const ruled = await ferry('study', 'rule.yaml', '--out', 'rule');
  expect(ruled.match(/1e-9, seed \d .*epoch \d\/[123] .*ended by the median rule/g)).toHaveLength(2);
  expect(await ferry('study', 'rule.yaml', '--out', 'rule')).toMatch(
    /1e-9, seed 2 .*ended by the median rule/,
  );
  const fitted = study('{ model: [item-knn, most-pop] }').replace('{ name: bpr-mf, factors: 4 }', '{}');
  writeFileSync('fitted.yaml', fitted);
  const said = await ferry('study', 'fitted.yaml', '--out', 'fitted');
  expect(said).toMatch(/item-knn, seed 1 .*Recall@3 [^]*most-pop, seed 2/);
  expect((await ferry('study', 'fitted.yaml', '--out', 'fitted')).match(/finished before/g)).toHaveLength(4);
});

it('studies which features serve, on the sample world', { timeout: 180_000 }, async () => {
  const quick = ['training.epochs=1', 'backend=ort', 'axes.model=[vbpr, attribute-item-knn]'];
  const said = await ferry('study', 'sample-features', ...quick, '--out', 'features');
  expect(said).toMatch(/\[10\/10\] posters, attribute-item-knn, text \+ image/);
  const page = readFileSync('features/report.html', 'utf8');
  for (const part of [
    'Do features beat none?',
    'Is it content, or capacity?',
    'Beyond accuracy',
    'cold items',
  ])
    expect(page).toContain(part);
  // The split is random: no item is the last.
  expect(page).not.toContain('last item is the test');
});

it('is compared with a model of sequences where both ranked one item of each user', async () => {
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  mkdirSync('order');
  const ids = Array.from({ length: 22 }, (_, i) => `i${i}`);
  writeFileSync('order/items.jsonl', lines(ids.map((id) => ({ id, title: id }))));
  const users = Array.from({ length: 24 }, (_, u) => ({
    user: `u${u}`,
    items: Array.from({ length: 5 }, (_, l) => `i${(2 * u + 2 * l + (u % 2)) % 22}`),
  }));
  writeFileSync('order/sequences.jsonl', lines(users));
  const evaluation = 'evaluation={ cutoffs: [3], history: mask, validationItems: mask }';
  const on = (model: string, out: string, ...more: string[]): Promise<string> =>
    ferry('train', 'kinds.yaml', 'target=order', `model={ ${model} }`, evaluation, ...more, '--out', out);
  await on('name: sasrec, width: 4, heads: 1, inner: 4, layers: 1, positions: 5', 'sequence');
  await on('name: item-knn', 'neighbours');
  expect(await ferry('compare', 'neighbours', 'sequence')).toContain('24 rows');
  await on('name: item-knn', 'other', 'evaluation.validationItems=keep');
  expect(await ferry('compare', 'other', 'sequence')).toContain('items of training excluded');
  const sequence = (setting: string): Promise<string> => on('name: sasrec', 'none', `evaluation.${setting}`);
  for (const [setting, value, message] of [
    ['candidates', 'trained', 'must be all or left out for SASRec'],
    ['validationItems', 'keep', 'must be mask or left out for SASRec'],
    ['relevance', '4', 'must be left out for SASRec'],
  ])
    expect(await sequence(`${setting!}=${value!}`)).toContain(
      `evaluation.${setting!} ${message!}, which is no user-item model, got ${value!}`,
    );
});

it.each([
  [['recommend', 'graph', '--history', 'i1'], 'LightGCN is a user-item model and knows users by number'],
  [['recommend', 'graph', '--user', 'u1', '--on', 'pair'], 'by number (LightGCN): it cannot be used on pair'],
  [['evaluate', 'graph', '--on', 'pair'], 'by number (LightGCN): it cannot be used on pair'],
  [['evaluate', 'graph', '--without', 'text'], 'graph uses no text features: it has none'],
  [['finetune', 'graph/recipe.yaml'], "is a recipe for 'ferry train'"],
])('says what it cannot do with such a run: %j', async (command, message) => {
  expect(await ferry(...command)).toContain(message);
});

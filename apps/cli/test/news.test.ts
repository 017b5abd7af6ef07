import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { evaluateImpressions, readMind, readSubmission, summariseImpressions } from '@ferry/nrms';
import { openServing } from '@ferry/studies';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder, run } from './ferry.ts';
import { behaviours, N, smallNrms, writeNewsFolder } from './newsFolder.ts';

ownFolder('news');

beforeAll(() => {
  writeNewsFolder('mind');
  writeFileSync('news.yaml', smallNrms('mind', 4));
});

const test = (name: string): Record<string, number> =>
  (JSON.parse(readFileSync(`${name}/summary.json`, 'utf8')) as { test: Record<string, number> }).test;

it('trains NRMS on a folder in the form of MIND, evaluates it, and compares it with another', async () => {
  const out = await ferry('train', 'news.yaml', '--out', 'words');
  expect(out).toMatch(/mind: 60 news, 40 users, 144 training impressions with 144 clicks/);
  expect(out).toMatch(/16 impressions validate, 60 test \(folders train and dev\)/);
  expect(out).toMatch(/20 words; 0\.0 % of those in titles are unknown/);
  expect(out).toMatch(/1 of 60 news are in no file of news/);
  expect(out).toMatch(/test: AUC [^]*report: words.report\.html/);
  expect(Object.keys(test('words'))).toEqual(['auc', 'mrr', 'ndcg@5', 'ndcg@10']);
  expect(test('words')['auc']).toBeGreaterThan(0.8);
  for (const file of ['recipe.yaml', 'metrics.jsonl', 'rows/test.safetensors', 'report.html'])
    expect(existsSync(`words/${file}`), file).toBe(true);
  expect(readFileSync('words/report.html', 'utf8')).toContain('length of the history');

  const evaluated = JSON.parse(await ferry('evaluate', 'words', '--json')) as {
    rows: number;
    metrics: Record<string, number>;
    impressions: { ties: string; tied: number };
    groups: Record<string, { label: string; rows: number }[]>;
  };
  expect(evaluated.rows).toBe(60);
  for (const [name, value] of Object.entries(test('words')))
    expect(evaluated.metrics[name]).toBeCloseTo(value, 5);
  expect(evaluated.impressions.ties).toBe('mind');
  // Users without clicks have the same score for all.
  expect(evaluated.impressions.tied).toBeGreaterThanOrEqual(10 / 60);
  expect(evaluated.groups['user']!.find(({ label }) => label === 'no history')!.rows).toBe(10);
  expect(await ferry('evaluate', 'words', '--split', 'valid')).toMatch(
    /mind, valid: 16 impressions of 60 news/,
  );

  await ferry('train', 'news.yaml', 'model.encoder=ids', 'training.epochs=1', '--out', 'ids');
  const compared = await ferry('compare', 'words', 'ids');
  expect(compared).toMatch(/AUC/);
  expect(compared).toMatch(/clicked news/);
  expect(await ferry('compare', 'words', 'ids', '--metric', 'mrr')).toMatch(/MRR/);
  // Recall@10 of impressions that show no more than ten is 1, whoever ranks.
  expect(await ferry('longtail', 'words', 'ids')).toMatch(/^mind: AUC by training interactions of the item/);
  expect(await ferry('longtail', 'words', 'ids', '--by', 'history')).toMatch(/^mind: AUC by length/);
  expect(await ferry('longtail', 'words', 'ids', '--metric', 'mrr')).toMatch(/for auc and recall@k alone/);
  // The first ten of four candidates are all of them, in whatever order.
  expect(await ferry('compare', 'words', 'ids', '--metric', 'diversity@10')).toMatch(/ids +[+−]?0\.0000 /);
  expect(await ferry('train', 'news.yaml', '--out', 'words')).toContain('was finished before');
});

it('studies the four experiments and defects, and answers the thesis’s questions', async () => {
  writeFileSync(
    'study.yaml',
    `job: study
study: news
targets: [mind]
seeds: [1]
backend: ort
threads: 1
model: { name: nrms, wordWidth: 8, heads: 2, headWidth: 4, queryWidth: 4, titleWords: 6, history: 5 }
training: { epochs: 2, batchSize: 32, learningRate: 0.01 }
axes:
  experiment:
    2 frozen: { model: { encoder: vectors }, features: { text: stored, textWidth: 4 } }
    4 tuned text: {}
  defect:
    none: {}
    E1: { model: { defects: [order-as-ranks] } }
    E5: { model: { defects: [csv-quotes] } }
    F3: { model: { defects: [empty-candidate] } }
except: [{ experiment: 2 frozen, defect: [E5, F3] }]
`,
  );
  const vectors = Float32Array.from({ length: N * 4 }, (_, at) =>
    Math.floor(at / 4) % 4 === at % 4 ? 1 : 0.1,
  );
  writeFileSync('mind/mind.feat1CLS', new Uint8Array(vectors.buffer));
  const out = await ferry('study', 'study.yaml', '--out', 'study');
  expect(out).toMatch(/\[6\/6\] mind, 4 tuned text, F3, seed 1/);
  expect(out).toMatch(/mean history \(text vectors\) .*0\.9/);
  expect(out).toMatch(/Can frozen encoders recommend news\?.*2 frozen reaches an AUC of/);
  const { runs } = JSON.parse(readFileSync('study/results.json', 'utf8')) as {
    runs: {
      defect: string;
      experiment: string;
      test: Record<string, number>;
      corrected?: Record<string, number>;
    }[];
  };
  const of = (defect: string) =>
    runs.find((run) => run.experiment === '4 tuned text' && run.defect === defect)!;
  expect(of('none').corrected).toBeUndefined();
  expect(of('E1').test['auc']).toBeLessThan(of('E1').corrected!['auc']! - 0.1);
  expect(of('F3').test['auc']).not.toBe(of('F3').corrected!['auc']);
  // All but one title open a quotation that the next one ends: every other line is lost.
  expect(of('E5').test['auc']).toBeLessThan(of('none').test['auc']!);
  const report = readFileSync('study/report.html', 'utf8');
  for (const words of ['The three questions', 'What each defect does', 'The thesis’s numbers', '0.689'])
    expect(report).toContain(words);
  expect(await ferry('study', 'study.yaml', '--out', 'study')).toMatch(/finished before/);
});

it('counts impressions that do not count, and says what they lack', async () => {
  const line = (id: number, shown: string): string => `${id}\tU1\t11/12/2019 1:10:00 AM\tN1\t${shown}\n`;
  writeNewsFolder('odd');
  appendFileSync(
    'odd/dev/behaviors.tsv',
    line(901, 'N2-1 N3-1') + line(902, 'N2-0') + line(903, 'N3-0 N4-0') + line(904, ''),
  );
  const out = await ferry('train', 'news.yaml', 'target=odd', 'training.epochs=1', '--out', 'odd-run');
  expect(out).toMatch(/ 4 test impressions do not count: without a click/);
  const text = await ferry('evaluate', 'odd-run');
  expect(text).toMatch(
    /64 impressions [^\n]*\n4 of them do not count: 2 without a click, 1 with nothing but clicks, 1 without candidates\n/,
  );
  expect(text).toMatch(/\nall +60 /);
  expect(text).toMatch(
    /categories +diversity@10 +miscalibration@10 +overlap@10\n[^\n]*\nof the first ten +0\.\d{4} /,
  );
  const { impressions } = JSON.parse(await ferry('evaluate', 'odd-run', '--json')) as { impressions: object };
  expect(impressions).toMatchObject({ counted: 60, dropped: { empty: 1, unclicked: 2, allClicked: 1 } });
});

it('can be served: recent news after a history, and candidates in order, as the run itself ranks them', async () => {
  const { models } = await import('../src/models.ts');
  const console = { models, line: () => undefined, training: null } as unknown as Parameters<
    typeof openServing
  >[2];
  const served = await openServing('words', { checkpoint: 'best' }, console);
  try {
    expect(served).toMatchObject({ model: 'nrms', domain: 'mind' });
    // The last two days show no news of the training's.
    expect(served.items).toBeGreaterThan(0);
    expect(served.historyOf('U0')!.length).toBeGreaterThan(0);
    expect(served.historyOf('nobody')).toBeUndefined();
    const { news, splits } = await readMind('mind');
    const { candidates, labels, count, ...dev } = splits['dev']!;
    const ids = (numbers: Int32Array): string[] => Array.from(numbers, (number) => news.ids.text(number));
    let [sum, empty] = [0, 0];
    for (let r = 0; r < count; r++) {
      const history = ids(dev.history.subarray(dev.historyStarts[r], dev.historyEnds[r]));
      if (history.length === 0) {
        empty++;
        continue;
      }
      const [from, to] = [candidates.offsets[r]!, candidates.offsets[r + 1]!];
      const shown = ids(candidates.values.subarray(from, to));
      const clicked = shown[labels!.subarray(from, to).indexOf(1)]!;
      const ranked = await served.rank!(history, shown);
      sum += 1 - ranked.findIndex((item) => item.id === clicked) / (shown.length - 1);
      const best = await served.recommend(history, { top: 3, again: false });
      expect(best.filter((item) => history.includes(item.id))).toEqual([]);
      expect(best.map(({ score }) => score)).toEqual(
        best.map(({ score }) => score).toSorted((a, b) => b - a),
      );
    }
    // Users without clicks have equal scores, half the pairs of which are in order.
    expect((sum + empty / 2) / count).toBeCloseTo(test('words')['auc']!, 5);
  } finally {
    served.dispose();
  }
});

it('replays its test in time order, learning on, and leaves the run as it is', async () => {
  const before = readFileSync('words/summary.json', 'utf8');
  // The test has an impression a minute.
  const found = JSON.parse(await ferry('replay', 'words', '--hours', '0.5', '--epochs', '2', '--json')) as {
    periods: { impressions: number; still: object; moving: object }[];
    gain: Record<string, { rows: number }>;
  };
  expect(found.periods.map(({ impressions }) => impressions)).toEqual([30, 30]);
  const [first, second] = found.periods;
  expect(first!.moving).toEqual(first!.still);
  expect(second!.moving).not.toEqual(second!.still);
  expect(found.gain['auc']!.rows).toBe(30);
  expect(readFileSync('words/summary.json', 'utf8')).toBe(before);
  expect(await ferry('replay', 'words', '--hours', '0.5')).toMatch(
    /What learning on gained[^]*AUC .*95 % interval/,
  );
  expect((await run('replay', 'words')).error).toMatch(
    /--hours must part the test of words into two periods at least, got 24: it spans 1\.0 hours/,
  );
});

it('lets vectors of users follow their clicks in a replay', async () => {
  interface Followed {
    impressions: number;
    moved: number;
    means: Record<'still' | 'followed' | 'whole', Record<string, number>>;
    gain: Record<string, { rows: number }>;
    drift: { mean: number; most: number; exact: boolean };
  }
  const follow = async (name: string): Promise<Followed> =>
    JSON.parse(await ferry('replay', name, '--follow', '--json')) as Followed;
  const options = ['--out', 'additive', 'training.epochs=2', 'model.userEncoder=additive'];
  await ferry('train', 'news.yaml', ...options);
  const exact = await follow('additive');
  // Users of the first forty impressions are those of the others.
  expect(exact).toMatchObject({ impressions: 60, moved: 20 });
  expect(exact.gain['auc']!.rows).toBe(20);
  expect(exact.drift.exact).toBe(true);
  expect(exact.drift.most).toBeLessThan(1e-5);
  for (const [name, value] of Object.entries(exact.means.whole))
    expect(exact.means.followed[name]).toBeCloseTo(value, 10);
  expect(exact.means.followed).not.toEqual(exact.means.still);
  const drifting = await follow('words');
  expect(drifting.drift.exact).toBe(false);
  expect(drifting.drift.mean).toBeGreaterThan(1e-4);
  expect(await ferry('replay', 'words', '--follow')).toMatch(/stands still[^]*an approximation/);
  expect((await run('replay', 'words', '--follow', '--hours', '1')).error).toMatch(/cannot be used with/);
});

it('writes what the leaderboard takes, of the test folder without labels where there is one', async () => {
  const options = ['--out', 'short', 'training.epochs=1'];
  await ferry('train', 'news.yaml', ...options);
  expect(await ferry('evaluate', 'short', '--mind-submission', 'dev.zip')).toMatch(
    /dev\.zip: ranks for 60 impressions of .*dev.behaviors\.tsv/,
  );
  const { splits } = await readMind('mind');
  const dev = splits['dev']!;
  const back = summariseImpressions(evaluateImpressions(dev, await readSubmission('dev.zip', dev))).means;
  // Ranks have no ties, what the model gave equal scores has: users without history.
  for (const name of ['mrr', 'ndcg@5', 'ndcg@10']) expect(back[name]).toBeCloseTo(test('short')[name]!, 5);
  mkdirSync('mind/test', { recursive: true });
  writeFileSync('mind/test/behaviors.tsv', behaviours(25, 3).replace(/-[01]\b/g, ''));
  const found = JSON.parse(
    await ferry('evaluate', 'short', '--mind-submission', 'test.zip', '--json'),
  ) as object;
  rmSync('mind/test', { recursive: true });
  expect(found).toMatchObject({ rows: 60, submission: { file: 'test.zip', impressions: 25 } });
});

it('goes on where it was given more epochs, as if it had had them from the first', async () => {
  await ferry('train', 'news.yaml', 'training.epochs=2', '--out', 'more');
  await ferry('train', 'news.yaml', '--out', 'more');
  expect(test('more')).toEqual(test('words'));
});

it('parts one folder by time, and follows published practice where nothing validates', async () => {
  const out = await ferry(
    'train',
    'news.yaml',
    'target=mind/train',
    'evaluation.validation=0',
    'training.epochs=1',
    '--out',
    'one',
  );
  expect(out).toMatch(/160|144 training impressions/);
  expect(out).toMatch(/16 test \(the latest 10 % test\)/);
  expect(out).toMatch(/no validation part: the curve is that of the test/);
});

it.each([
  [['evaluation.metric=ndcg@20'], /evaluation.metric must be one of auc, mrr, ndcg@5, ndcg@10/],
  [['evaluation.cutoffs=[5]'], /unknown key 'cutoffs' in evaluation/],
  [['features.text=use-lite'], /model.encoder words reads no vectors of text/],
  [['model.heads=0'], /model.heads must be at least 1/],
  [['model.defects=[unmasked]'], /model.defects\[0\] must be one of unmasked-padding/],
  [['model.vectors=none.txt'], /none.txt: the file is missing/],
  [['target=mind/none'], /no such domain directory/],
  [['model.name=nrsm'], /no model 'nrsm'; did you mean 'nrms'\?/],
])('says what is wrong with %j', async (overrides, message) => {
  const { code, error } = await run('train', 'news.yaml', ...overrides, '--out', 'wrong');
  expect(code).toBe(1);
  expect(error).toMatch(message);
});

it('refuses what news models have not', async () => {
  expect((await run('evaluate', 'words', '--cutoffs', '5')).error).toMatch(
    /--cutoffs is for models that rank all items/,
  );
  expect((await run('evaluate', 'words', '--on', 'mind/train')).error).toMatch(
    /the data set it was trained on/,
  );
  expect((await run('recommend', 'words', '--user', 'U1')).error).toMatch(/NRMS is a news model/);
});

it('reads views, and vectors that were computed before with what they are worth by themselves', async () => {
  const vectors = Float32Array.from({ length: N * 4 }, (_, at) =>
    Math.floor(at / 4) % 4 === at % 4 ? 1 : 0.1,
  );
  writeFileSync('mind/mind.feat1CLS', new Uint8Array(vectors.buffer));
  const options = ['features.text=stored', 'features.textWidth=4', 'training.epochs=3'];
  const out = await ferry('train', 'news.yaml', 'model.encoder=vectors', ...options, '--out', 'vectors');
  expect(out).toMatch(/text features: mind\.feat1CLS, 4 wide, all 60 items/);
  expect(out).toMatch(/mean history \(words\) 0\.\d{4}\/[^]*mean history \(text vectors\) 0\.9/);
  expect(test('vectors')['auc']).toBeGreaterThan(0.8);
  expect(await ferry('evaluate', 'vectors')).toMatch(/mind, test: 60 impressions/);
  await ferry('train', 'news.yaml', 'model.views=[title,category]', 'training.epochs=2', '--out', 'views');
  expect(test('views')['auc']).toBeGreaterThan(0.8);
});

it('has a recipe on the generated world, with what needs no model beside it', async () => {
  const out = await ferry('train', 'sample-news', 'training.epochs=1', 'threads=1', '--out', 'sample');
  expect(out).toMatch(/validate, [\d,]+ test \(folders train, dev and test\)/);
  expect(out).toMatch(
    /without a model, AUC[^]*: popularity 0?\.\d{4}\/[^]*, recency [^]*, category preference [^]*, mean history \(words\) /,
  );
  expect(test('sample')['auc']).toBeGreaterThan(0.4);
});

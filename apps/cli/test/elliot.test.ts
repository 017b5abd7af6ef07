import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from '@ferry/features';
import { parseRecipe } from '@ferry/recipes';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ferry } from './ferry.ts';

const place = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'ferry-elliot-'));
const U = 40;
const N = 30;

/** A number that looks random, in [0, 1). */
const mixed = (a: number, b: number): number =>
  (Math.imul(a * 7919 + b * 104729 + 17, 0x9e3779b1) >>> 8) / 2 ** 24;

/** Users of two kinds, each with 9 or 10 items of their kind and a rating of 1 to 5; users and items are whole numbers. */
const reviews = Array.from({ length: U }, (_, user) =>
  Array.from({ length: N / 2 }, (_, i) => 2 * i + (user % 2))
    .sort((a, b) => mixed(user, a) - mixed(user, b))
    .slice(0, 9 + (user % 2))
    .map((item) => `${user}\t${item}\t${1 + Math.floor(5 * mixed(item, user))}.0\n`),
).flat();

/** Features in Ducho's layout that tell the kind of an item. */
function writeFeatures(path: string, width: number): void {
  mkdirSync(path, { recursive: true });
  for (let item = 0; item < N; item++) {
    const vector = Float32Array.from(
      { length: width },
      (_, j) => mixed(item, j + width) + (j % 2 === item % 2 ? 1 : 0),
    );
    writeFileSync(join(path, `${item}.npy`), encodeNpy(vector, [1, width], 'float32'));
  }
}

/** The hands-on's configurations as `yaml.dump` writes them; only the paths are those of unindexed files. */
const handsOn = (visual: string, textual: string): string => `experiment:
  backend: pytorch
  data_config:
    side_information:
    - dataloader: VisualAttribute
      visual_features: ../data/{0}/visual_embeddings_32/${visual}
    - dataloader: TextualAttribute
      textual_features: ../data/{0}/textual_embeddings_32/${textual}
    strategy: fixed
    test_path: ../data/{0}/test.tsv
    train_path: ../data/{0}/train.tsv
    validation_path: ../data/{0}/val.tsv
  dataset: office
  evaluation:
    cutoffs:
    - 20
    simple_metrics:
    - Recall
    - Precision
    - nDCG
    - HR
  external_models_path: ../external/models/__init__.py
  gpu: 0
  models:
    external.VBPR:
      batch_size: 1024
      comb_mod: concat
      epochs: 200
      factors: 64
      l_w: 1.0e-05
      loaders: ('VisualAttribute','TextualAttribute')
      lr: 0.005
      meta:
        hyper_opt_alg: grid
        restore: false
        save_recs: false
        save_weights: false
        validation_metric: Recall@20
        validation_rate: 10
        verbose: true
      modalities: ('visual','textual')
      n_layers: 1
      seed: 123
  top_k: 20
`;

const split = `experiment:
  backend: pytorch
  data_config:
    strategy: dataset
    dataset_path: ../data/office/reviews.tsv
  splitting:
    save_on_disk: True
    save_folder: ../data/office_splits/
    test_splitting:
      strategy: random_subsampling
      test_ratio: 0.2
    validation_splitting:
      strategy: random_subsampling
      test_ratio: 0.1
  dataset: office
  top_k: 20
  evaluation:
    cutoffs: [ 10, 20 ]
    simple_metrics: [ Recall, nDCG ]
  gpu: 0
  external_models_path: ../external/models/__init__.py
  models:
    MostPop:
      meta:
        verbose: True
        save_recs: False
`;

const extractors = {
  resnet50_sentencebert: [
    'torch/ResNet50/avgpool',
    'sentence_transformers/sentence-transformers/all-mpnet-base-v2/1',
  ],
  clip: ['transformers/openai/clip-vit-base-patch16/1', 'transformers/openai/clip-vit-base-patch16/1'],
} as const;

beforeAll(() => {
  process.chdir(folder);
  vi.stubEnv('FERRY_BACKEND', 'ort');
  vi.stubEnv('FERRY_THREADS', '1');
  for (const name of ['config_files', 'data/office']) mkdirSync(name, { recursive: true });
  writeFileSync('data/office/reviews.tsv', reviews.join(''));
  writeFileSync('config_files/split_office.yml', split);
  for (const [name, [visual, textual]] of Object.entries(extractors)) {
    writeFeatures(`data/office/visual_embeddings_32/${visual}`, name === 'clip' ? 8 : 12);
    writeFeatures(`data/office/textual_embeddings_32/${textual}`, name === 'clip' ? 8 : 10);
    writeFileSync(`config_files/hands-on_${name}.yml`, handsOn(visual, textual));
  }
});
afterAll(() => {
  process.chdir(place);
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Rows of a file of tabs. */
const rowsOf = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
const performance = (pattern: RegExp, from = 'results/office/performance'): string[] =>
  readdirSync(from)
    .filter((name) => pattern.test(name))
    .map((name) => join(from, name));

/** Elliot's figures of lists, computed as its documentation has them: from the files alone. */
function figures(lists: string, test: string, k: number): Record<string, number> {
  const rated = new Map<string, Map<string, number>>();
  for (const [user, item, rating] of rowsOf(test))
    rated.set(user!, (rated.get(user!) ?? new Map<string, number>()).set(item!, Number(rating)));
  const given = new Map<string, string[]>();
  for (const [user, item] of rowsOf(lists)) given.set(user!, [...(given.get(user!) ?? []), item!]);
  const sums = { Recall: 0, Precision: 0, nDCG: 0, HR: 0 };
  for (const [user, own] of rated) {
    const list = given.get(user)!.slice(0, k);
    const hits = list.filter((item) => own.has(item)).length;
    const gain = (rating: number): number => 2 ** (rating + 1) - 1;
    const ideal = [...own.values()].sort((a, b) => b - a).slice(0, k);
    const sum = (gains: number[]): number => gains.reduce((so, g, at) => so + g / Math.log2(at + 2), 0);
    sums.Recall += hits / own.size;
    sums.Precision += hits / k;
    sums.HR += hits > 0 ? 1 : 0;
    sums.nDCG += sum(list.map((item) => (own.has(item) ? gain(own.get(item)!) : 0))) / sum(ideal.map(gain));
  }
  return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, value / rated.size]));
}

describe("the hands-on's files", () => {
  it('are those of the guide', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/handsOn.md'), 'utf8');
    const blocks = [...guide.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml]) => yaml!);
    const files = [split, handsOn(...extractors.clip)];
    const valueOf = (yaml: string): unknown => parseRecipe(yaml, 'guide').value;
    expect(blocks.map(valueOf)).toEqual(files.map(valueOf));
    for (const folder of extractors.resnet50_sentencebert) expect(guide).toContain(`embeddings_32/${folder}`);
    for (const command of [
      'npx ferry elliot config_files/split_office.yml',
      'cp data/office_splits/0/0/train.tsv data/office_splits/0/0/val.tsv data/office_splits/0/test.tsv data/office/',
      ...Object.keys(extractors).map((name) => `npx ferry elliot config_files/hands-on_${name}.yml`),
    ])
      expect(guide).toContain(command);
  });

  it('split the data as Elliot splits them', async () => {
    const said = await ferry('elliot', 'config_files/split_office.yml');
    expect(said).toMatch(/@10 +Recall +nDCG[^]*MostPop[^]*@20 +Recall/);
    const sizes = ['0/0/train.tsv', '0/0/val.tsv', '0/test.tsv'].map(
      (name) => rowsOf(join('data/office_splits', name)).length,
    );
    // 9 rows of a user: floor(9 * .8) = 7, floor(7 * .9) = 6; 10 rows: 8 and 7.
    expect(sizes).toEqual([20 * 6 + 20 * 7, 20 + 20, 20 * 2 + 20 * 2]);
    for (const [from, to] of [
      ['0/0/train.tsv', 'train.tsv'],
      ['0/0/val.tsv', 'val.tsv'],
      ['0/test.tsv', 'test.tsv'],
    ])
      writeFileSync(join('data/office', to!), readFileSync(join('data/office_splits', from!)));
  });

  it.each(Object.keys(extractors))('run with the features of %s, and are not trained twice', async (name) => {
    const file = `config_files/hands-on_${name}.yml`;
    const said = await ferry('elliot', file);
    expect(said).toMatch(/@20 +Recall +Precision +nDCG +HR +epoch/);
    const run = `results/office/ferry/hands-on_${name}/runs/VBPR/0-0`;
    const summary = JSON.parse(readFileSync(`${run}/summary.json`, 'utf8')) as {
      epochs: number;
      best: { epoch: number };
    };
    expect(summary.epochs).toBe(200);
    expect(summary.best.epoch % 10).toBe(0);
    const made = statSync(`${run}/summary.json`).mtimeMs;
    expect((await ferry('elliot', file)).replace(/, [\d.]+ s/, '')).toBe(said.replace(/, [\d.]+ s/, ''));
    expect(statSync(`${run}/summary.json`).mtimeMs).toBe(made);
  });

  it("give Elliot's figures, by an independent reading of the lists", async () => {
    const run = 'results/office/ferry/hands-on_clip/runs/VBPR/0-0';
    await ferry('evaluate', run, '--save-lists', 'lists.tsv');
    const found = figures('lists.tsv', 'data/office/test.tsv', 20);
    const [file] = performance(/^rec_cutoff_20_relthreshold_0_/).slice(-1);
    const [head, line] = rowsOf(file!);
    expect(head).toEqual(['model', 'Recall', 'Precision', 'nDCG', 'HR']);
    expect(line![0]).toBe(
      "VBPR_seed=123_e=200_bs=1024_factors=64_lr=0$005_comb_mod=concat_modalites='visual'-'textual'_l_w=1e-05_loads='VisualAttribute'-'TextualAttribute'",
    );
    head!.slice(1).forEach((name, i) => {
      expect(Number(line![i + 1]), name).toBeCloseTo(found[name]!, 12);
    });
    const other = run.replace('clip', 'resnet50_sentencebert');
    expect(await ferry('compare', run, other, '--metric', 'recall@20')).toContain('40 rows');
    expect(await ferry('longtail', run, other)).toContain('Recall@20 by training interactions');
  });
});

/** A configuration of several models on the same data. */
const several = (
  more: { splitting?: string; evaluation?: string; models?: string; top?: string } = {},
): string => `experiment:
  dataset: shop
  data_config: { strategy: dataset, dataset_path: ../data/office/reviews.tsv }
  splitting: ${more.splitting ?? '{ test_splitting: { strategy: random_subsampling, test_ratio: 0.2 }, validation_splitting: { strategy: random_subsampling, leave_n_out: 1 } }'}
  ${more.top ?? ''}
  top_k: 5
  evaluation: { cutoffs: [3, 5], simple_metrics: [HR, nDCGRendle2020, Gini, PopRSP], ${more.evaluation ?? 'paired_ttest: True, wilcoxon_test: True'} }
  models: ${
    more.models ??
    `
    MostPop: {}
    ItemKNN: { neighbors: [3, 20], implicit: True, meta: { validation_metric: 'HR@5' } }
    external.BPRMF:
      meta: { save_recs: True, save_weights: True, validation_rate: 2, hyper_opt_alg: rand, hyper_max_evals: 2 }
      epochs: 5
      batch_size: 64
      factors: 4
      lr: [loguniform, -5, -2]
      l_w: [1e-5, 0.1]`
  }
`;
const run = (name: string, text: string): Promise<string> => {
  writeFileSync(`config_files/${name}.yml`, text);
  return ferry('elliot', `config_files/${name}.yml`);
};

describe('a configuration of several models', () => {
  it('searches, chooses by the validation part, tests and keeps what it is asked for', async () => {
    const said = await run('several', several());
    expect(said).toMatch(/several: shop, 5 settings of 3 models/);
    const home = 'results/shop';
    const at = `${home}/performance`;
    const [best] = performance(/^rec_cutoff_5_/, at).map(rowsOf);
    expect(best!.map(([name]) => name!.split('_')[0])).toEqual(['model', 'MostPop', 'ItemKNN', 'BPRMF']);
    // Of two settings each, the one with the better validation value.
    for (const model of ['ItemKNN', 'BPRMF']) {
      const [tried] = performance(new RegExp(`^rec_${model}_cutoff_5_`), at).map(rowsOf);
      expect(tried).toHaveLength(3);
      const lines = rowsOf(`${home}/ferry/several/results.csv`).map(([line]) => line!.split(','));
      const own = lines.filter(
        (cells) => cells[1]!.startsWith(model) && cells[3] === '5' && cells[4] === 'HR',
      );
      const [chosen, other] = own.sort((a, b) => Number(b[6]) - Number(a[6]));
      expect(Number(chosen![7])).toBeGreaterThanOrEqual(Number(other![7]));
      expect(best!.some(([name]) => name === chosen![1])).toBe(true);
    }
    const tests = performance(/^stat_(paired_ttest|wilcoxon_test)_cutoff_3_/, at).map(rowsOf);
    expect(tests).toHaveLength(2);
    // HR and nDCGRendle2020 of every pair, both ways round; Gini and PopRSP have no value of a user.
    for (const rows of tests) expect(rows).toHaveLength(2 * 2 * 3);
    const [a, b] = tests[0]!;
    expect([a![0], a![1], a![3]]).toEqual([b![1], b![0], b![3]]);
    const [name] = readdirSync(`${home}/recs`);
    expect(name).toMatch(/^BPRMF_seed=42_e=5_bs=64_factors=4_lr=0\$\d+_l_w=(1e-05|0\$1)_it=[24]\.tsv$/);
    const found = figures(`${home}/recs/${name!}`, `${home}/ferry/several/data/0-0/test.tsv`, 5);
    expect(Number(best!.at(-1)![1])).toBeCloseTo(found['HR']!, 12);
    expect(readdirSync(`${home}/weights/${name!.replace(/_it=.*/, '')}`)).toHaveLength(1);
  });

  it('goes through folds, and says what they leave out', async () => {
    const said = await run(
      'folds',
      several({
        splitting:
          '{ test_splitting: { strategy: random_cross_validation, folds: 3 }, validation_splitting: { strategy: ' +
          'random_subsampling, test_ratio: 0.2, folds: 2 } }',
        models: "{ MostPop: {}, EASER: { l2_norm: [1, 10], meta: { validation_metric: 'HR@3' } } }",
        top: 'binarize: True',
      }),
    );
    expect(said).toMatch(/paired_ttest and wilcoxon_test need one fold, got 6[^]*means over 3 folds/);
    const lines = rowsOf('results/shop/ferry/folds/results.csv').map(([line]) => line!.split(','));
    const chosen = lines.filter(
      (cells) => cells[0] === 'EASER' && cells[3] === '3' && cells[4] === 'HR' && cells[6] === '1',
    );
    expect(chosen.map((cells) => cells[2])).toEqual(['0', '1', '2']);
    const mean = chosen.reduce((sum, cells) => sum + Number(cells[5]), 0) / 3;
    expect(said).toMatch(new RegExp(`EASER\\S* +${mean.toFixed(5)} `));
  });

  it('takes the last epoch where there is no validation part, and a threshold of relevance', async () => {
    const said = await run(
      'plain',
      several({
        splitting: '{ test_splitting: { strategy: random_subsampling, leave_n_out: 3 } }',
        evaluation: 'relevance_threshold: 4',
        models: '{ external.BPRMF: { epochs: 3, factors: 4, batch_size: -1 } }',
      }),
    );
    expect(said).toContain('no validation part: the last epoch counts');
    await ferry('evaluate', 'results/shop/ferry/plain/runs/BPRMF/0-0', '--save-lists', 'plain.tsv');
    const test = 'results/shop/ferry/plain/data/0-0/test.tsv';
    const liked = rowsOf(test).filter(([, , rating]) => Number(rating) >= 4);
    writeFileSync('liked.tsv', liked.map((row) => `${row.join('\t')}\n`).join(''));
    const [file] = performance(/^rec_cutoff_5_relthreshold_4_/, 'results/shop/performance');
    expect(Number(rowsOf(file!)[1]![1])).toBeCloseTo(figures('plain.tsv', 'liked.tsv', 5)['HR']!, 12);
  });

  it.each([
    [
      'a time that is not there',
      {
        splitting: '{ test_splitting: { strategy: temporal_hold_out, test_ratio: 0.2 } }',
        models: '{ MostPop: {} }',
      },
      'temporal_hold_out needs a time in every row',
    ],
    [
      'a search without validation',
      { splitting: '{ test_splitting: { strategy: random_subsampling, test_ratio: 0.2 } }' },
      'there is no validation part to choose by',
    ],
    [
      'what is not supported',
      { models: '{ external.FREEDOM: {} }' },
      'experiment.models.external.FREEDOM is not supported: there are MostPop',
    ],
    [
      'features that nobody loads',
      { models: "{ external.VBPR: { meta: { validation_metric: 'HR@3' } } }" },
      'must be in data_config.side_information, which has none',
    ],
  ])('is refused before any work for %s', async (name, more, message) => {
    expect(await run('refused', several(more))).toContain(message);
    expect(existsSync('results/shop/ferry/refused/runs')).toBe(false);
    expect(name).not.toBe('');
  });

  it('leaves out items without features, as Elliot does', async () => {
    const files = 'data/office/visual_embeddings_32/transformers/openai/clip-vit-base-patch16/1';
    const text = several({
      models:
        '{ external.VBPR: { epochs: 1, modalities: "(\'visual\',)", loaders: "(\'VisualAttribute\',)", meta: { ' +
        "validation_metric: 'HR@3' } } }",
    }).replace(
      'reviews.tsv }',
      `reviews.tsv, side_information: [{ dataloader: VisualAttribute, visual_features: ../${files} }] }`,
    );
    const kept = readFileSync(join(files, '3.npy'));
    rmSync(join(files, '3.npy'));
    try {
      expect(await run('without', text)).toContain('1 item without features is left out with all rows');
    } finally {
      writeFileSync(join(files, '3.npy'), kept);
    }
    const rows = ['train', 'val', 'test'].flatMap((part) =>
      rowsOf(`results/shop/ferry/without/data/0-0/${part}.tsv`),
    );
    expect(rows.some(([, item]) => item === '3')).toBe(false);
    writeFileSync(join(files, '3.npy'), encodeNpy(new Float32Array(5), [1, 5], 'float32'));
    expect(await run('wrong', text)).toMatch(
      /3\.npy: a vector must have the shape \(1, F\) with the F of .*, 8, got \(1, 5\)/,
    );
    writeFileSync(join(files, '3.npy'), kept);
  });
});

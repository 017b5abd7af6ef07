import { cpSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseRecipe } from '@ferry/recipes';
import { encodePng } from '@ferry/sample-world';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { duchoHandsOn, duchoModels } from '../../../packages/features/test/duchoModels.ts';
import { elliotFolder, figures, itemCount, performance, rowsOf } from './elliotWorld.ts';
import { ferry } from './ferry.ts';

elliotFolder('elliot-hands-on');

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

const demo = 'local/data/demo_office';

/** Every item with a picture and a text that tell its kind. */
beforeAll(() => {
  for (const folder of ['demos/demo_office', `${demo}/images`]) mkdirSync(folder, { recursive: true });
  renameSync('data/office/reviews.tsv', `${demo}/reviews.tsv`);
  const items = Array.from({ length: itemCount }, (_, item) => item);
  for (const item of items) {
    const colour = [item % 2 ? 200 : 20, 8 * item, 120];
    const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, (_, at) => colour[at % 3]!);
    writeFileSync(`${demo}/images/${item}.png`, encodePng({ width: 12, height: 12, pixels }));
  }
  const text = (item: number): string => (item % 2 ? 'a' : 'b').repeat(3) + 'c'.repeat(item % 5);
  const rows = items.map((item) => `${item}\t${text(item)}\n`);
  writeFileSync(`${demo}/meta.tsv`, `asin\tdescription\n${rows.join('')}`);
  writeFileSync('demos/demo_office/config.yml', duchoHandsOn);
  for (const [name, bytes] of Object.entries(duchoModels)) {
    mkdirSync(dirname(join('models', name)), { recursive: true });
    writeFileSync(join('models', name), bytes);
  }
  writeFileSync('config_files/split_office.yml', split);
  for (const [name, [visual, textual]] of Object.entries(extractors))
    writeFileSync(`config_files/hands-on_${name}.yml`, handsOn(visual, textual));
});

describe("the hands-on's files", () => {
  it('are those of the guide', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/handsOn.md'), 'utf8');
    const blocks = [...guide.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml]) => yaml!);
    const files = [duchoHandsOn, split, handsOn(...extractors.clip)];
    const valueOf = (yaml: string): unknown => parseRecipe(yaml, 'guide').value;
    expect(blocks.map(valueOf)).toEqual(files.map(valueOf));
    for (const folder of extractors.resnet50_sentencebert) expect(guide).toContain(`embeddings_32/${folder}`);
    for (const command of [
      'npx ferry features --ducho demos/demo_office/config.yml',
      'mkdir -p data/office\nmv local/data/demo_office/*_embeddings_32 data/office/\n' +
        'cp local/data/demo_office/reviews.tsv data/office/',
      'npx ferry elliot config_files/split_office.yml',
      'cp data/office_splits/0/0/train.tsv data/office_splits/0/0/val.tsv data/office_splits/0/test.tsv data/office/',
      ...Object.keys(extractors).map((name) => `npx ferry elliot config_files/hands-on_${name}.yml`),
    ])
      expect(guide).toContain(command);
  });

  it('extract features as Ducho extracts them, from small models', async () => {
    vi.stubEnv('FERRY_MODELS', 'models');
    const said = await ferry('features', '--ducho', 'demos/demo_office/config.yml');
    expect(said).toContain('avgpool');
    for (const kind of ['visual', 'textual'])
      renameSync(`${demo}/${kind}_embeddings_32`, `data/office/${kind}_embeddings_32`);
    cpSync(`${demo}/reviews.tsv`, 'data/office/reviews.tsv');
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
      'VBPR_seed=123_e=200_bs=1024_factors=64_lr=0$005_comb_mod=concat_' +
        "modalites='visual'-'textual'_l_w=1e-05_loads='VisualAttribute'-'TextualAttribute'",
    );
    head!.slice(1).forEach((name, i) => {
      expect(Number(line![i + 1]), name).toBeCloseTo(found[name]!, 12);
    });
    const other = run.replace('clip', 'resnet50_sentencebert');
    expect(await ferry('compare', run, other, '--metric', 'recall@20')).toContain('40 rows');
    expect(await ferry('longtail', run, other)).toContain('Recall@20 by training interactions');
  });
});

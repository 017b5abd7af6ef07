import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elliotName, readElliotConfig, type ModelRecipe } from '@ferry/elliot';
import { afterAll, describe, expect, it } from 'vitest';
import { pythonNumbers } from '../src/config/python.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-elliot-content-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Settings of a model below `external.<name>`, which has a validation part and both loaders. */
function read(name: string, settings: string): { named: string; recipe: ModelRecipe } {
  const file = join(folder, 'office.yml');
  writeFileSync(
    file,
    `experiment:
  backend: pytorch
  data_config:
    strategy: fixed
    train_path: ../data/{0}/train_indexed.tsv
    validation_path: ../data/{0}/val_indexed.tsv
    test_path: ../data/{0}/test_indexed.tsv
    side_information:
      - dataloader: VisualAttribute
        visual_features: ../data/{0}/visual
      - dataloader: TextualAttribute
        textual_features: ../data/{0}/textual
  dataset: office
  top_k: 20
  evaluation: { cutoffs: [20], simple_metrics: [Recall, nDCG] }
  gpu: 0
  external_models_path: ../external/models/__init__.py
  models:
    external.${name}:
      meta:
        hyper_opt_alg: grid
        verbose: True
        save_weights: False
        save_recs: False
        validation_rate: 1
        validation_metric: Recall@20
        restore: False
${settings.replace(/^/gm, '      ')}
`,
  );
  const [{ model, fixed }] = readElliotConfig(file, {
    metrics: ['Recall', 'nDCG'],
    choosing: ['Recall'],
  }).models as [ReturnType<typeof readElliotConfig>['models'][number]];
  return {
    named: elliotName(model, fixed),
    recipe: model.recipe(fixed as Readonly<Record<string, never>>),
  };
}

const usual = `epochs: 200
factors: 32
batch_size: 1024
lr: 0.005
modalities: ('visual', 'textual')
loaders: ('VisualAttribute', 'TextualAttribute')
seed: 123`;
const training = { epochs: 200, batchSize: 1024, learningRate: 0.005 };
const features = "modalites='visual'-'textual'";
const loads = "loads='VisualAttribute'-'TextualAttribute'";

describe('models of the multimodal forks', () => {
  it('LATTICE, whose learning rate always falls', () => {
    const { named, recipe } = read(
      'LATTICE',
      `${usual}\nl_w: 1e-5\nn_layers: 1\nn_ui_layers: 2\ntop_k: 20\nl_m: 0.7\nfactors_multimod: 48`,
    );
    expect(recipe).toEqual({
      model: {
        ...{ name: 'lattice', factors: 32, layers: 2, itemLayers: 1, featureFactors: 48 },
        ...{ neighbours: 20, rawShare: 0.7, penalty: 1e-5 },
      },
      objective: { over: 'users', decay: { factor: 0.96, epochs: 50 } },
      modalities: ['image', 'text'],
      training,
      seed: 123,
    });
    expect(named).toBe(
      'LATTICE_seed=123_e=200_bs=1024_lr=0$005_factors=32_l_w=1e-05_n_layers=1_n_ui_layers=2_top_k=20_' +
        `factors_multimod=48_${features}_l_m=0$7_${loads}`,
    );
    expect(() => read('LATTICE', 'lr_sched: (1.0,50)')).toThrow(
      /external\.LATTICE\.lr_sched is no parameter that Ferry reads \(there are epochs, batch_size/,
    );
  });

  it('FREEDOM, whose shares go by the order of the modalities', () => {
    const own = 'l_w: 1e-2\nn_layers: 1\nn_ui_layers: 2\ntop_k: 10\ndrop: 0.8\nlr_sched: (1.0,50)';
    const { named, recipe } = read('FREEDOM', `${usual}\n${own}\nmw: (0.1,0.9)\nfactors_multimod: 32`);
    expect(recipe).toEqual({
      model: {
        ...{ name: 'freedom', factors: 32, layers: 2, itemLayers: 1, neighbours: 10 },
        ...{ imageShare: 0.1, edgeDropout: 0.8, contentWeight: 0.01 },
      },
      objective: { over: 'interactions' },
      modalities: ['image', 'text'],
      training,
      seed: 123,
    });
    expect(named).toBe(
      'FREEDOM_seed=123_e=200_bs=1024_lr=0$005_factors=32_l_w=0$01_n_layers=1_n_ui_layers=2_top_k=10_' +
        `factors_multimod=32_${features}_mw=0$1-0$9_drop=0$8_lr_sched=1$0-50_${loads}`,
    );
    const turned = read(
      'FREEDOM',
      "modalities: ('textual', 'visual')\nloaders: ('TextualAttribute', 'VisualAttribute')\nmw: (0.25,0.75)",
    ).recipe;
    expect(turned.model).toMatchObject({ imageShare: 0.75 });
    // Elliot's defaults.
    expect(turned).toMatchObject({
      objective: { decay: { factor: 0.96, epochs: 50 } },
      model: { layers: 3, itemLayers: 1, neighbours: 100, edgeDropout: 0.1, contentWeight: 0.01 },
      training: { epochs: 2, batchSize: 'users', learningRate: 0.0005 },
    });
  });

  it('BM3', () => {
    const { named, recipe } = read(
      'BM3',
      `${usual}\nmultimod_factors: 32\nreg_weight: 0.1\ncl_weight: 2.0\ndropout: 0.3\nn_layers: 2\nlr_sched: (0.9,25)`,
    );
    expect(recipe).toEqual({
      model: { name: 'bm3', factors: 32, penalty: 0.1, contentWeight: 2, dropout: 0.3, layers: 2 },
      objective: { over: 'interactions', decay: { factor: 0.9, epochs: 25 } },
      modalities: ['image', 'text'],
      training,
      seed: 123,
    });
    expect(named).toBe(
      'BM3_seed=123_e=200_bs=1024_lr=0$005_factors=32_multimod_factors=32_reg_weight=0$1_cl_weight=2$0_' +
        `dropout=0$3_${features}_n_layers=2_${loads}_lr_sched=0$9-25`,
    );
  });

  it('NGCF-M, whose graph is a mean of neighbours', () => {
    const { named, recipe } = read(
      'NGCFM',
      `${usual}\nn_layers: 3\nweight_size: 32\nnode_dropout: 0.1\nmessage_dropout: 0.2\nnormalize: True\nl_w: 1e-5`,
    );
    expect(recipe).toEqual({
      model: {
        ...{ name: 'ngcf-m', factors: 32, layers: 3, penalty: 1e-5, graph: 'mean', combine: 'concat' },
        ...{ edgeDropout: 0.1, messageDropout: 0.2 },
      },
      objective: { over: 'users' },
      modalities: ['image', 'text'],
      training,
      seed: 123,
    });
    expect(named).toBe(
      `NGCFM_seed=123_e=200_bs=1024_lr=0$005_factors=32_l_w=1e-05_n_layers=3_${features}_weight_size=32_` +
        `node_dropout=0$1_message_dropout=0$2_normalize=True_aggregation=concat_${loads}`,
    );
  });

  it.each([
    ['FREEDOM', 'factors: [32, 64]', /FREEDOM\.factors_multimod must be the factors \(32\).*got 64/],
    ['BM3', 'multimod_factors: 16', /BM3\.multimod_factors must be the factors \(64\).*got 16/],
    ['NGCFM', 'weight_size: 16', /NGCFM\.weight_size must be the factors \(64\)/],
    ['NGCFM', 'aggregation: mean', /NGCFM\.aggregation must be concat/],
    ['NGCFM', 'normalize: False', /NGCFM\.normalize must be true: a graph that is not normalised/],
    ['NGCFM', 'n_ui_layers: 2', /NGCFM\.n_ui_layers is no parameter that Ferry reads/],
    ['FREEDOM', 'mw: (0.5,0.9)', /FREEDOM\.mw must be a tuple of shares that are 1 together/],
    [
      'FREEDOM',
      "modalities: ('visual',)\nloaders: ('VisualAttribute',)",
      /FREEDOM\.mw must have a share for each of the modalities \(visual\), got 0\.1, 0\.9/,
    ],
    [
      'FREEDOM',
      'lr_sched: (1.5,50)',
      /FREEDOM\.lr_sched must be a tuple of a factor in \(0, 1\] and a whole/,
    ],
    ['BM3', 'lr_sched: 0.9', /BM3\.lr_sched/],
    ['BM3', 'dropout: 1', /BM3\.dropout must be below 1, got 1/],
    [
      'BM3',
      'factors: [quniform, 8, 64, 8]',
      /BM3\.factors must be one value or a list, since multimod_factors must go with factors/,
    ],
    ['MMGCN', 'num_layers: 3', /external\.MMGCN is not supported: there are .*external\.NGCFM/],
  ])('%s refuses %s', (name, settings, message) => {
    expect(() => read(name, settings)).toThrow(message);
  });

  it('reads tuples of numbers as Python writes them', () => {
    expect(
      ['(1.0,50)', '(1., 5e-6 ,)', '(.5,)', '(1)', '(a,b)', '1,2', '(,)', '( -3, 0x1 )'].map(pythonNumbers),
    ).toEqual([
      ['1.0', '50'],
      ['1.0', '5e-06'],
      ['0.5'],
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

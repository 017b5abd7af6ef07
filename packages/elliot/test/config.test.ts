import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { elliotName, readElliotConfig } from '@ferry/elliot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elliotPath } from '../src/config/paths.ts';
import { pythonFloat, pythonTuple } from '../src/config/python.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-elliot-config-'));
const supported = { metrics: ['Recall', 'nDCG', 'Gini'], choosing: ['Recall', 'nDCG'] };
beforeAll(() => {
  mkdirSync(join(folder, 'config_files'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const whole = (more = '', models = 'MostPop:', evaluation = ''): string => `experiment:
  dataset: office
  data_config: { strategy: fixed, train_path: "../data/{0}/train.tsv", validation_path: /abs/val.tsv, test_path: "../data/{0}/test.tsv" }
  top_k: 20
  evaluation: { simple_metrics: [recall, NDCG]${evaluation} }
  models:
    ${models}
${more}`;
const read = (text: string) => {
  const file = join(folder, 'config_files', 'x.yml');
  writeFileSync(file, text);
  return readElliotConfig(file, supported);
};

describe('a configuration of Elliot', () => {
  it('resolves its paths from its own folder, and has the defaults of Elliot', () => {
    const { data, out, cutoffs, metrics, seed, relevance, binarize, name } = read(whole());
    expect(data).toEqual({
      strategy: 'fixed',
      train: join(folder, 'data/office/train.tsv'),
      validation: '/abs/val.tsv',
      test: join(folder, 'data/office/test.tsv'),
    });
    expect(out.recs).toBe(join(folder, 'results/office/recs'));
    expect({ cutoffs, metrics, seed, relevance, binarize, name }).toEqual({
      ...{ cutoffs: [20], metrics: ['Recall', 'nDCG'], seed: 42, relevance: 0, binarize: false, name: 'x' },
    });
    expect(elliotPath('reviews.tsv', '/c', 'd')).toBe('/c/reviews.tsv');
    // No dot in it: Elliot leaves it as it is, so that it is read from the working directory.
    expect(elliotPath('data/{0}', '/c', 'd')).toBe(resolve('data/d'));
  });

  it('names models with their parameters as Elliot does', () => {
    const [model] = read(
      whole('', 'external.BPRMF: { lr: 1e-5, l_w: 0.1, factors: 64, epochs: 200, seed: 123 }'),
    ).models;
    expect(elliotName(model!.model, model!.fixed)).toBe(
      'BPRMF_seed=123_e=200_bs=-1_factors=64_lr=1e-05_l_w=0$1',
    );
    expect([1e-5, 0.0001, 0.005, 1000, 1.25e-7, 1e16].map(pythonFloat)).toEqual(
      ...[['1e-05', '0.0001', '0.005', '1000.0', '1.25e-07', '1e+16']],
    );
    expect(["('a','b')", '("a",)', "( 'a' , 'b' , )", 'a', "('a'"].map(pythonTuple)).toEqual(
      ...[[['a', 'b'], ['a'], ['a', 'b'], undefined, undefined]],
    );
  });

  it('makes of neighbours and λ what Elliot makes of them', () => {
    const modelIn = (text: string): object => {
      const [own] = read(whole('  binarize: True\n', text)).models;
      return own!.model.recipe(own!.fixed as Readonly<Record<string, never>>).model;
    };
    // A row is among its own nearest but in the other implementation, which alone reads shrink.
    expect(modelIn('ItemKNN: { implicit: True, neighbors: 40, shrink: 5 }')).toEqual({
      ...{ name: 'item-knn', neighbours: 39, shrink: 0 },
    });
    expect(modelIn('UserKNN: { implicit: True, neighbors: 1 }')).toEqual({
      ...{ name: 'user-knn', reverse: true, neighbours: 1, shrink: 0 },
    });
    expect(modelIn('UserKNN: { implicit: True, implementation: aiolli, shrink: 5 }')).toEqual({
      ...{ name: 'user-knn', reverse: true, neighbours: 40, shrink: 5 },
    });
    expect(modelIn('EASER: { l2_norm: 7 }')).toEqual({ name: 'ease', regularisation: 7 });
  });

  it('reads lists as what is searched', () => {
    const [model] = read(
      whole(
        '',
        `external.BPRMF:
      meta: { hyper_opt_alg: rand, hyper_max_evals: 3, validation_metric: nDCG@20, validation_rate: 2 }
      epochs: 4
      lr: ["loguniform", -2, 0]
      l_w: [0.1, "1e-5"]
      factors: ["quniform", 8, 64, 8]
      batch_size: [randint, 2, 4]`,
      ),
    ).models;
    expect(model!.space).toEqual({
      lr: { kind: 'loguniform', low: Math.exp(-2), high: 1 },
      l_w: { kind: 'choice', values: [0.1, 1e-5] },
      factors: { kind: 'uniform', low: 8, high: 64, step: 8 },
      batch_size: { kind: 'choice', values: [2, 3] },
    });
    expect(model).toMatchObject({
      search: 'rand',
      most: 3,
      chosenBy: { metric: 'nDCG', k: 20 },
      validationRate: 2,
    });
  });

  it('names all that is wrong or not supported at once, with what is', () => {
    const text = whole(
      '  negative_sampling: { strategy: random, num_items: 9 }\n  gpuu: 1\n',
      `external.VBPR: { lr: [0.1, -1], factor: 3, early_stopping: { patience: 3 } }
    external.GRCN: {}
    ItemKNN: { similarity: dot }
    EASER: { meta: { hyper_opt_alg: tpe, restore: True } }`,
      ', cutoffs: [10, 50], complex_metrics: [{ metric: BiasDisparityBD }]',
    ).replace('[recall, NDCG]', '[recall, AUC]');
    let message = '';
    try {
      read(text);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const part of [
      /x\.yml:5:\d+ +experiment\.evaluation\.simple_metrics\[1\] must be one of Recall, nDCG, Gini; others are not supported, got AUC/,
      /complex_metrics is not supported/,
      /x\.yml:7:\d+ +experiment\.models\.external\.VBPR\.lr\[1\] must be above 0, got -1/,
      /VBPR\.factor is no parameter that Ferry reads \(there are epochs, /,
      /early_stopping is not supported/,
      /external\.GRCN is not supported: there are MostPop, Random, ItemKNN/,
      /ItemKNN\.similarity must be cosine/,
      /ItemKNN\.implicit must be true: without it Elliot weighs by ratings/,
      /hyper_opt_alg must be grid or rand, tpe is not supported/,
      /meta\.restore is not supported/,
      /negative_sampling is not supported/,
      /unknown key 'gpuu' in experiment; did you mean 'gpu'/,
    ])
      expect(message).toMatch(part);
  });

  it.each([
    [whole('', 'MostPop:', ', cutoffs: 50'), /cutoffs must not be above top_k \(20\), got 50/],
    [
      whole('', 'MostPop: { meta: { validation_metric: Recall@10 } }'),
      /validation_metric must be one of .*Recall, nDCG @ 20.*got Recall@10/,
    ],
    [
      whole('', 'MostPop:').replace('[recall', '[Gini, recall'),
      /validation_metric must be .* one of Recall, nDCG, got none, which is Gini/,
    ],
    [
      whole('', 'external.BPRMF: { epochs: 5, meta: { validation_rate: 10 } }'),
      /validation_rate must not be above the epochs \(5\)/,
    ],
    [
      whole('', 'external.BPRMF: { lr: [uniform, 0, 1] }'),
      /hyper_opt_alg must be rand .*\n.*hyper_max_evals is needed/,
    ],
    [whole('', 'external.BPRMF: { lr: [uniform, 1] }'), /lr must have 2 numbers after uniform/],
    [
      whole('', 'external.VBPR: {}'),
      /loaders must be in data_config.side_information, which has none, got VisualAttribute/,
    ],
    [whole('', 'EASER:'), /EASER weighs by ratings in Elliot, which is not supported: set binarize: True/],
    [
      whole('  splitting: { test_splitting: { strategy: random_subsampling, folds: 2 } }'),
      /test_splitting must have test_ratio or leave_n_out/,
    ],
    [whole('  prefiltering: { strategy: user_k_core, cores: 3 }'), /prefiltering/],
    [whole().replace('fixed', 'dataset'), /dataset_path is needed by the strategy dataset/],
  ])('refuses what does not go together', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
});

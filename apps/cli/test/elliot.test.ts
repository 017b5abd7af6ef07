import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '@ferry/features';
import { describe, expect, it } from 'vitest';
import { elliotFolder, figures, performance, rowsOf, writeFeatures } from './elliotWorld.ts';
import { ferry } from './ferry.ts';

elliotFolder('elliot');

const usualSplitting = `
    test_splitting: { strategy: random_subsampling, test_ratio: 0.2 }
    validation_splitting: { strategy: random_subsampling, leave_n_out: 1 }`;
const bothTests = 'paired_ttest: True, wilcoxon_test: True';

/** A configuration of several models on the same data. */
const several = (
  more: { splitting?: string; evaluation?: string; models?: string; top?: string } = {},
): string => `experiment:
  dataset: shop
  data_config: { strategy: dataset, dataset_path: ../data/office/reviews.tsv }
  splitting: ${more.splitting ?? usualSplitting}
  ${more.top ?? ''}
  top_k: 5
  evaluation: { cutoffs: [3, 5], simple_metrics: [HR, nDCGRendle2020, Gini, PopRSP], ${more.evaluation ?? bothTests} }
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

  it('reads the folds that it has written, and refuses to search where they have no validation part', async () => {
    const models = "{ ItemKNN: { neighbors: 3, implicit: True, meta: { validation_metric: 'HR@5' } } }";
    const folds = 'test_splitting: { strategy: random_cross_validation, folds: 2 }';
    const saved = (name: string, more = ''): string =>
      several({ splitting: `{ save_on_disk: True, save_folder: ../data/${name}, ${folds}${more} }`, models });
    const read = (text: string): string =>
      text
        .replace(/data_config: .*/, (line) =>
          line.replace(
            /\{.*/,
            `{ strategy: hierarchy, root_folder: ${/save_folder: ([^,]*)/.exec(text)![1]!} }`,
          ),
        )
        .replace(/ {2}splitting: .*\n/, '');
    const both = saved('both', ', validation_splitting: { strategy: random_subsampling, leave_n_out: 1 }');
    await run('written', both);
    await run('read', read(both));
    const results = (name: string): string => readFileSync(`results/shop/ferry/${name}/results.csv`, 'utf8');
    expect(results('read')).toBe(results('written'));
    expect(results('read')).toMatch(/^ItemKNN,.*,1,5,HR,/m);
    await run('bare', saved('bare'));
    expect(await run('searched', read(saved('bare')).replace('neighbors: 3', 'neighbors: [3, 5]'))).toContain(
      'ItemKNN has several settings, and fold 0 has no validation part to choose by',
    );
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
      { models: '{ external.MMGCN: {} }' },
      'experiment.models.external.MMGCN is not supported: there are MostPop',
    ],
    [
      'features that nobody loads',
      { models: "{ external.VBPR: { meta: { validation_metric: 'HR@3' } } }" },
      'must be in data_config.side_information, which has none',
    ],
  ])('is refused before any work for %s', async (_, more, message) => {
    expect(await run('refused', several(more))).toContain(message);
    expect(existsSync('results/shop/ferry/refused/runs')).toBe(false);
  });

  it('trains the models of the multimodal forks', async () => {
    writeFeatures('data/office/pictures', 8);
    writeFeatures('data/office/texts', 6);
    const usual = "epochs: 2, batch_size: 64, factors: 4, meta: { validation_metric: 'HR@3' }";
    const text = several({
      models: `
    external.LATTICE: { ${usual}, factors_multimod: 5, top_k: 4 }
    external.FREEDOM: { ${usual}, factors_multimod: 4, top_k: 4, drop: 0.5, lr_sched: "(0.5,1)" }
    external.BM3: { ${usual}, multimod_factors: 4 }
    external.NGCFM: { ${usual}, weight_size: 4, node_dropout: 0.1 }`,
    })
      .replace('dataset: shop', 'dataset: forks')
      .replace(
        'reviews.tsv }',
        'reviews.tsv, side_information: [{ dataloader: VisualAttribute, visual_features: ../data/office/pictures }, ' +
          '{ dataloader: TextualAttribute, textual_features: ../data/office/texts }] }',
      );
    expect(await run('forks', text)).toContain('4 settings of 4 models');
    const [best] = performance(/^rec_cutoff_5_/, 'results/forks/performance').map(rowsOf);
    expect(best!.slice(1).map(([name]) => name!.split('_')[0])).toEqual([
      'LATTICE',
      'FREEDOM',
      'BM3',
      'NGCFM',
    ]);
    const recipe = (model: string): string =>
      readFileSync(`results/forks/ferry/forks/runs/${model}/0-0/recipe.yaml`, 'utf8');
    expect(recipe('FREEDOM')).toMatch(/decay:[^]{0,9}factor: 0\.5/);
    expect(recipe('NGCFM')).toMatch(/graph: "?mean/);
  });

  it('leaves out items without features, as Elliot does', async () => {
    const files = 'data/office/visual';
    writeFeatures(files, 8);
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

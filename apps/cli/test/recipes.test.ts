import { recipeYaml } from '@ferry/studies';
import {
  checkRecipe,
  loadRecipe,
  openJob,
  openRecipe,
  parseRecipe,
  RecipeError,
  recipeNames,
  schemaOf,
  wholeRecipe,
  type FinetuneRecipe,
  type RecipeDocument,
} from '@ferry/recipes';
import type { TransferRecipe } from '@ferry/transfer-study';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { models } from '../src/models.ts';
import { openStudy } from '../src/studies.ts';

/** A recipe as the verbs check it. */
async function check(document: RecipeDocument): Promise<object> {
  const { job } = document.value as { job?: unknown };
  if (job === 'study') return (await openStudy(document, 's', 'runs/s')).recipe;
  return checkRecipe(document, await schemaOf(document, models));
}

const finetune = async (text: string, overrides: string[] = []): Promise<FinetuneRecipe> =>
  (await wholeRecipe(parseRecipe(text, 'r.yaml', overrides), models)) as FinetuneRecipe;

const problemsOf = async (text: string, overrides: string[] = []): Promise<string[]> => {
  try {
    await check(parseRecipe(text, 'r.yaml', overrides));
  } catch (error) {
    if (error instanceof RecipeError)
      return error.problems.map(({ where, message }) => `${where} ${message}`);
    throw error;
  }
  return [];
};

describe('a recipe', () => {
  it('takes anchors, aliases and merge keys, and an override changes one place only', async () => {
    const text = `job: study
targets: [here]
starts: [scratch]
variants:
  plain: &small { width: 16, heads: 2, interests: &few { count: 4 } }
  also: *small
  wider: { <<: *small, width: 32, interests: *few }
`;
    const read = async (...overrides: string[]) =>
      ((await check(parseRecipe(text, 'r.yaml', overrides))) as TransferRecipe).variants;
    const small = { width: 16, heads: 2, interests: { count: 4 } };
    expect(await read('variants.also.heads=4')).toEqual({
      plain: small,
      also: { ...small, heads: 4 },
      wider: { ...small, width: 32 },
    });
    expect(await read('variants.also.interests.count=8')).toEqual({
      plain: small,
      also: { ...small, interests: { count: 8 } },
      wider: { ...small, width: 32 },
    });
  });

  it('fills in defaults and applies overrides, the last one winning', async () => {
    const recipe = await finetune('job: finetune\ntarget: here\n', [
      'model.width=64',
      'ids=false',
      'model.width=32',
      'finetuning.patience=null',
    ]);
    expect(recipe.model).toMatchObject({ name: 'missrec', width: 32, heads: 4 });
    expect(recipe.ids).toBe(false);
    expect(recipe.finetuning).toMatchObject({ patience: null, objective: 'finetune', tune: 'efficient' });
    expect(recipe.from).toBe(null);
  });

  it('reports every problem at once, with line, column and the near name', async () => {
    const text = [
      'job: finetune', // 1
      'tarrget: x', // 2
      'seed: -1', // 3
      'features:', // 4
      '  text: uselite', // 5
      'model:', // 6
      '  dropot: .5', // 7
      '  interests: { metod: k-means, ratio: 3 }', // 8
      'finetuning:', // 9
      '  epochs: many', // 10
    ].join('\n');
    expect(await problemsOf(text, ['finetuning.batchsize=3', 'model.preset=papr'])).toEqual([
      "r.yaml:1:1 missing key 'target': must be a string",
      "r.yaml:2:1 unknown key 'tarrget'; did you mean 'target'?",
      'r.yaml:3:7 seed must be at least 0, got -1',
      'r.yaml:5:9 features.text must be one of use-lite, clip, trained, stored, none, or made:<name> (ferry features ' +
        'list), got "uselite"; did you mean \'use-lite\'?',
      "r.yaml:7:3 unknown key 'dropot' in model; did you mean 'dropout'?",
      "r.yaml:8:16 unknown key 'metod' in model.interests; did you mean 'method'?",
      'r.yaml:8:39 model.interests.ratio must be at most 1, got 3',
      'r.yaml:10:11 finetuning.epochs must be a number, got "many"',
      "override 'finetuning.batchsize=3' unknown key 'batchsize' in finetuning; did you mean 'batchSize'?",
      `override 'model.preset=papr' model.preset must be one of paper, released, got "papr"; did you mean 'paper'?`,
    ]);
  });

  it('suggests the job and knows the keys of the job that was chosen', async () => {
    expect(await problemsOf('job: finetun\ntarget: a')).toEqual([
      `r.yaml:1:6 job must be one of pretrain, finetune, study, train, got "finetun"; did you mean 'finetune'?`,
    ]);
    expect(await problemsOf('job: study\ntargets: [a]\nsources: [b]\nseed: 3')).toEqual([
      "r.yaml:4:1 unknown key 'seed'; did you mean 'seeds'?",
    ]);
    expect(await problemsOf('')).toEqual([
      "r.yaml:1:1 missing key 'job': must be one of pretrain, finetune, study, train",
    ]);
  });

  it('checks rules between settings where they can be put right', async () => {
    expect(
      await problemsOf('job: finetune\ntarget: a\nmodel: { width: 10 }\nfeatures: { text: none }'),
    ).toEqual([
      'r.yaml:3:1 model.heads must divide the width 10, got 4',
      'r.yaml:3:1 model.interests must have method none without text and image features: interests are found in them',
    ]);
    expect(await problemsOf('job: study\ntargets: [a]')).toEqual([
      "r.yaml:1:1 sources must name at least one domain when starts has 'pre-trained', got none",
    ]);
  });

  it('lets IDs stand for features only where nothing else needs them', async () => {
    const alone = async (job: string, ...overrides: string[]): Promise<string[]> =>
      (
        await problemsOf(
          `${job}\nfeatures: { text: none }\nmodel: { interests: { method: none } }`,
          overrides,
        )
      ).map((problem) => problem.replace(/^\S+ /, ''));
    const finetune = 'job: finetune\ntarget: a';
    expect(await alone(finetune)).toEqual([]);
    expect((await alone(finetune, 'ids=false'))[0]).toContain('where items have no IDs');
    expect((await alone(finetune, 'from=x'))[0]).toContain('for pre-training');
    expect((await alone(finetune, 'model.sequenceFusion=contextual'))[0]).toContain('one token a modality');
    expect((await alone('job: pretrain\nsources: [a]'))[0]).toContain('for pre-training');
    const study = 'job: study\ntargets: [a]\nstarts: [scratch]\nids: [true]';
    expect(await alone(study)).toEqual([]);
    expect((await alone(study.replace('[true]', '[true, false]')))[0]).toContain('where items have no IDs');
    expect(
      (await alone(`${study}\nvariants: { x: {}, y: { interests: { method: k-means } } }`))[0],
    ).toContain('method none');
  });

  it('checks the models of a study', async () => {
    const problems = await problemsOf(
      [
        'job: study',
        'targets: [a]',
        'starts: [scratch]',
        'model: { width: 12 }',
        'variants:',
        '  plain: {}',
        '  k16: { interests: { cuont: 16 } }',
        '  flat: { preset: papre, heads: 5 }',
      ].join('\n'),
    );
    expect(problems).toEqual([
      "r.yaml:7:23 unknown key 'cuont' in variants.k16.interests; did you mean 'count'?",
      'r.yaml:8:19 variants.flat.preset must be one of paper, released, got "papre"; did you mean \'paper\'?',
    ]);
    expect(
      await problemsOf('job: study\ntargets: [a]\nstarts: [scratch]\nvariants: { flat: { heads: 7 } }'),
    ).toEqual(['r.yaml:4:28 variants.flat.heads must divide the width 300, got 7']);
  });

  it('wants lists without repetition', async () => {
    expect(
      await problemsOf(
        'job: study\nsources: [./s, s/]\ntargets: [a]\nseeds: [1, 2, 1]\nids: [true, true]\n' +
          'starts: [scratch, scratch]\nbaselines: [markov, markov]\nevaluation: { cutoffs: [10, 10] }',
      ),
    ).toEqual([
      'r.yaml:2:16 sources[1] must differ from the entries before it, got "s/", which is entry 1 already',
      'r.yaml:4:15 seeds[2] must differ from the entries before it, got 1, which is entry 1 already',
      'r.yaml:5:13 ids[1] must differ from the entries before it, got true, which is entry 1 already',
      'r.yaml:6:19 starts[1] must differ from the entries before it, got "scratch", which is entry 1 already',
      'r.yaml:7:21 baselines[1] must differ from the entries before it, got "markov", which is entry 1 already',
      'r.yaml:8:29 evaluation.cutoffs[1] must differ from the entries before it, got 10, which is entry 1 already',
    ]);
    expect(
      await problemsOf(
        'job: study\ntargets: [a]\nstarts: [scratch]\nvariants: { x: {}, y: { heads: 2, width: 300 }, z: { heads: 4 } }',
      ),
    ).toEqual(['r.yaml:4:52 variants.z must differ from the models before it, got the model of x']);
  });

  it('wants targets of different names', async () => {
    expect(await problemsOf('job: study\ntargets: [a/x, b/y, c/x/]\nsources: [s]')).toEqual([
      'r.yaml:2:21 targets[2] must have another name than the targets before, got x',
    ]);
  });

  it('of any model is checked by that model, and names one there is', async () => {
    const sources = 'job: pretrain\nsources: [a, b]\n';
    expect(await problemsOf(`${sources}model: { name: sasrek }`)).toEqual([
      expect.stringMatching(
        /^r\.yaml:3:16 model\.name: no model 'sasrek'; did you mean 'sasrec'\? \(there are /,
      ),
    ]);
    expect(await problemsOf(`${sources}model: { name: sasrec, tower: { features: true } }`)).toEqual([]);
    expect(
      await problemsOf(`${sources}model: { name: sasrec, tower: { features: true, ids: false } }`),
    ).toEqual([
      'r.yaml:3:54 model.tower.ids must be left out: sources share no items, so pre-training is without IDs',
    ]);
    expect(await problemsOf(`${sources}model: { name: sasrec }`)).toEqual([
      expect.stringContaining('model must know items by their features'),
    ]);
    expect(
      await problemsOf(
        `${sources}model: { name: sasrec, width: 10, tower: { features: true } }\npretraining: { objective: bce }`,
      ),
    ).toEqual([
      'r.yaml:4:1 pretraining.avoid must be target in pre-training: batches mix the users of several sources, got seen',
    ]);
    expect(
      await problemsOf(`${sources}model: { name: sasrec, width: 10, heads: 4, tower: { features: true } }`),
    ).toEqual(['r.yaml:3:42 model.heads must divide the width 10, got 4']);
    expect(
      await problemsOf(
        'job: finetune\ntarget: a\nmodel: { name: sasrec, tower: { features: true } }\nfinetuning: { objective: ' +
          'bcee, tune: some }',
      ),
    ).toEqual([
      'r.yaml:4:26 finetuning.objective must be one of bce, softmax, sampled-softmax, in-batch, bpr-max, got ' +
        '"bcee"; did you mean \'bce\'?',
      'r.yaml:4:38 finetuning.tune must be one of efficient, full, got "some"',
    ]);
  });

  it('names the entry of a list', async () => {
    expect(await problemsOf('job: study\ntargets:\n  - a\n  - 3\nsources: [b]')).toEqual([
      'r.yaml:4:5 targets[1] must be a string, got 3',
    ]);
  });
});

describe('the recipes that come with Ferry', () => {
  it.each(recipeNames())(
    '%s can be read, says what it needs, and stays itself when written and read',
    async (name) => {
      const { recipe } = loadRecipe(name);
      expect(recipe.description).not.toBe('');
      expect(recipe.takes).not.toBe('');
      const whole = await check(openRecipe(name).document);
      const written = recipeYaml(whole);
      expect(parse(written)).toEqual(JSON.parse(JSON.stringify(whole)));
      expect(await check(parseRecipe(written, 'again.yaml'))).toEqual(whole);
    },
  );

  it('are found by name or path; a wrong name or job is told', () => {
    expect(() => loadRecipe('sample-wrold')).toThrow(
      "no recipe 'sample-wrold'; did you mean 'sample-world'? (there are amazon-clip",
    );
    expect(() => loadRecipe('nowhere/x.yaml')).toThrow('no such recipe file: nowhere/x.yaml');
    expect(() => openJob('finetune', 'sample-world')).toThrow(
      "sample-world is a recipe for 'ferry study', got it for 'ferry finetune'",
    );
    expect(loadRecipe(loadRecipe('sample-world').file).recipe.job).toBe('study');
  });
});

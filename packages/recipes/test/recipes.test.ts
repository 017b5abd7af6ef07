import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import {
  finetuneSchema,
  listFields,
  pretrainSchema,
  readRecipe,
  RecipeError,
  recipeSchema,
  shellCommand,
  studySchema,
  withOverrides,
} from '../src/index.ts';
import { toYaml } from '@ferry/training';
import { editDistance, suggest } from '../src/suggest.ts';
import { loadJob, loadRecipe, recipeNames } from '../src/recipes.ts';

describe('withOverrides', () => {
  it('replaces settings key by key, lists as wholes', () => {
    const settings = { a: { b: 1, c: [1, 2, 3] }, d: null };
    expect(withOverrides(settings, { a: { c: [9] }, d: { e: 2 } })).toEqual({
      a: { b: 1, c: [9] },
      d: { e: 2 },
    });
    expect(settings.a.c).toEqual([1, 2, 3]);
  });
});

const problemsOf = (text: string, overrides: string[] = []): string[] => {
  try {
    readRecipe(text, 'r.yaml', recipeSchema, overrides);
  } catch (error) {
    if (error instanceof RecipeError)
      return error.problems.map(({ where, message }) => `${where} ${message}`);
    throw error;
  }
  return [];
};

describe('readRecipe', () => {
  it('takes anchors, aliases and merge keys, and an override changes one place only', () => {
    const text = `job: study
targets: [here]
starts: [scratch]
variants:
  plain: &small { width: 16, heads: 2, interests: &few { count: 4 } }
  also: *small
  wider: { <<: *small, width: 32, interests: *few }
`;
    const read = (...overrides: string[]) => {
      const recipe = readRecipe(text, 'r.yaml', recipeSchema, overrides);
      return recipe.job === 'study' ? recipe.variants! : {};
    };
    const small = { width: 16, heads: 2, interests: { count: 4 } };
    expect(read('variants.also.heads=4')).toEqual({
      plain: small,
      also: { ...small, heads: 4 },
      wider: { ...small, width: 32 },
    });
    expect(read('variants.also.interests.count=8')).toEqual({
      plain: small,
      also: { ...small, interests: { count: 8 } },
      wider: { ...small, width: 32 },
    });
  });

  it('says of an alias what is wrong and where', () => {
    expect(problemsOf('job: finetune\ntarget: *later\nout: &later here\n')).toEqual([
      'r.yaml:2:9 alias *later must follow its anchor &later, got none',
    ]);
    expect(problemsOf('job: finetune\ntarget: a\nmodel: &m { interests: *m }\n')).toEqual([
      'r.yaml:3:24 alias *m must not stand inside its own anchor',
    ]);
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg'])
      bomb.push(`${name!}: &${name!} [${Array.from({ length: 10 }, () => `*${before!}`).join(', ')}]`);
    expect(problemsOf(`job: finetune\n${bomb.join('\n')}\n`)).toEqual([
      'r.yaml:3:8 aliases must not expand to more than 100000 values',
    ]);
  });

  it('fills in defaults and applies overrides, the last one winning', () => {
    const recipe = readRecipe('job: finetune\ntarget: here\n', 'r.yaml', recipeSchema, [
      'model.width=64',
      'ids=false',
      'model.width=32',
      'finetuning.patience=null',
    ]);
    if (recipe.job !== 'finetune') throw new Error('not a finetune recipe');
    expect(recipe.model.width).toBe(32);
    expect(recipe.model.heads).toBe(4);
    expect(recipe.ids).toBe(false);
    expect(recipe.finetuning.patience).toBe(null);
    expect(recipe.from).toBe(null);
  });

  it('reports every problem at once, with line, column and the near name', () => {
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
    expect(problemsOf(text, ['finetuning.batchsize=3', 'model.preset=papr'])).toEqual([
      "r.yaml:1:1 missing key 'target': must be a string",
      "r.yaml:2:1 unknown key 'tarrget'; did you mean 'target'?",
      'r.yaml:3:7 seed must be at least 0, got -1',
      `r.yaml:5:9 features.text must be one of use-lite, clip, stored, none, got "uselite"; did you mean 'use-lite'?`,
      "r.yaml:7:3 unknown key 'dropot' in model; did you mean 'dropout'?",
      "r.yaml:8:16 unknown key 'metod' in model.interests; did you mean 'method'?",
      'r.yaml:8:39 model.interests.ratio must be at most 1, got 3',
      'r.yaml:10:11 finetuning.epochs must be a number, got "many"',
      "override 'finetuning.batchsize=3' unknown key 'batchsize' in finetuning; did you mean 'batchSize'?",
      `override 'model.preset=papr' model.preset must be one of paper, released, got "papr"; did you mean 'paper'?`,
    ]);
  });

  it('suggests the job and knows the keys of the job that was chosen', () => {
    expect(problemsOf('job: finetun\ntarget: a')).toEqual([
      `r.yaml:1:6 job must be one of pretrain, finetune, study, train, got "finetun"; did you mean 'finetune'?`,
    ]);
    expect(problemsOf('job: study\ntargets: [a]\nsources: [b]\nseed: 3')).toEqual([
      "r.yaml:4:1 unknown key 'seed'; did you mean 'seeds'?",
    ]);
    expect(problemsOf('')).toEqual([
      "r.yaml:1:1 missing key 'job': must be one of pretrain, finetune, study, train",
    ]);
  });

  it('checks rules between settings where they can be put right', () => {
    expect(problemsOf('job: finetune\ntarget: a\nmodel: { width: 10 }\nfeatures: { text: none }')).toEqual([
      'r.yaml:3:1 model.heads must divide the width 10, got 4',
      'r.yaml:3:1 model.interests must have method none without text and image features: interests are found in them',
    ]);
    expect(problemsOf('job: study\ntargets: [a]')).toEqual([
      "r.yaml:1:1 sources must name at least one domain when starts has 'pre-trained', got none",
    ]);
  });

  it('lets IDs stand for features only where nothing else needs them', () => {
    const alone = (job: string, ...overrides: string[]): string[] =>
      problemsOf(`${job}\nfeatures: { text: none }\nmodel: { interests: { method: none } }`, overrides).map(
        (problem) => problem.replace(/^\S+ /, ''),
      );
    const finetune = 'job: finetune\ntarget: a';
    expect(alone(finetune)).toEqual([]);
    expect(alone(finetune, 'ids=false')[0]).toContain('where items have no IDs');
    expect(alone(finetune, 'from=x')[0]).toContain('for pre-training');
    expect(alone(finetune, 'model.sequenceFusion=contextual')[0]).toContain('one token a modality');
    expect(alone('job: pretrain\nsources: [a]')[0]).toContain('for pre-training');
    const study = 'job: study\ntargets: [a]\nstarts: [scratch]\nids: [true]';
    expect(alone(study)).toEqual([]);
    expect(alone(study.replace('[true]', '[true, false]'))[0]).toContain('where items have no IDs');
    expect(alone(`${study}\nvariants: { x: {}, y: { interests: { method: k-means } } }`)[0]).toContain(
      'method none',
    );
  });

  it('checks the models of a study', () => {
    const problems = problemsOf(
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
      problemsOf('job: study\ntargets: [a]\nstarts: [scratch]\nvariants: { flat: { heads: 7 } }'),
    ).toEqual(['r.yaml:4:28 variants.flat.heads must divide the width 300, got 7']);
  });

  it('wants lists without repetition', () => {
    expect(
      problemsOf(
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
      problemsOf(
        'job: study\ntargets: [a]\nstarts: [scratch]\nvariants: { x: {}, y: { heads: 2, width: 300 }, z: { heads: 4 } }',
      ),
    ).toEqual(['r.yaml:4:52 variants.z must differ from the models before it, got the model of x']);
  });

  it('knows the metrics that the cutoffs give', () => {
    const metricOf = (evaluation: string): string => {
      const recipe = readRecipe(
        `job: finetune\ntarget: a\nevaluation: ${evaluation}`,
        'r.yaml',
        recipeSchema,
      );
      return recipe.job === 'finetune' ? recipe.evaluation.metric : '';
    };
    expect(
      ['{}', '{ cutoffs: [5, 20] }', '{ metric: Recall@50 }', '{ cutoffs: [1], metric: mrr }'].map(metricOf),
    ).toEqual([...['ndcg@10', 'ndcg@5', 'recall@50', 'mrr']]);
    expect(problemsOf('job: finetune\ntarget: a\nevaluation: { cutoffs: [5, 20], metric: ndcg@10 }')).toEqual(
      [
        'r.yaml:3:41 evaluation.metric must be one of recall@5, ndcg@5, recall@20, ndcg@20, mrr (evaluation.cutoffs is [5, 20]), got ndcg@10',
      ],
    );
  });

  it('wants targets of different names', () => {
    expect(problemsOf('job: study\ntargets: [a/x, b/y, c/x/]\nsources: [s]')).toEqual([
      'r.yaml:2:21 targets[2] must have another name than the targets before, got x',
    ]);
  });

  it('refuses keys that come twice, text that is not YAML, and overrides that are none', () => {
    expect(problemsOf('job: finetune\ntarget: a\ntarget: b')).toEqual([
      'r.yaml:3:1 a key must come once, this one comes twice',
    ]);
    expect(problemsOf('job: [finetune')[0]).toMatch(/^r\.yaml:1:15 /);
    expect(problemsOf('job: finetune\ntarget: a', ['--width', 'model.width=[1'])).toEqual([
      "command line an override must read key.sub=value, got '--width'",
      expect.stringMatching(/^command line the value must be YAML, got '\[1'/),
    ]);
  });

  it('names the entry of a list', () => {
    expect(problemsOf('job: study\ntargets:\n  - a\n  - 3\nsources: [b]')).toEqual([
      'r.yaml:4:5 targets[1] must be a string, got 3',
    ]);
  });
});

describe('shellCommand', () => {
  it('quotes what a shell would read otherwise', () => {
    expect(shellCommand('ferry', 'study', "it's mine/a b.yaml", 'seeds=[1,2]', '$x', '', 'a=b')).toBe(
      "ferry study 'it'\\''s mine/a b.yaml' 'seeds=[1,2]' '$x' '' a=b",
    );
  });
});

describe('suggest', () => {
  it('counts edits, swaps of neighbours as one', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('epohcs', 'epochs')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('says nothing when nothing is near', () => {
    expect(suggest('colour', ['epochs', 'seed'])).toBeUndefined();
    expect(suggest('batch-size', ['batchSize', 'patience'])).toBe('batchSize');
  });
});

describe('schemas', () => {
  it('describe every setting', () => {
    for (const schema of [pretrainSchema, finetuneSchema, studySchema])
      for (const { key, description } of listFields(schema)) expect(description, key).not.toBe('');
  });

  it('list settings with their types and defaults', () => {
    const fields = new Map(listFields(finetuneSchema).map((field) => [field.key, field]));
    expect(fields.get('finetuning.epochs')).toMatchObject({ type: 'whole number', default: '300' });
    expect(fields.get('target')).toMatchObject({ type: 'text', default: undefined });
    expect(fields.get('model.preset')).toMatchObject({ type: 'paper | released', default: 'paper' });
    expect(fields.get('from')).toMatchObject({ type: 'text | null', default: 'null' });
    expect(fields.get('model.dropRule')).toMatchObject({ default: '' });
  });
});

describe('the recipes that come with Ferry', () => {
  it.each(recipeNames())(
    '%s can be read, says what it needs, and stays itself when written and read',
    (name) => {
      const { recipe } = loadRecipe(name);
      expect(recipe.description).not.toBe('');
      expect(recipe.takes).not.toBe('');
      const written = toYaml(JSON.parse(JSON.stringify(recipe)) as Record<string, never>);
      expect(parse(written)).toEqual(JSON.parse(JSON.stringify(recipe)));
      expect(readRecipe(written, 'again.yaml', recipeSchema)).toEqual(recipe);
    },
  );

  it('are found by name or path; a wrong name or job is told', () => {
    expect(() => loadRecipe('sample-wrold')).toThrow(
      "no recipe 'sample-wrold'; did you mean 'sample-world'? (there are amazon-clip",
    );
    expect(() => loadRecipe('nowhere/x.yaml')).toThrow('no such recipe file: nowhere/x.yaml');
    expect(() => loadJob('finetune', 'sample-world')).toThrow(
      "sample-world is a recipe for 'ferry study', got it for 'ferry finetune'",
    );
    expect(loadRecipe(loadRecipe('sample-world').file).recipe.job).toBe('study');
  });
});

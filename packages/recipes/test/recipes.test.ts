import { describe, expect, it, vi } from 'vitest';
import {
  finetuneSchema,
  listFields,
  optimizerOf,
  pretrainSchema,
  readRecipe,
  RecipeError,
  recipeSchema,
  shellCommand,
  trainSchema,
  withOverrides,
} from '../src/index.ts';
import { editDistance, suggest } from '../src/suggest.ts';

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

  it('refuses tags that mean nothing, and says which number was found where JSON has no word for it', () => {
    expect(problemsOf('job: finetune\ntarget: !!js/function x\n')[0]).toMatch(
      /^r\.yaml:2:9 .*!!js\/function|tag:/,
    );
    expect(problemsOf('job: finetune\ntarget: a\nfinetuning: { epochs: .nan }\nseed: .inf\n')).toEqual([
      'r.yaml:3:23 finetuning.epochs must be a number, got NaN',
      'r.yaml:4:7 seed must be a number, got Infinity',
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
    expect(recipe.model).toEqual({ width: 32 });
    expect(recipe.finetuning.epochs).toBe(300);
    expect(recipe.ids).toBe(false);
    expect(recipe.finetuning.patience).toBe(null);
    expect(recipe.from).toBe(null);
  });

  it('reads an override by the rules of a recipe, and says nothing past its messages', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const [value, said] of [
      ['!!foo x', 'Unresolved tag: tag:yaml.org,2002:foo'],
      ['{ width: 1, width: 2 }', 'a key must come once, this one comes twice'],
      ['*a', 'alias *a must follow its anchor &a, got none'],
      ['{ [a, b]: 1 }', 'a key must be a word, got ["a","b"]'],
      ['{ ~: 1 }', 'a key must be a word, got null'],
      ['!!set { a }', /^a value must be a text, a number, .*, got tag:yaml\.org,2002:set$/],
      ['a\n---\nb', 'a recipe must be one document, another one begins here (---)'],
    ] as const) {
      const [ofOverride] = problemsOf('job: finetune\ntarget: a', [`model=${value}`]);
      const [ofRecipe] = problemsOf(`job: finetune\ntarget: a\nmodel: ${value}`);
      const expected = typeof said === 'string' ? said : (expect.stringMatching(said) as string);
      expect([
        ofOverride?.replace(`override 'model=${value}' `, ''),
        ofRecipe?.replace(/^r\.yaml:\d+:\d+ /, ''),
      ]).toEqual([expected, expected]);
    }
    expect(warned).not.toHaveBeenCalled();
    expect(problemsOf('hello', ['seed=1'])).toEqual(['r.yaml:1:1 the recipe must be a mapping, got "hello"']);
  });

  it('refuses shares that leave nothing for training', () => {
    const of = (split: string): string[] =>
      problemsOf(`job: finetune\ntarget: a\nevaluation: { protocol: random-by-user, split: ${split} }`);
    expect(of('{ valid: 0.5, test: 0.49 }')).toEqual([]);
    for (const split of ['{ valid: 0.6, test: 0.4 }', '{ test: 0.9 }'])
      expect(of(split)).toEqual([
        expect.stringMatching(
          /^r\.yaml:3:48 evaluation\.split must not be negative and must leave a share for training, got valid 0\.\d and test 0\.\d$/,
        ),
      ]);
  });

  it('finds keys that are numbers where they stand', () => {
    expect(problemsOf('job: finetune\ntarget: a\n7: b\nmodel: { 8: c }\ntrue: d')).toEqual([
      "r.yaml:3:1 unknown key '7'",
      "r.yaml:5:1 unknown key 'true'",
    ]);
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
      [
        '{}',
        '{ cutoffs: [5, 20] }',
        '{ metric: Recall@50 }',
        '{ cutoffs: [1], metric: mrr }',
        '{ metric: HR@10 }',
      ].map(metricOf),
    ).toEqual([...['ndcg@10', 'ndcg@5', 'recall@50', 'mrr', 'hit@10']]);
    expect(problemsOf('job: finetune\ntarget: a\nevaluation: { cutoffs: [5, 20], metric: ndcg@10 }')).toEqual(
      [
        'r.yaml:3:41 evaluation.metric must be one of recall@5, ndcg@5, recall@20, ndcg@20, mrr, ' +
          'precision@5, hit@5, ndcg-graded@5, mrr@5, map@5, map-elliot@5, ' +
          'precision@20, hit@20, ndcg-graded@20, mrr@20, map@20, map-elliot@20 ' +
          '(evaluation.cutoffs is [5, 20]), got ndcg@10',
      ],
    );
  });

  it('refuses keys that come twice, text that is not YAML, and overrides that are none', () => {
    expect(problemsOf('job: finetune\ntarget: a\ntarget: b')).toEqual([
      'r.yaml:3:1 a key must come once, this one comes twice',
    ]);
    expect(problemsOf('job: [finetune')[0]).toMatch(/^r\.yaml:1:15 /);
    expect(problemsOf('job: finetune\n---\njob: study')).toEqual([
      'r.yaml:2:1 a recipe must be one document, another one begins here (---)',
    ]);
    expect(problemsOf(`job: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)[0]).toMatch(
      /^r\.yaml:1:\d+ values must not be nested that deeply$/,
    );
    expect(problemsOf('job: finetune\ntarget: a', ['--width', 'model.width=[1'])).toEqual([
      "command line an override must read key.sub=value, got '--width'",
      "override 'model.width=[1' Flow sequence must end with a ]",
    ]);
  });
});

describe('optimizerOf', () => {
  const of = (training: string) => {
    const recipe = readRecipe(
      `job: train\ntarget: here\nmodel: { name: m }\n${training}`,
      'r.yaml',
      trainSchema,
    );
    return optimizerOf(recipe.training);
  };

  it('is what a training says of its optimiser, and nothing else of it', () => {
    const usual = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, weightDecay: 0, clipNorm: undefined };
    expect(of('')).toStrictEqual(usual);
    expect(of('training: { learningRate: 0.01, beta2: 0.98, weightDecay: 0.1, clipNorm: 5 }\n')).toEqual({
      ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.98, weightDecay: 0.1, clipNorm: 5 },
    });
    expect(() => of('training: { beta2: 1 }\n')).toThrow(/training\.beta2 must be below 1, got 1/);
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

describe('widths of stored features', () => {
  it('are declared for stored features alone, in every job', () => {
    const read = (text: string) => readRecipe(text, 'w.yaml', recipeSchema);
    const jobs = [
      'job: pretrain\nsources: [a]',
      'job: finetune\ntarget: a',
      'job: train\ntarget: a\nmodel: { name: x }',
    ];
    for (const job of jobs) {
      const stored = read(`${job}\nfeatures: { text: stored, textWidth: 512, image: none }`);
      expect(stored, job).toMatchObject({ features: { textWidth: 512 } });
      expect(() => read(`${job}\nfeatures: { text: use-lite, textWidth: 512 }`), job).toThrow(
        /features\.textWidth is for features\.text: stored, got use-lite/,
      );
      expect(() => read(`${job}\nfeatures: { text: use-lite, image: stored, imageWidth: 0 }`), job).toThrow(
        /features\.imageWidth/,
      );
    }
  });
});

describe('schemas', () => {
  it('describe every setting', () => {
    for (const schema of [pretrainSchema, finetuneSchema, trainSchema])
      for (const { key, description } of listFields(schema)) expect(description, key).not.toBe('');
  });

  it('list settings with their types and defaults', () => {
    const fields = new Map(listFields(finetuneSchema).map((field) => [field.key, field]));
    expect(fields.get('finetuning.epochs')).toMatchObject({ type: 'whole number', default: '300' });
    expect(fields.get('target')).toMatchObject({ type: 'text', default: undefined });
    expect(fields.get('evaluation.history')).toMatchObject({ type: 'keep | mask', default: 'keep' });
    expect(fields.get('from')).toMatchObject({ type: 'text | null', default: 'null' });
    expect(fields.get('model.name')).toMatchObject({ default: '' });
  });
});

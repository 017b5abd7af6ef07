import { missRec } from '@ferry/missrec';
import { sasrec } from '@ferry/morec';
import { checkRecipe, parseRecipe, RecipeError, type TrainRecipe } from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';
import { describe, expect, it } from 'vitest';
import { gridStudy, readyStudy, type PlannedRun } from '../src/index.ts';

const models = {
  unnamed: 'missrec',
  load: (name: string): Promise<SequentialModel> =>
    Promise.resolve(name === 'sasrec' ? sasrec : (missRec as SequentialModel)),
};

const study = async (text: string, ...overrides: string[]) => {
  const document = parseRecipe(`job: study\ntargets: [x/a, b]\n${text}`, 'g.yaml', overrides);
  const recipe = checkRecipe(document, gridStudy.schema);
  const { plan } = await readyStudy({ ...recipe, out: 'out' }, 'g', gridStudy, models, document);
  return plan as Omit<typeof plan, 'runs'> & { runs: (PlannedRun & { recipe: TrainRecipe })[] };
};
const problemsOf = async (text: string, ...overrides: string[]): Promise<string[]> => {
  const error: unknown = await study(text, ...overrides).catch((thrown: unknown) => thrown);
  if (!(error instanceof RecipeError))
    throw error instanceof Error ? error : new Error('nothing was refused');
  return error.problems.map(({ where, message }) => `${where} ${message}`);
};

const base = `seeds: [1, 2]
model: { name: sasrec, width: 8 }
training: { epochs: 3 }
axes:
  objective: [bce, in-batch]
  training.learningRate: [0.001, 0.01]
  tower:
    ID: {}
    text only: { model: { tower: { ids: false, features: true } }, features: { text: use-lite } }
`;

describe('a study of axes', () => {
  it('trains every combination on every target with every seed, by a whole recipe each', async () => {
    const { axes, runs, targets } = await study(base);
    expect(runs).toHaveLength(2 * 2 * 2 * 2 * 2);
    expect(new Set(runs.map(({ name }) => name)).size).toBe(runs.length);
    expect(axes.map(({ key, values }) => [key, values.map(({ value }) => value)])).toEqual([
      ['target', ['a', 'b']],
      ['objective', ['bce', 'in-batch']],
      ['training.learningRate', [0.001, 0.01]],
      ['tower', ['ID', 'text only']],
    ]);
    expect(targets).toEqual([
      { reference: 'x/a', place: { target: 'a' } },
      { reference: 'b', place: { target: 'b' } },
    ]);
    const one = runs.find(({ name }) => name === 'runs/a/in-batch/0.01/text-only/seed-2')!;
    expect(one.place).toEqual({
      target: 'a',
      objective: 'in-batch',
      'training.learningRate': 0.01,
      tower: 'text only',
    });
    expect(one.recipe).toMatchObject({
      job: 'train',
      target: 'x/a',
      seed: 2,
      out: 'out/runs/a/in-batch/0.01/text-only/seed-2',
      features: { text: 'use-lite', image: 'none' },
      model: { name: 'sasrec', width: 8, positions: 50, tower: { ids: false, features: true } },
      objective: { name: 'in-batch', debiased: true },
      training: { epochs: 3, learningRate: 0.01, batchSize: 256 },
    });
    const plain = runs.find(({ name }) => name === 'runs/b/bce/0.001/ID/seed-1')!;
    expect(plain.recipe.objective).toMatchObject({ name: 'bce', negatives: 1 });
    expect(plain.recipe.features.text).toBe('none');
  });

  it('leaves out what it is told to, and compares each axis with its first value unless told', async () => {
    const { runs, comparisons } = await study(
      `${base}except: [{ objective: in-batch, tower: [ID] }, { training.learningRate: 0.01 }]`,
    );
    expect([
      ...new Set(runs.map(({ place }) => `${String(place['objective'])} ${String(place['tower'])}`)),
    ]).toEqual(['bce ID', 'bce text only', 'in-batch text only']);
    expect(runs).toHaveLength(3 * 2 * 2);
    expect(comparisons.map(({ along, against }) => [along, against])).toEqual([
      ['objective', 'bce'],
      ['training.learningRate', 0.001],
      ['tower', 'ID'],
    ]);
    const asked = await study(`${base}compare: [{ along: tower, against: text only, title: Why }]`);
    expect(asked.comparisons).toEqual([{ along: 'tower', against: 'text only', title: 'Why' }]);
  });

  it('tells what is wrong where it is written', async () => {
    expect(await problemsOf(base.replace('[bce, in-batch]', '[bce, in-bach]'))).toEqual([
      'g.yaml:7:20 axes.objective[1] must be one of bce, softmax, sampled-softmax, in-batch, bpr-max, got ' +
        '"in-bach"; did you mean \'in-batch\'?',
    ]);
    expect(await problemsOf(base.replace('ids: false', 'idz: false'))).toEqual([
      "g.yaml:11:36 unknown key 'idz' in axes.tower.text only.model.tower; did you mean 'ids'?",
    ]);
    expect(await problemsOf(base.replace('width: 8', 'widht: 8'))).toEqual([
      "g.yaml:4:24 unknown key 'widht' in model; did you mean 'width'?",
    ]);
    expect(await problemsOf(base.replace('0.01]', '0]'))).toEqual([
      'g.yaml:8:34 axes.training.learningRate[1] must be above 0, got 0',
    ]);
    // What two axes set, the last one has said.
    const twice =
      'model: { name: sasrec }\naxes:\n  x: { a: { model: { width: 8 } } }\n  model.width: [16, 7.5]\n';
    expect(await problemsOf(twice)).toEqual([
      'g.yaml:6:21 axes.model.width[1] must be a whole number, got 7.5',
    ]);
    const { runs } = await study(twice.replace('7.5', '32'));
    expect([...new Set(runs.map(({ recipe }) => recipe.model['width']))]).toEqual([16, 32]);
    expect(await problemsOf(base, 'model.heads=3')).toEqual([
      "override 'model.heads=3' model.heads must divide the width 8, got 3",
    ]);
  });

  it.each([
    ['axes: { seed: [1] }', 'axes.seed must stand beside axes, as seeds: […]'],
    ['axes: { width: [1, 2] }', 'axes.width must be model, objective or a key of'],
    ['axes: { x: { y: { modle: {} } } }', "unknown key 'modle' in axes.x.y"],
    ['axes: { x: { "a/b": {} } }', 'must be a name of letters'],
    ['axes: { objective: [bce, bce] }', 'axes.objective[1] must differ'],
    ['axes: {}', 'axes must have at least one axis'],
    [
      'axes: { objective: [bce] }\nexcept: [{ objective: softmax }]',
      'except[0].objective must be a value of',
    ],
    [
      'axes: { objective: [bce] }\ncompare: [{ along: tower, against: ID }]',
      'compare[0].along must name one of',
    ],
  ])('%s is refused', async (text, message) => {
    expect((await problemsOf(`model: { name: sasrec }\n${text}`)).join('\n')).toContain(message);
  });

  it('wants values that make a difference', async () => {
    expect(
      await problemsOf(
        'model: { name: sasrec }\naxes: { tower: { a: {}, b: { model: { tower: { ids: true } } } } }',
      ),
    ).toEqual([
      expect.stringMatching(
        /^g\.yaml:4:\d+ axes\.tower\.b must differ from the towers before it, got the tower of a$/,
      ),
    ]);
  });
});

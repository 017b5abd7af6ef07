import { missRec } from '@ferry/missrec';
import { sasrec } from '@ferry/morec';
import {
  domainName,
  parseRecipe,
  readRecipe,
  RecipeError,
  wholeSchema,
  type FinetuneRecipe,
} from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';
import { readyStudy, type PlannedRun } from '@ferry/studies';
import { describe, expect, it } from 'vitest';
import { transferStudy } from '../src/index.ts';

const models = {
  unnamed: 'missrec',
  load: (name: string): Promise<SequentialModel> =>
    Promise.resolve(name === 'sasrec' ? sasrec : (missRec as SequentialModel)),
};
const study = async (text: string) => {
  const document = parseRecipe(`job: study\n${text}`, 's.yaml');
  const recipe = readRecipe(`job: study\n${text}`, 's.yaml', transferStudy.schema);
  const { plan } = await readyStudy({ ...recipe, out: 'runs/s' }, 's', transferStudy, models, document);
  return plan as Omit<typeof plan, 'runs'> & { runs: (PlannedRun & { recipe: FinetuneRecipe })[] };
};

describe('planTransfer', () => {
  it('is sources x targets x starts x ids x seeds', async () => {
    const { preparations, runs } = await study('sources: [a, b]\ntargets: [x/c, d]\nseeds: [1, 2, 3]');
    expect(preparations.map(({ recipe: { out, seed, sources } }) => [out, seed, sources])).toEqual([
      ['runs/s/pretrain/seed-1', 1, ['a', 'b']],
      ['runs/s/pretrain/seed-2', 2, ['a', 'b']],
      ['runs/s/pretrain/seed-3', 3, ['a', 'b']],
    ]);
    expect(runs).toHaveLength(2 * 2 * 2 * 3);
    expect(runs.every(({ name, recipe }) => recipe.out === `runs/s/${name}`)).toBe(true);
    expect(new Set(runs.map(({ recipe }) => recipe.out)).size).toBe(runs.length);
    const one = runs.find(
      ({ place, seed }) =>
        place['target'] === 'c' && place['start'] === 'pre-trained' && place['ids'] === false && seed === 2,
    )!;
    expect(one.needs).toBe('pretrain/seed-2');
    expect(one.recipe).toMatchObject({
      target: 'x/c',
      from: 'study:pretrain/seed-2',
      ids: false,
      seed: 2,
      out: 'runs/s/finetune/c/pre-trained-no-ids/seed-2',
    });
    const scratch = runs.filter(({ place }) => place['start'] === 'scratch');
    expect(scratch.every(({ recipe, needs }) => recipe.from === null && needs === undefined)).toBe(true);
  });

  it('trains on some users of the targets, and all of the sources', async () => {
    const splits = async (split: string) => {
      const { preparations, runs } = await study(
        `sources: [a]\ntargets: [c]\nseeds: [1]\nids: [true]\nevaluation: { protocol: leave-one-out, split: ${split} }`,
      );
      return [...preparations, ...runs].map(({ recipe }) => (recipe as FinetuneRecipe).evaluation.split);
    };
    const part = { trainUsers: 100, seed: 4 };
    expect(await splits('{ trainUsers: 100, seed: 4 }')).toEqual([undefined, part, part]);
    const both = { validUsers: 50, ...part };
    expect(await splits('{ validUsers: 50, trainUsers: 100, seed: 4 }')).toEqual([
      { validUsers: 50, seed: 4 },
      both,
      both,
    ]);
  });

  it('does not pre-train for a study from scratch', async () => {
    const { preparations, runs } = await study('targets: [c]\nstarts: [scratch]\nids: [true]');
    expect(preparations).toEqual([]);
    expect(runs.map(({ recipe }) => recipe.out)).toEqual(['runs/s/finetune/c/scratch-ids/seed-2020']);
  });

  it('tunes every weight where asked to, from the same pre-training', async () => {
    const { preparations, runs } = await study(
      'sources: [a]\ntargets: [c]\nids: [false]\nstarts: [pre-trained-full, pre-trained]',
    );
    expect(preparations).toHaveLength(1);
    expect(
      runs.map(({ place, recipe }) => [place['start'], recipe.finetuning.tune, recipe.from, recipe.out]),
    ).toEqual([
      [
        'pre-trained',
        'efficient',
        'study:pretrain/seed-2020',
        'runs/s/finetune/c/pre-trained-no-ids/seed-2020',
      ],
      [
        'pre-trained-full',
        'full',
        'study:pretrain/seed-2020',
        'runs/s/finetune/c/pre-trained-full-no-ids/seed-2020',
      ],
    ]);
  });

  it('trains every model of `variants`, each in a directory of its own', async () => {
    const { preparations, runs } = await study(
      'sources: [a]\ntargets: [c]\nids: [true]\nmodel: { width: 8, interests: { ratio: 0.1 } }\n' +
        'variants: { plain: {}, k16: { interests: { count: 16 }, heads: 2 } }',
    );
    expect(preparations.map(({ recipe }) => recipe.out)).toEqual([
      'runs/s/pretrain/plain/seed-2020',
      'runs/s/pretrain/k16/seed-2020',
    ]);
    const [plain, k16] = preparations.map((planned) => planned.recipe);
    const tuned = runs.filter(({ place }) => place['start'] === 'pre-trained');
    expect(tuned.map(({ place, recipe }) => [place['variant'], recipe.out, recipe.from])).toEqual([
      ['plain', 'runs/s/finetune/c/plain/pre-trained-ids/seed-2020', 'study:pretrain/plain/seed-2020'],
      ['k16', 'runs/s/finetune/c/k16/pre-trained-ids/seed-2020', 'study:pretrain/k16/seed-2020'],
    ]);
    expect(k16!.model).toEqual({
      ...plain!.model,
      heads: 2,
      interests: { ratio: 0.1, neighbours: 0.1, count: 16 },
    });
    expect(tuned[1]!.recipe.model).toEqual(k16!.model);
  });

  const several =
    'sources: [a]\ntargets: [c]\nids: [false]\nmodel: { width: 8, heads: 2 }\npretraining: { epochs: 3, dropRatio: 0.4 }\n';

  it('trains another model beside the first, with settings of its own', async () => {
    const { preparations, runs, axes } = await study(
      `${several}variants: { missrec: {}, sasrec: { name: sasrec, width: 16, tower: { features: true }, ` +
        'pretraining: { debiased: false } } }',
    );
    expect(axes.find(({ key }) => key === 'variant')!.values.map(({ value }) => value)).toEqual([
      'missrec',
      'sasrec',
    ]);
    const [first, second] = preparations.map(({ recipe }) => recipe);
    expect(first).toMatchObject({
      model: { name: 'missrec', width: 8 },
      pretraining: { epochs: 3, objective: 'pretrain', dropRatio: 0.4 },
    });
    expect(second).toMatchObject({
      model: { name: 'sasrec', width: 16, tower: { features: true } },
      pretraining: { epochs: 3, objective: 'in-batch', debiased: false },
    });
    expect(second!.model).not.toHaveProperty('heads');
    expect(second!.pretraining).not.toHaveProperty('dropRatio');
    expect(runs.map(({ recipe }) => recipe.model.name)).toEqual([
      ...['missrec', 'sasrec', 'missrec', 'sasrec'],
    ]);
  });

  it('tells what a model cannot do where it is written', async () => {
    const problems = async (variants: string): Promise<string[]> => {
      const error: unknown = await study(`${several}variants: { missrec: {}, ${variants} }`).catch(
        (thrown: unknown) => thrown,
      );
      return (error as RecipeError).problems.map(({ where, message }) => `${where} ${message}`);
    };
    // Nothing that items are known by can be carried over.
    expect(await problems('ids: { name: sasrec }')).toEqual([
      expect.stringMatching(/^s\.yaml:7:\d+ variants\.ids must know items by their features/),
    ]);
    expect(await problems('x: { name: sasrec, tower: { features: true, idz: 1 } }')).toEqual([
      expect.stringMatching(/^s\.yaml:7:\d+ unknown key 'idz' in variants\.x\.tower; did you mean 'ids'/),
    ]);
    expect(
      await problems('x: { name: sasrec, tower: { features: true }, finetuning: { negatves: 3 } }'),
    ).toEqual([expect.stringMatching(/unknown key 'negatves' in variants\.x\.finetuning; did you mean/)]);
    expect(await problems('x: { name: sasrec, tower: { features: true, ids: true } }')).toEqual([
      expect.stringMatching(/variants\.x\.tower\.ids must be left out: sources share no items/),
      expect.stringMatching(/variants\.x\.tower\.ids must be left out: in this job the key ids/),
    ]);
  });

  it('makes recipes that are valid alone', async () => {
    const { preparations, runs } = await study('sources: [a]\ntargets: [c]\nmodel: { width: 8 }');
    for (const recipe of [...preparations, ...runs].map((run) => run.recipe))
      expect(
        readRecipe(JSON.stringify(recipe), 'own.yaml', wholeSchema(recipe, missRec as SequentialModel)),
      ).toEqual(recipe);
  });
});

describe('domainName', () => {
  it.each([
    ['$FERRY_DATA/domains/cds18', 'cds18'],
    ['sample-world:books', 'books'],
    ['./here/', 'here'],
    ['plain', 'plain'],
  ])('%s is called %s', (reference, name) => {
    expect(domainName(reference)).toBe(name);
  });
});

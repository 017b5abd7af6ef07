import { domainName, readRecipe, recipeSchema, studySchema } from '@ferry/recipes';
import { describe, expect, it } from 'vitest';
import { planTransfer } from '../src/plan.ts';

const study = (text: string) =>
  planTransfer({ ...readRecipe(`job: study\n${text}`, 's.yaml', studySchema), out: 'runs/s' }, 's');

describe('planTransfer', () => {
  it('is sources x targets x starts x ids x seeds', () => {
    const { preparations, runs } = study('sources: [a, b]\ntargets: [x/c, d]\nseeds: [1, 2, 3]');
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

  it('does not pre-train for a study from scratch', () => {
    const { preparations, runs } = study('targets: [c]\nstarts: [scratch]\nids: [true]');
    expect(preparations).toEqual([]);
    expect(runs.map(({ recipe }) => recipe.out)).toEqual(['runs/s/finetune/c/scratch-ids/seed-2020']);
  });

  it('tunes every weight where asked to, from the same pre-training', () => {
    const { preparations, runs } = study(
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

  it('trains every model of `variants`, each in a directory of its own', () => {
    const { preparations, runs } = study(
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

  it('makes recipes that are valid alone', () => {
    const { preparations, runs } = study('sources: [a]\ntargets: [c]\nmodel: { width: 8 }');
    for (const recipe of [...preparations, ...runs].map((run) => run.recipe))
      expect(readRecipe(JSON.stringify(recipe), 'own.yaml', recipeSchema)).toEqual(recipe);
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

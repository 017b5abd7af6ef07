import { attributeItemKnn, bprMf, freedom, itemKnn, lightGcn, lightGcnM, vbpr } from '@ferry/collaborative';
import { checkRecipe, openRecipe, parseRecipe, recipeNames } from '@ferry/recipes';
import { readyStudy, type AnyModel, type StudyResult } from '@ferry/studies';
import { describe, expect, it } from 'vitest';
import { featureStudy } from '../src/index.ts';
import { beyondTable, costTable } from '../src/sections.ts';

const known = [vbpr, bprMf, lightGcnM, lightGcn, freedom, attributeItemKnn, itemKnn] as readonly AnyModel[];
const models = {
  unnamed: 'vbpr',
  load: (name: string) => Promise.resolve(known.find((model) => model.name === name)!),
};
const ready = async (text: string) => {
  const document = parseRecipe(text, 'f.yaml');
  const recipe = checkRecipe(document, featureStudy.schema);
  return readyStudy({ ...recipe, out: 'out' }, 'f', featureStudy, models, document);
};
const text = `job: study
targets: [a]
model: { factors: 8 }
axes:
  model: [vbpr, lightgcn-m]
  content: { none: {}, shuffled: { features: { text: use-lite, shuffle: 1 } }, text: { features: { text: use-lite } } }
evaluation: { cutoffs: [2], history: mask, metric: recall@2 }
`;

describe('the feature study', () => {
  it('puts models without features beside those with them, and asks its questions', async () => {
    const { plan } = await ready(text);
    const runs = plan.runs.map(({ place, recipe }) => [
      ...[place['model'], place['content'], recipe.model.name, recipe.features.text, recipe.features.shuffle],
    ]);
    expect(runs).toEqual([
      ['vbpr', 'none', 'bpr-mf', 'none', undefined],
      ['vbpr', 'shuffled', 'vbpr', 'use-lite', 1],
      ['vbpr', 'text', 'vbpr', 'use-lite', undefined],
      ['lightgcn-m', 'none', 'lightgcn', 'none', undefined],
      ['lightgcn-m', 'shuffled', 'lightgcn-m', 'use-lite', 1],
      ['lightgcn-m', 'text', 'lightgcn-m', 'use-lite', undefined],
    ]);
    for (const { recipe } of plan.runs) expect(recipe.model['factors']).toBe(8);
    expect(plan.comparisons.map(({ along, against }) => [along, against])).toEqual([
      ['content', 'none'],
      ['content', 'shuffled'],
    ]);
  });

  it('has as many layers without features as with them', async () => {
    const { plan } = await ready(text.replace('lightgcn-m]', 'freedom]'));
    const none = plan.runs.find(({ place }) => place['model'] === 'freedom' && place['content'] === 'none')!;
    expect(none.recipe.model).toMatchObject({ name: 'lightgcn', factors: 8, layers: 2 });
  });

  it.each([
    [text.replace('none: {},', ''), /axes\.content must be named sets of features with none among them/],
    [
      text.replace('[vbpr, lightgcn-m]', '[vbpr, sasrec]'),
      /axes\.model\[1\] must be one of vbpr, lightgcn-m, freedom, bm3, lattice, attribute-item-knn.*got sasrec/,
    ],
    [text.replace(/ {2}model: .*\n/, ''), /model\.name must be one of vbpr/],
  ])('refuses what it cannot compare', async (wrong, message) => {
    await expect(ready(wrong)).rejects.toThrow(message);
  });

  it.each(recipeNames().filter((name) => name.endsWith('-features')))('%s can be run', async (name) => {
    const { plan } = await ready(JSON.stringify(openRecipe(name).document.value));
    expect(plan.runs.length % 3).toBe(0);
  });
});

/** A run of two users with two test items each, of which the first is cold. */
function result(content: string, better: number[], list: number[]): StudyResult {
  return {
    ...{ name: 'n', place: { target: 'a', model: 'vbpr', content }, seed: 1, directory: 'd' },
    summary: {
      parameters: { trainable: 7 },
      timings: { totalSeconds: 6, epochSeconds: 2 },
    } as unknown as StudyResult['summary'],
    details: {
      ...{ domain: 'a', interests: null },
      features:
        content === 'none'
          ? {}
          : {
              text: { encoder: 'use-lite', width: 512, extraction: { seconds: 3, inputs: 9 } },
              image: { encoder: 'stored', width: 8 },
            },
    },
    rows: {
      ...{ domain: 'a', split: 'test', history: 'mask', items: 4, modalityNames: [] },
      better: Int32Array.from(better),
      tied: new Int32Array(4),
      relevantEnds: Int32Array.of(2, 4),
      targets: Int32Array.of(1, 2, 1, 3),
      targetCounts: Int32Array.of(1, 9, 1, 9),
      lists: { items: Int32Array.from(list), listEnds: Int32Array.of(2, 4), depth: 2 },
      training: { popularity: Int32Array.of(0, 1, 9, 9, 9), users: 10, items: 4 },
    },
  };
}

describe('its tables', () => {
  const measure = { metric: 'recall@2', cutoffs: [2], ties: 'mid-rank' as const };

  it('tell warm items from cold ones of users with several, what it costs and how lists are', async () => {
    const { plan } = await ready(text);
    // The first user's cold item is found, the second's warm one.
    const results = [result('text', [0, 5, 7, 1], [1, 4, 4, 3]), result('none', [5, 6, 7, 8], [4, 3, 4, 3])];
    const [none, with_] = costTable(plan.axes, results, { measure }).rows;
    expect([none!['content'], none!['all'], with_!['content']]).toMatchObject(['none', { mean: 0 }, 'text']);
    expect([none!['width'], none!['extraction']]).toMatchObject([{ mean: 0 }, { mean: 0 }]);
    expect([with_!['width'], with_!['extraction']]).toMatchObject([{ mean: 520 }, { mean: 3 }]);
    expect([with_!['all'], with_!['warm'], with_!['cold'], with_!['seconds']]).toMatchObject([
      ...[{ mean: 0.5 }, { mean: 0.5 }, { mean: 0.5 }, { mean: 6 }],
    ]);
    const [, lists] = beyondTable(
      plan.axes,
      [results[0]!, { ...results[0]!, place: { ...results[0]!.place, content: 'none' } }],
      { measure },
    ).rows;
    expect(lists!['coverage']).toMatchObject({ mean: 3 / 4 });
    expect(plan.sections!(results, { measure, command: 'x' }).map(({ title }) => title)).toEqual([
      'What features are worth, and what they cost',
      'Beyond accuracy',
    ]);
    expect(plan.sections!([], { measure, command: 'x' })).toEqual([]);
  });
});

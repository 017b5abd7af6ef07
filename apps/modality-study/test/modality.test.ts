import { dssm, sasrec } from '@ferry/morec';
import { checkRecipe, openRecipe, parseRecipe, recipeNames } from '@ferry/recipes';
import type { SequentialModel } from '@ferry/sequential';
import { readyStudy, type StudyResult } from '@ferry/studies';
import { describe, expect, it } from 'vitest';
import { modalityStudy } from '../src/index.ts';
import { costTable, towerTable } from '../src/sections.ts';

const models = {
  unnamed: 'sasrec',
  load: (name: string) => Promise.resolve((name === 'dssm' ? dssm : sasrec) as SequentialModel),
};

const ready = async (text: string) => {
  const document = parseRecipe(text, 'm.yaml');
  const recipe = checkRecipe(document, modalityStudy.schema);
  return readyStudy({ ...recipe, out: 'out' }, 'm', modalityStudy, models, document);
};

const text = `job: study
targets: [a]
model: { name: sasrec, width: 8 }
axes:
  tower: { ID: {}, text: { model: { tower: { ids: false, features: true } }, features: { text: use-lite } } }
  objective: [bce, in-batch]
evaluation: { cutoffs: [10], metric: recall@10 }
`;

describe('the modality study', () => {
  it('asks its questions along the axes there are', async () => {
    const { plan } = await ready(text);
    expect(plan.comparisons.map(({ title, along, against, rows }) => [title, along, against, rows])).toEqual([
      ['Does knowing items by their modalities beat IDs?', 'tower', 'ID', ['all', 'warm', 'cold']],
      ['How much does the loss change?', 'objective', 'bce', undefined],
    ]);
    expect(plan.axes.map(({ title }) => title)).toEqual(['target', 'items known by', 'loss']);
    await expect(ready(text.replace('ID: {}', 'plain: {}'))).rejects.toThrow(
      'm.yaml:5:10  axes.tower must be named values with ID among them',
    );
  });

  it.each(recipeNames().filter((name) => name.endsWith('-modality')))(
    '%s plans every tower with every backbone and loss',
    async (name) => {
      const { plan } = await ready(JSON.stringify(openRecipe(name).document.value));
      const seeds = new Set(plan.runs.map(({ seed }) => seed)).size;
      // Items of scientific18 have no pictures.
      const towers = name === 'scientific-modality' ? 3 : 5;
      expect(plan.runs).toHaveLength(2 * towers * 2 * seeds);
      for (const { place, recipe } of plan.runs) {
        const tower = String(place['tower']);
        const has = (['text', 'image'] as const).filter((one) => recipe.features[one] !== 'none');
        expect(has).toEqual((['text', 'image'] as const).filter((one) => tower.includes(one)));
        const { ids, features } = recipe.model['tower'] as { ids: boolean; features: boolean };
        expect({ ids, features }).toEqual({ ids: tower.includes('ID'), features: has.length > 0 });
      }
    },
  );
});

/** A run whose rows stand on given places; items of even rows are cold. */
function result(place: Record<string, string>, seed: number, better: number[], seconds: number): StudyResult {
  return {
    ...{ name: 'n', place, seed, directory: 'd' },
    summary: {
      ...{ reason: 'epochs', seed, epochs: 4, steps: 1, test: {} },
      best: { epoch: 2, checkpoint: 'c', valid: {} },
      parameters: { total: 100, trainable: place['tower'] === 'ID' ? 90 : 40 },
      timings: { totalSeconds: seconds, epochSeconds: seconds / 4, examplesPerSecond: 1, testSeconds: 1 },
    } as unknown as StudyResult['summary'],
    details: { domain: 'a', interests: null },
    rows: {
      ...{ domain: 'a', split: 'test', history: 'mask', items: 100, modalityNames: [] },
      better: Int32Array.from(better),
      tied: new Int32Array(better.length),
      targetCounts: Int32Array.from(better, (_, r) => (r % 2 === 0 ? 1 : 9)),
    },
  };
}

describe('its tables', () => {
  const measure = { metric: 'recall@10', cutoffs: [10], ties: 'mid-rank' as const };

  it('have HR and NDCG in percent, for warm and cold items too, and the change from IDs', async () => {
    const { plan } = await ready(text);
    // Rows 0 and 2 are cold. ID finds one warm item of two in one seed and both in the other, text both cold ones.
    const results = [
      result({ target: 'a', tower: 'ID', objective: 'bce' }, 1, [50, 0, 50, 50], 8),
      result({ target: 'a', tower: 'ID', objective: 'bce' }, 2, [50, 0, 50, 1], 12),
      result({ target: 'a', tower: 'text', objective: 'bce' }, 1, [0, 50, 1, 50], 2),
      result({ target: 'a', tower: 'text', objective: 'bce' }, 2, [0, 50, 1, 9], 4),
    ];
    const [all] = towerTable(plan.axes, results, { measure }).rows;
    const second = 1 / Math.log2(3);
    const share = (value: number) => (100 * value).toFixed(2);
    expect(all).toEqual({
      target: 'a',
      objective: 'bce',
      'tower ID': `${share(3 / 8)} / ${share((2 + second) / 8)}`,
      'tower text': `${share(5 / 8)} / ${share((2 * (1 + second) + 1 / Math.log2(11)) / 8)}`,
      best: 'text +66.7 %',
    });
    const [warm] = towerTable(plan.axes, results, { measure }, 'warm').rows;
    expect(warm!['best']).toBe('text −66.7 %');
    const [cold] = towerTable(plan.axes, results, { measure }, 'cold').rows;
    expect([cold!['tower ID'], cold!['best']]).toEqual(['0.00 / 0.00', 'text from 0']);

    const costs = costTable(plan.axes, results, { measure }).rows;
    expect(costs.map(({ tower, weights }) => [tower, weights])).toEqual([
      ['ID', 90],
      ['text', 40],
    ]);
    expect(costs.map(({ seconds, hits, cold: rows }) => [seconds, hits, rows])).toMatchObject([
      [{ mean: 10 }, { mean: 3 / 8 }, { mean: 0 }],
      [{ mean: 3 }, { mean: 5 / 8 }, { mean: 1 }],
    ]);
  });

  it('are nothing where no run is finished', async () => {
    const { plan } = await ready(text);
    expect(plan.sections!([], { measure, command: 'x' })).toEqual([]);
  });
});

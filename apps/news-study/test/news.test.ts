import { nrms, recTransformer } from '@ferry/nrms';
import { checkRecipe, openRecipe, parseRecipe, recipeNames } from '@ferry/recipes';
import type { Table } from '@ferry/report';
import { readyStudy, type AnyModel, type StudyResult } from '@ferry/studies';
import { describe, expect, it } from 'vitest';
import { defectBlocks } from '../src/defects.ts';
import { newsStudy } from '../src/index.ts';
import { questionBlocks } from '../src/questions.ts';
import { thesisBlocks } from '../src/thesis.ts';

const models = {
  unnamed: 'nrms',
  load: (name: string) => Promise.resolve((name === 'nrms' ? nrms : recTransformer) as AnyModel),
};

const ready = async (text: string) => {
  const document = parseRecipe(text, 'n.yaml');
  const recipe = checkRecipe(document, newsStudy.schema);
  return readyStudy({ ...recipe, out: 'out' }, 'n', newsStudy, models, document);
};

const text = `job: study
targets: [world]
model: { name: nrms }
axes:
  experiment:
    2 frozen: { model: { encoder: vectors }, features: { text: stored } }
    3 tuned: { features: { image: pixels } }
    4 text: {}
  defect: { none: {}, oldest: { model: { defects: [oldest-history] } } }
`;

describe('the news study', () => {
  it('plans every experiment with every defect that its recipe has', async () => {
    const { plan } = await ready(text);
    expect(plan.runs).toHaveLength(6);
    expect(plan.comparisons).toEqual([]);
    expect(plan.runs[1]!.recipe.model).toMatchObject({
      name: 'nrms',
      encoder: 'vectors',
      defects: ['oldest-history'],
    });
    expect(plan.runs[0]!.recipe.evaluation).toMatchObject({ metric: 'auc', ties: 'mind' });
  });

  it.each([
    ['2 frozen:', 'frozen:', /axes.experiment.frozen must begin with 1, 2, 3 or 4, got frozen/],
    ['experiment:', 'experiments:', /axes must have an axis experiment beside defect: named values/],
    ['none: {}, ', '', /axes.defect must be named values with none among them/],
    [
      'model: { name',
      'evaluation: { metric: recall@10 }\nmodel: { name',
      /evaluation.metric must be one of auc, mrr/,
    ],
    ['[oldest-history]', '[shared-mask]', /model.defects\[0\]|axes.defect.oldest.model.defects\[0\]/],
  ])('says what is wrong: %s', async (from, to, message) => {
    await expect(ready(text.replace(from, to))).rejects.toThrow(message);
  });

  it.each(recipeNames().filter((name) => /-news-study$|news-encoders/.test(name)))(
    '%s can be planned',
    async (name) => {
      const { plan } = await ready(JSON.stringify(openRecipe(name).document.value));
      const own = plan.runs.map(({ place }) => String(place['experiment']).charAt(0));
      expect(new Set(own).size).toBeGreaterThanOrEqual(3);
      for (const { place, recipe } of plan.runs)
        expect((recipe.model['defects'] as string[]).length).toBe(
          (place['defect'] ?? 'none') === 'none' ? 0 : 1,
        );
    },
  );
});

/** A run whose impressions got these values of every metric. */
function result(place: Record<string, string>, values: number[], corrected?: number[]): StudyResult {
  const all = (own: number[]) =>
    Object.fromEntries(['auc', 'mrr', 'ndcg@5', 'ndcg@10'].map((name) => [name, Float32Array.from(own)]));
  return {
    ...{ name: 'n', seed: 1, directory: 'd', place: { target: 'world', ...place } },
    summary: {} as StudyResult['summary'],
    details: { domain: 'world', interests: null },
    rows: {
      ...{ domain: 'world', split: 'test', history: '', items: 9, modalityNames: [] },
      ...{ better: new Int32Array(0), tied: new Int32Array(0), targetCounts: new Int32Array(0) },
      impressions: {
        values: all(values),
        ...(corrected && { corrected: all(corrected) }),
        ...{ tied: new Uint8Array(values.length), ties: 'mind', groupings: [] },
      },
    },
  };
}

const noise = Array.from({ length: 60 }, (_, row) => ((row * 7) % 11) / 110);
const near = (mean: number): number[] => noise.map((own, row) => (row === 5 ? NaN : mean + own));

describe('its sections', () => {
  it('answer the questions by paired tests, and leave out impressions that do not count', async () => {
    const { plan } = await ready(text);
    const own = (experiment: string, values: number[]) => result({ experiment, defect: 'none' }, values);
    const results = [
      own('2 frozen', near(0.6)),
      own('3 tuned', near(0.7)),
      own('4 text', near(0.7).toReversed()),
    ];
    const place = { target: 'world' };
    const floor = (name: string, mean: number) => ({
      place,
      name,
      values: Object.fromEntries(['auc', 'mrr', 'ndcg@5', 'ndcg@10'].map((key) => [key, near(mean)])),
    });
    const targets = [
      {
        place,
        protocol: 'p',
        news: 9,
        impressions: 60,
        floors: [floor('popularity', 0.5), floor('mean history (words)', 0.65)],
      },
    ];
    const blocks = questionBlocks(plan.axes, results, { command: 'x', targets });
    const words = blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : []));
    expect(words[0]).toMatch(
      /2 frozen reaches an AUC of 0\.64\d\d without any tuning of the encoder, below mean history \(words\)\./,
    );
    expect(words[1]).toMatch(/3 tuned against 2 frozen: \+0\.1000 .* AUC, \*\*better\*\* beyond chance/);
    expect(words[2]).toMatch(/3 tuned against 4 text: .* AUC, no difference beyond chance/);
    const [first] = blocks.flatMap((block) => (block.kind === 'table' ? [block.table.rows] : []));
    expect(first!.map(({ rows }) => rows)).toEqual([59, 59]);
  });

  it('tell what a defect of the measurement reports from what it changes', async () => {
    const { plan } = await ready(text);
    const results = [
      result({ experiment: '2 frozen', defect: 'none' }, near(0.6)),
      result({ experiment: '2 frozen', defect: 'oldest' }, near(0.5), near(0.6)),
    ];
    const [reported, corrected] = defectBlocks(plan.axes, results, { command: 'x' }).flatMap((block) =>
      block.kind === 'table' ? [block.table.rows[0]!] : [],
    );
    expect(reported!['auc']).toMatch(/^−0\.1000 .* \*$/);
    expect(corrected!['auc']).toMatch(/^\+0\.0000 [^*]*$/);
  });

  it('say nothing of defects where the study has none', async () => {
    const { plan } = await ready(text.replace(/  defect: .*\n/, ''));
    const results = [
      result({ experiment: '2 frozen' }, near(0.6)),
      result({ experiment: '4 text' }, near(0.5)),
    ];
    expect(defectBlocks(plan.axes, results, { command: 'x' })).toEqual([]);
    const sections = plan.newsSections!(results, { command: 'x', targets: [] });
    // Nor is a question asked that no run answers.
    expect(sections.map(({ title }) => title)).toEqual(['The thesis’s numbers']);
  });

  it('test any models against what needs no training, and leave the thesis out where none of its experiments was run', async () => {
    const grid =
      'targets: [world]\njob: study\nmodel: { name: nrms }\naxes: { news model: { nrms: {}, ids: { model: { encoder: ids } } } }\n';
    const { plan } = await ready(grid);
    const results = [
      result({ 'news model': 'nrms' }, near(0.7)),
      result({ 'news model': 'ids' }, near(0.6)),
      { ...result({ 'news model': 'ids' }, near(0.6)), seed: 2 },
    ];
    const place = { target: 'world' };
    const floors = [{ name: 'recency', values: result({}, near(0.65)).rows.impressions!.values }];
    const targets = [{ place, protocol: 'p', news: 9, impressions: 60, floors }];
    const sections = plan.newsSections!(results, { command: 'x', targets } as never);
    expect(sections.map(({ title }) => title)).toEqual(['Against what needs no training']);
    const [block] = sections[0]!.blocks;
    expect((block as { table: Table }).table.rows).toMatchObject([
      { line: 'nrms − recency', auc: expect.stringMatching(/^\+0\.0500 .* \*$/) as string, rows: 59 },
      { line: 'ids − recency', auc: expect.stringMatching(/^−0\.0500 .* \*$/) as string, rows: 59 },
    ]);
  });

  it('set the thesis’s numbers beside ours, and say whether the data are the same', () => {
    const results = [result({ experiment: '4 text', defect: 'none' }, near(0.7))];
    const target = { place: {}, protocol: 'p', news: 9, impressions: 73_152, floors: [] };
    const of = (impressions: number) =>
      thesisBlocks(results, { command: 'x', targets: [{ ...target, impressions }] })[0]!;
    const same = of(73_152);
    if (same.kind !== 'table') throw new Error('a table comes first');
    expect(same.caption).toMatch(/MIND-small’s dev in both/);
    expect(same.table.rows[4]).toMatchObject({
      'thesis auc': 0.689,
      auc: { mean: expect.closeTo(0.745, 2) as number },
    });
    expect(same.table.rows[1]).toMatchObject({ 'thesis auc': 0.494, auc: null });
    expect(of(60)).toMatchObject({ caption: expect.stringMatching(/The data differ/) as string });
  });
});

import { placesOf } from '@ferry/evaluation';
import { tableToText } from '@ferry/report';
import type { Summary } from '@ferry/training';
import { describe, expect, it } from 'vitest';
import { chartAxes, type Axis, type Place } from '../src/study/axes.ts';
import { popularityChart } from '../src/study/charts.ts';
import { comparisonsOf, testFamily } from '../src/study/comparisons.ts';
import { effectTable, effectWords } from '../src/study/effects.ts';
import { recallOf, studyRows, valuesOn, type Measure, type StudyResult } from '../src/study/results.ts';
import { runsTable } from '../src/study/runsTable.ts';
import { studyTable } from '../src/study/table.ts';

const values = (...names: string[]) => names.map((value) => ({ value, title: value }));
const ids = {
  key: 'ids',
  title: 'IDs',
  setting: true,
  values: [true, false].map((value) => ({
    value,
    title: value ? 'IDs' : 'no IDs',
    cell: value ? 'yes' : 'no',
  })),
};
const axes: Axis[] = [
  { key: 'target', title: 'target', setting: true, values: values('a', 'b') },
  ids,
  { key: 'start', title: 'start', values: values('scratch', 'pre-trained') },
];
const withModels: Axis[] = [
  ...axes.slice(0, 2),
  { key: 'variant', title: 'model', values: values('plain', 'other') },
  ...axes.slice(2),
];
const measure: Measure = { metric: 'ndcg@10', cutoffs: [10], ties: 'mid-rank' };
const byStart = { title: 'What pre-training changed', along: 'start', against: 'scratch' };
const byModel = { title: 'What each model changed', along: 'variant', against: 'plain' };

function rowsOf(target: string, ranks: number[]): StudyResult['rows'] {
  return {
    ...placesOf(ranks),
    ...{ domain: target, split: 'test', history: 'keep', items: 100, modalityNames: [] },
    targetCounts: Int32Array.of(0, 4, 5, 90),
  };
}

/** A finished run with the given ranks of four test rows, of which the first two want a cold item. */
function run(start: string, seed: number, ranks: number[], more: Place = {}): StudyResult {
  const place = { target: 'a', ids: false, start, ...more };
  const hits = ranks.filter((rank) => rank <= 10).length / ranks.length;
  const summary = {
    reason: 'epochs',
    seed,
    epochs: 5,
    steps: 10,
    best: { checkpoint: 'step-00000004', epoch: 2 + seed, step: 4, valid: { 'ndcg@10': 0.1 * seed } },
    test: { 'recall@10': hits, 'ndcg@10': hits, mrr: 0.5 },
    parameters: { total: 100, trainable: start === 'scratch' ? 100 : 40 },
    timings: { totalSeconds: seed, epochSeconds: 1, examplesPerSecond: 1, testSeconds: 1 },
  } satisfies Summary;
  const name = `${place.target}-${start}-${seed}`;
  const details = { domain: 'a', interests: null };
  return { name, place, seed, directory: name, summary, details, rows: rowsOf('a', ranks) };
}

describe('studyRows', () => {
  const results = [
    run('pre-trained', 1, [1, 1, 1, 1]),
    run('pre-trained', 2, [1, 99, 1, 99]),
    run('scratch', 1, [50, 50, 1, 1]),
    run('scratch', 1, [1, 1, 1, 1], { target: 'b', ids: true }),
  ];

  it('takes mean and deviation over seeds, of all rows and of those with cold items', () => {
    const [scratch, preTrained, other] = studyRows(axes, results, measure);
    expect([scratch!.place['start'], preTrained!.place['start'], other!.place['target']]).toEqual([
      ...['scratch', 'pre-trained', 'b'],
    ]);
    // Recall@10 of the two seeds: 1 and 1/2; of the two cold rows: 1 and 1/2.
    expect(preTrained!.test['recall@10']).toMatchObject({ mean: 0.75, count: 2 });
    expect(preTrained!.test['recall@10']!.deviation).toBeCloseTo(Math.sqrt(2) / 4, 12);
    expect(preTrained!.cold).toMatchObject({ mean: 0.75, count: 2 });
    expect(preTrained).toMatchObject({ coldRows: 2, coldInteractions: 2, testRows: 4, testInteractions: 4 });
    expect(scratch!.cold).toMatchObject({ mean: 0, count: 1 });
    expect(scratch!.test['recall@10']).toMatchObject({ mean: 0.5, deviation: 0 });
    expect(preTrained).toMatchObject({ seeds: [1, 2], trainable: 40, bestEpoch: { mean: 3.5 } });
  });

  it('tells rows from interactions where a row has several', () => {
    const one = run('scratch', 1, [1, 50, 50, 1]);
    // Two users: the first wants both cold items and a warm one, the second a warm one.
    const rows = { ...one.rows, relevantEnds: Int32Array.of(3, 4) };
    const [line] = studyRows(axes, [{ ...one, rows }], measure);
    expect(line).toMatchObject({ testRows: 2, testInteractions: 4, coldRows: 1, coldInteractions: 2 });
    expect(line!.cold).toMatchObject({ mean: 0.5 });
    const chart = popularityChart(axes, one.place, [{ ...one, rows }], measure);
    expect(chart).toMatch(/0 \(1 interaction\)/);
    expect(popularityChart(axes, one.place, [one], measure)).toMatch(/0 \(1 row\)/);
  });

  it('lists every run in long form', () => {
    const { columns, rows } = runsTable(axes, results);
    expect(columns.map(({ title }) => title)).toEqual([
      'target',
      'ids',
      'start',
      'seed',
      'run',
      'split',
      'metric',
      'value',
    ]);
    // One validation metric and three of the test a run.
    expect(rows).toHaveLength(results.length * 4);
    const place = { target: 'a', ids: 'false', start: 'pre-trained', seed: 2, run: 'a-pre-trained-2' };
    expect(rows.filter(({ run: name }) => name === place.run)).toEqual([
      { ...place, split: 'valid', metric: 'ndcg@10', value: 0.2 },
      { ...place, split: 'test', metric: 'recall@10', value: 0.5 },
      { ...place, split: 'test', metric: 'ndcg@10', value: 0.5 },
      { ...place, split: 'test', metric: 'mrr', value: 0.5 },
    ]);
  });

  it('makes one table of it, with the best of each target marked', () => {
    const text = tableToText(studyTable(axes, studyRows(axes, results, measure), measure));
    expect(text).toMatch(/a +no +scratch +0\.5000 /);
    expect(text).toMatch(/a +no +pre-trained +0\.7500 ± 0\.3536\*/);
    expect(text).not.toContain('MRR');
  });
});

describe('studyTable', () => {
  it('puts baselines first, and takes cold items apart in them too', () => {
    const baseline = {
      place: { target: 'a' },
      name: 'item-cf' as const,
      test: { 'recall@10': 0.875, mrr: 0.5 },
      rows: rowsOf('a', [1, 11, 1, 1]),
    };
    const lines = studyRows(axes, [run('scratch', 1, [1, 50, 1, 99])], measure);
    const { columns, rows } = studyTable(axes, lines, measure, [baseline]);
    expect(columns.map(({ key }) => key)).not.toContain('variant');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({
      target: 'a',
      start: 'item-CF cosine',
      'recall@10': 0.875,
      'ndcg@10': null,
      cold: 0.5,
    });
    expect(rows[1]).toMatchObject({ ids: 'no', start: 'scratch', valid: { mean: 0.1 } });
  });

  it('names models where there are several, in a column of their own', () => {
    const results = ['plain', 'other'].flatMap((variant) =>
      [1, 2].map((seed) =>
        run('scratch', seed, variant === 'plain' ? [1, 1, 1, 1] : [99, 1, 1, 99], { variant }),
      ),
    );
    const text = tableToText(studyTable(withModels, studyRows(withModels, results, measure), measure));
    expect(text).toMatch(/a +no +plain +scratch +1\.0000 ± 0\.0000\*/);
    expect(text).toMatch(/a +no +other +scratch +0\.5000 /);
  });

  it('follows the validation metric', () => {
    const byMrr: Measure = { metric: 'mrr', cutoffs: [5, 20], ties: 'mid-rank' };
    expect(recallOf(byMrr)).toBe('recall@5');
    expect(recallOf({ ...byMrr, metric: 'ndcg@20' })).toBe('recall@20');
    const lines = studyRows(axes, [run('scratch', 1, [1, 50, 1, 99])], byMrr);
    const titles = studyTable(axes, lines, byMrr).columns.map(({ title }) => title);
    expect(titles).toContain('MRR');
    expect(titles).toContain('Recall@5 cold');
    expect(lines[0]!.valid).toBeUndefined();
  });
});

describe('comparisonsOf', () => {
  it('pairs test rows of the same seeds', () => {
    const [effect, ...rest] = comparisonsOf(
      axes,
      [
        run('pre-trained', 1, [1, 3, 99, 99]),
        run('pre-trained', 2, [99, 3, 99, 99]),
        run('pre-trained', 3, [1, 1, 1, 1]), // no run from scratch to compare with
        run('scratch', 1, [99, 1, 99, 99]),
        run('scratch', 2, [99, 1, 99, 3]),
      ],
      byStart,
      measure,
    );
    expect(rest).toEqual([]);
    // Gain of rank 1 is 1, of rank 3 it is 1 / log2(4) = 1/2, beyond 10 it is 0.
    expect([...effect!.values]).toEqual([0.5, 0.5, 0, 0]);
    expect([...effect!.baseValues]).toEqual([0, 1, 0, 0.25]);
    // (1 + .5 - 1) / 4 and (.5 - 1 - .5) / 4.
    expect(effect!.bySeed).toEqual([0.125, -0.25]);
  });

  it('looks at cold items alone if asked', () => {
    const results = [run('pre-trained', 1, [1, 3, 1, 1]), run('scratch', 1, [99, 1, 99, 99])];
    const family = comparisonsOf(axes, results, byStart, measure, 'cold');
    // The first two rows want items with 0 and 4 training interactions.
    expect([...family[0]!.values]).toEqual([1, 0.5]);
    expect([...family[0]!.baseValues]).toEqual([0, 1]);
    expect(effectTable(axes, testFamily(family), 'ndcg@10').rows[0]).toMatchObject({
      rows: 2,
      difference: '+0.2500',
      seeds: 'one seed',
      wins: 1,
      losses: 1,
    });
  });

  it('looks at warm items alone if asked', () => {
    const { rows } = run('scratch', 1, [1, 100, 4, 2]);
    const of = (which?: 'all' | 'warm' | 'cold') => [...valuesOn(rows, 'recall@10', 'mid-rank', which)];
    expect(of()).toEqual([1, 0, 1, 1]);
    expect(of('cold')).toEqual([1, 0]);
    expect(of('warm')).toEqual([1, 1]);
  });

  it('compares each model with the first, start by start', () => {
    const results = ['scratch', 'pre-trained'].flatMap((start) => [
      run(start, 1, [1, 99, 99, 99], { variant: 'plain' }),
      run(start, 1, [3, start === 'scratch' ? 99 : 1, 99, 99], { variant: 'other' }),
    ]);
    const found = comparisonsOf(withModels, results, byModel, measure);
    expect(found.map((one) => [[...one.values], [...one.baseValues]])).toEqual([
      [
        [0.5, 0, 0, 0],
        [1, 0, 0, 0],
      ],
      [
        [0.5, 1, 0, 0],
        [1, 0, 0, 0],
      ],
    ]);
    const { rows } = effectTable(withModels, testFamily(found), 'ndcg@10');
    expect(rows.map(({ what }) => what)).toEqual([
      'other, scratch − plain, scratch',
      'other, pre-trained − plain, pre-trained',
    ]);
  });

  it('is empty where nothing differs along the axis', () => {
    expect(comparisonsOf(axes, [run('scratch', 1, [1, 2, 3, 4])], byStart, measure)).toEqual([]);
  });
});

describe('testFamily', () => {
  const many = (start: string, target: string, ranks: number[]): StudyResult => {
    const rows = { ...rowsOf(target, ranks), targetCounts: new Int32Array(ranks.length).fill(9) };
    return { ...run(start, 1, [1], { target }), rows };
  };
  const worse = [
    many('scratch', 'a', new Array<number>(40).fill(1)),
    many('pre-trained', 'a', new Array<number>(40).fill(5)),
  ];
  const alike = [many('scratch', 'b', [1, 2, 1, 2]), many('pre-trained', 'b', [2, 1, 1, 2])];

  it('corrects by Holm over the family and puts losses into words', () => {
    const family = testFamily(comparisonsOf(axes, [...worse, ...alike], byStart, measure));
    expect(family.map(({ permutation }) => permutation < 0.001)).toEqual([true, false]);
    expect(family[0]!.corrected).toBeCloseTo(2 * family[0]!.permutation, 12);
    expect(family[1]!.corrected).toBe(1);
    expect(effectWords(axes, family, 'ndcg@10')).toBe(
      'a, no IDs: pre-trained is **worse** than scratch by 0.6131 NDCG@10 (p < 0.001). The other difference is ' +
        'within chance.',
    );
    expect(effectWords(axes, family.slice(1), 'ndcg@10', ' on cold items')).toBe(
      'No difference in NDCG@10 on cold items is beyond chance at the level of 5 %.',
    );
  });

  it('tells the numbers and the largest of many differences', () => {
    const [one] = testFamily(comparisonsOf(axes, worse, byStart, measure));
    const family = [-0.1, 0.2, -0.3, 0.1, 0.1, 0.1, 0.1].map((difference, i) => ({
      ...one!,
      difference,
      corrected: i === 3 ? 0.5 : 0.0001,
    }));
    expect(effectWords(axes, family, 'ndcg@10')).toBe(
      'Of 7 differences in NDCG@10, 4 are **better** and 2 **worse** beyond chance. The largest: ' +
        'a, no IDs: pre-trained is **worse** than scratch by 0.3000 NDCG@10 (p < 0.001).',
    );
  });
});

describe('chartAxes', () => {
  const axis = (key: string, count: number, setting = false) => ({
    key,
    title: key,
    setting,
    values: Array.from({ length: count }, (_, value) => ({ value, title: `${key}${value}` })),
  });
  const all = [axis('target', 2, true), axis('model', 2), axis('tower', 5), axis('loss', 2)];
  const things = Array.from({ length: 20 }, (_, i) => ({
    place: { target: 0, model: i % 2, tower: (i >> 2) % 5, loss: (i >> 1) % 2 },
  }));
  const settings = (most?: number) =>
    chartAxes(all, things, most).flatMap(({ key, setting }) => (setting ? [key] : []));

  it('lets the choices of fewest values stand apart until the lines have colours', () => {
    expect(settings()).toEqual(['target', 'model', 'loss']);
    expect(settings(10)).toEqual(['target', 'model']);
    expect(settings(20)).toEqual(['target']);
  });

  it('leaves one choice together, however many values it has', () => {
    expect(settings(1)).toEqual(['target', 'model', 'loss']);
  });
});

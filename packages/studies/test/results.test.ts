import { describe, expect, it } from 'vitest';
import { tableToText } from '@ferry/report';
import type { Summary } from '@ferry/training';
import { preTrainingEffects, studyRows, variantEffects, type CellResult } from '../src/study/results.ts';
import { effectTable } from '../src/study/report.ts';
import { studyTable } from '../src/study/table.ts';

/** A finished run with the given ranks of four test rows, of which the first two want a cold item. */
function cell(
  start: CellResult['start'],
  seed: number,
  ranks: number[],
  { target = 'a', ids = false, variant }: Partial<CellResult> = {},
): CellResult {
  const hits = ranks.filter((rank) => rank <= 10).length / ranks.length;
  const summary = {
    reason: 'epochs',
    seed,
    epochs: 5,
    steps: 10,
    best: { checkpoint: 'step-00000004', epoch: 2 + seed, step: 4, valid: { 'ndcg@10': 0.1 * seed } },
    test: { 'recall@10': hits, mrr: 0.5 },
    parameters: { total: 100, trainable: start === 'scratch' ? 100 : 40 },
    timings: { totalSeconds: seed, epochSeconds: 1, sequencesPerSecond: 1, testSeconds: 1 },
  } satisfies Summary;
  const details = {
    domain: target,
    ranks,
    targetCounts: [0, 4, 5, 90],
    popularity: [],
    historyLength: [],
    modality: [],
    interests: null,
  };
  return {
    target,
    start,
    ids,
    ...(variant && { variant }),
    seed,
    directory: `${target}-${start}-${seed}`,
    summary,
    details,
  };
}

describe('studyRows', () => {
  const results = [
    cell('pre-trained', 1, [1, 1, 1, 1]),
    cell('pre-trained', 2, [1, 99, 1, 99]),
    cell('scratch', 1, [50, 50, 1, 1]),
    cell('scratch', 1, [1, 1, 1, 1], { target: 'b', ids: true }),
  ];

  it('takes mean and deviation over seeds, of all rows and of those with cold items', () => {
    const [scratch, preTrained, other] = studyRows(results);
    expect([scratch!.start, preTrained!.start, other!.target]).toEqual(['scratch', 'pre-trained', 'b']);
    // Recall@10 of the two seeds: 1 and 1/2; of the two cold rows: 1 and 1/2.
    expect(preTrained!.test['recall@10']).toMatchObject({ mean: 0.75, count: 2 });
    expect(preTrained!.test['recall@10']!.deviation).toBeCloseTo(Math.sqrt(2) / 4, 12);
    expect(preTrained!.cold).toMatchObject({ mean: 0.75, count: 2 });
    expect(preTrained!.coldRows).toBe(2);
    expect(scratch!.cold).toMatchObject({ mean: 0, count: 1 });
    expect(scratch!.test['recall@10']).toMatchObject({ mean: 0.5, deviation: 0 });
    expect(preTrained).toMatchObject({ seeds: [1, 2], trainable: 40, bestEpoch: { mean: 3.5 } });
  });

  it('makes one table of it, with the best of each target marked', () => {
    const text = tableToText(studyTable(studyRows(results)));
    expect(text).toMatch(/a +no +scratch +0\.5000 /);
    expect(text).toMatch(/a +no +pretrained +0\.7500 ± 0\.3536\*/);
    expect(text).not.toContain('MRR');
  });
});

describe('studyTable', () => {
  it('puts baselines first, and takes cold items apart in them too', () => {
    const baseline = {
      target: 'a',
      name: 'item-cf' as const,
      test: { 'recall@10': 0.875, mrr: 0.5 },
      ranks: [1, 11, 1, 1],
      targetCounts: [0, 4, 5, 90],
    };
    const { columns, rows } = studyTable(studyRows([cell('scratch', 1, [1, 50, 1, 99])]), [baseline]);
    expect(columns.map(({ key }) => key)).not.toContain('variant');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({ target: 'a', start: 'item-CF cosine', 'recall@10': 0.875, cold: 0.5 });
    expect(rows[1]).toMatchObject({ ids: 'no', start: 'scratch', valid: { mean: 0.1 } });
  });

  it('names models where there are several', () => {
    const results = ['wide', 'narrow'].flatMap((variant) =>
      [1, 2].map((seed) =>
        cell('scratch', seed, variant === 'wide' ? [1, 1, 1, 1] : [99, 1, 1, 99], { variant }),
      ),
    );
    const text = tableToText(studyTable(studyRows(results)));
    expect(text).toMatch(/a +no +wide +scratch +1\.0000 ± 0\.0000\*/);
    expect(text).toMatch(/a +no +narrow +scratch +0\.5000 /);
  });
});

describe('preTrainingEffects', () => {
  it('pairs test rows of the same seeds', () => {
    const [effect, ...rest] = preTrainingEffects([
      cell('pre-trained', 1, [1, 3, 99, 99]),
      cell('pre-trained', 2, [99, 3, 99, 99]),
      cell('pre-trained', 3, [1, 1, 1, 1]), // no run from scratch to compare with
      cell('scratch', 1, [99, 1, 99, 99]),
      cell('scratch', 2, [99, 1, 99, 3]),
    ]);
    expect(rest).toEqual([]);
    // Gain of rank 1 is 1, of rank 3 it is 1 / log2(4) = 1/2, beyond 10 it is 0.
    expect([...effect!.gains]).toEqual([0.5, 0.5, 0, 0]);
    expect([...effect!.baseGains]).toEqual([0, 1, 0, 0.25]);
  });

  it('looks at cold items alone if asked', () => {
    const results = [cell('pre-trained', 1, [1, 3, 1, 1]), cell('scratch', 1, [99, 1, 99, 99])];
    const [effect] = preTrainingEffects(results, { cold: true });
    // The first two rows want items with 0 and 4 training interactions.
    expect([...effect!.gains]).toEqual([1, 0.5]);
    expect([...effect!.baseGains]).toEqual([0, 1]);
    expect(effectTable([effect!])!.rows[0]).toMatchObject({
      rows: 2,
      difference: '+0.2500',
      wins: 1,
      losses: 1,
    });
  });

  it('is empty where nothing was pre-trained', () => {
    expect(preTrainingEffects([cell('scratch', 1, [1, 2, 3, 4])])).toEqual([]);
  });
});

describe('variantEffects', () => {
  it('compares each model with the first, start by start', () => {
    const results = (['scratch', 'pre-trained'] as const).flatMap((start) => [
      cell(start, 1, [1, 99, 99, 99], { variant: 'plain' }),
      cell(start, 1, [3, start === 'scratch' ? 99 : 1, 99, 99], { variant: 'other' }),
    ]);
    const found = variantEffects(results);
    expect(found.map(({ line, base }) => [line.variant, line.start, base.variant, base.start])).toEqual([
      ['other', 'scratch', 'plain', 'scratch'],
      ['other', 'pre-trained', 'plain', 'pre-trained'],
    ]);
    expect(found.map(({ gains, baseGains }) => [[...gains], [...baseGains]])).toEqual([
      [
        [0.5, 0, 0, 0],
        [1, 0, 0, 0],
      ],
      [
        [0.5, 1, 0, 0],
        [1, 0, 0, 0],
      ],
    ]);
    expect(effectTable(found)!.rows.map(({ what }) => what)).toEqual([
      'other, scratch − plain, scratch',
      'other, pretrained − plain, pretrained',
    ]);
  });

  it('is empty in a study of one model', () => {
    expect(variantEffects([cell('scratch', 1, [1, 2, 3, 4])])).toEqual([]);
  });
});

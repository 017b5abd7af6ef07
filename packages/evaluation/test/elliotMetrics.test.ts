import { describe, expect, it } from 'vitest';
import {
  elliotMetrics,
  elliotValue,
  pickRelevant,
  ratingGain,
  rowValues,
  trainingUse,
  type ElliotInputs,
} from '../src/index.ts';

/** Lists and relevant items, one user after the other. */
function inputsOf(
  rows: readonly { list: number[]; relevant: number[]; gains?: number[]; train: number[] }[],
  count: number,
  items = count,
): ElliotInputs {
  const ends = (of: (row: (typeof rows)[number]) => number[]): Int32Array => {
    let end = 0;
    return Int32Array.from(rows, (row) => (end += of(row).length));
  };
  const trained = ends(({ train }) => train);
  return {
    lists: {
      items: Int32Array.from(rows.flatMap(({ list }) => list)),
      listEnds: ends(({ list }) => list),
      relevant: Int32Array.from(rows.flatMap(({ relevant }) => relevant)),
      relevantEnds: ends(({ relevant }) => relevant),
      gains: Float32Array.from(rows.flatMap(({ gains, relevant }) => gains ?? relevant.map(() => 1))),
    },
    training: {
      ...trainingUse(
        {
          items: Int32Array.from(rows.flatMap(({ train }) => train)),
          starts: trained.map((_, r) => trained[r - 1] ?? 0),
          ends: trained,
        },
        count,
      ),
      items,
    },
    seen: (row) => rows[row]!.train,
  };
}

describe("Elliot's metrics", () => {
  it('are those of its formulas, worked out by hand', () => {
    // a, b, c are 1, 2, 3: rated a 5 and b 3, recommended a, c, b.
    const one = inputsOf(
      [{ list: [1, 3, 2], relevant: [1, 2], gains: [ratingGain(5), ratingGain(3)], train: [] }],
      3,
    );
    const expected = {
      Recall: 1,
      Precision: 2 / 3,
      HR: 1,
      nDCG: 0.9728976077,
      nDCGRendle2020: 0.9197207891,
      MRR: 1,
      MAP: (1 + 1 / 2 + 2 / 3) / 3,
      MAR: (1 / 2 + 1 / 2 + 1) / 3,
      F1: (2 * (2 / 3)) / (1 + 2 / 3),
      NumRetrieved: 3,
      UserCoverage: 1,
    };
    for (const [name, value] of Object.entries(expected))
      expect(elliotValue(one, name, 3).value, name).toBeCloseTo(value, 9);
  });

  it('look beyond accuracy as Elliot does, an unknown item among the relevant ones', () => {
    const inputs = inputsOf(
      [
        { list: [4], relevant: [4], train: [1, 2, 3] },
        { list: [3, 4], relevant: [5, 3], train: [1, 2] },
        { list: [2, 3], relevant: [2], train: [1, 4] },
      ],
      5,
      4,
    );
    const expected = {
      ...{ EFD: 1.8789504361, EPC: 0.4266046198, Gini: 0.5333333333, SEntropy: 1.4885947616 },
      ...{ ItemCoverage: 3, APLT: 0.5, ACLT: 2 / 3, ARP: 7 / 6, PopREO: 0, PopRSP: 0 },
    };
    for (const [name, value] of Object.entries(expected))
      expect(elliotValue(inputs, name, 2).value, name).toBeCloseTo(value, 9);
    expect(elliotValue(inputs, 'Gini', 2).rows).toBeUndefined();
    expect([...elliotValue(inputs, 'APLT', 2).rows!]).toEqual([1, 0.5, 0]);
  });

  it('tell how unevenly head and tail are served', () => {
    // Head: 1 (4 of 5 interactions), tail: 2. Of four users who want the head three find it, of four who want the tail one.
    const row = (list: number[], relevant: number[]) => ({ list, relevant, train: [] as number[] });
    const rows = [
      ...[row([1], [1]), row([1], [1]), row([1], [1]), row([2], [1])],
      ...[row([2], [2]), row([1], [2]), row([1], [2]), row([1], [2])],
      ...[1, 1, 1, 1, 2].map((item) => ({ list: [], relevant: [], train: [item] })),
    ];
    const value = elliotValue(inputsOf(rows, 2), 'PopREO', 1).value;
    expect(value).toBeCloseTo(0.5, 12);
    // Recommended: 6 of 9 users without the head, 2 of 12 without the tail.
    const [head, tail] = [6 / 9, 2 / 12];
    expect(elliotValue(inputsOf(rows, 2), 'PopRSP', 1).value).toBeCloseTo((head - tail) / (head + tail), 12);
  });

  it('leave out users without relevant items, and refuse what there is not', () => {
    const rows = [
      { list: [1], relevant: [1], train: [2] },
      { list: [2], relevant: [], train: [1] },
    ];
    expect(elliotValue(inputsOf(rows, 2), 'Recall', 1).value).toBe(1);
    expect(elliotValue(inputsOf(rows, 2), 'ItemCoverage', 1).value).toBe(2);
    expect(() => elliotValue(inputsOf(rows, 2), 'AUC', 1)).toThrow(/must be one of Recall/);
    for (const name of elliotMetrics)
      expect(elliotValue(inputsOf(rows, 2), name, 1), name).toHaveProperty('value');
  });
});

describe('some of the relevant items', () => {
  it('are what a row is measured by, and rows without any have no value', () => {
    const places = {
      better: Int32Array.of(0, 5, 1, 2),
      tied: new Int32Array(4),
      relevantEnds: Int32Array.of(2, 3, 4),
      gains: Float32Array.of(1, 3, 7, 15),
    };
    const some = pickRelevant(places, (item) => item !== 0 && item !== 2);
    expect([...some.better]).toEqual([5, 2]);
    expect([...some.relevantEnds]).toEqual([1, 1, 2]);
    expect([...some.gains!]).toEqual([3, 15]);
    expect([...rowValues(some, 'recall@3')]).toEqual([0, NaN, 1]);
  });
});

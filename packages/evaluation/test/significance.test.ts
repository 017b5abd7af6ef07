import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '@ferry/engine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  benjaminiHochberg,
  comparePaired,
  holm,
  pairedBootstrap,
  pairedPermutation,
  signTest,
  tTest,
  wilcoxon,
} from '../src/index.ts';
import { normalTails, studentTails } from '../src/distributions.ts';

/** What tools/parity/significance.py made by scipy. */
const scipy = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/significance.json'), 'utf8')) as {
  cases: { a: number[]; b: number[]; t: number; wilcoxon: number; error: number }[];
  tails: { t: number; degrees: number; p: number }[];
  normal: { z: number; p: number }[];
  corrected: { p: number[]; bh: number[] };
};

/** Whether a number agrees with another to some relative precision, however small both are. */
const close = (found: number, expected: number, precision = 1e-9): boolean =>
  Math.abs(found - expected) <= precision * Math.abs(expected);

const random = (seed = 1): RandomStream => RandomStream.fromSeed(seed);

describe('signTest', () => {
  it('gives exact binomial tails', () => {
    const zeros = (n: number): number[] => new Array<number>(n).fill(0);
    expect(signTest([1, 1, 1, 1, 1], zeros(5))).toBeCloseTo(2 / 32, 12);
    // 8 wins, 2 losses, one draw: 2 (1 + 10 + 45) / 1024.
    expect(signTest([1, 1, 1, 1, 1, 1, 1, 1, -1, -1, 0], zeros(11))).toBeCloseTo(112 / 1024, 12);
    expect(signTest([1, -1], zeros(2))).toBe(1);
    expect(signTest([3], [3])).toBe(1);
  });
});

describe('pairedPermutation', () => {
  it('comes close to the exact share of sign patterns', () => {
    // Differences 1 2 3 4 5, sum 15: of 32 patterns only all plus and all minus reach it.
    const p = pairedPermutation([1, 2, 3, 4, 5], [0, 0, 0, 0, 0], { random: random(), samples: 40_000 });
    expect(Math.abs(p - 2 / 32)).toBeLessThan(0.005);
    // 5 4 -1, sum 8: 8 or 10 in size comes from ++-, --+, +++ and ---: 4 of 8.
    const q = pairedPermutation([5, 4, 0], [0, 0, 1], { random: random(), samples: 40_000 });
    expect(Math.abs(q - 0.5)).toBeLessThan(0.01);
  });

  it('is 1 without any difference and never 0', () => {
    expect(pairedPermutation([1, 2], [1, 2], { random: random() })).toBe(1);
    const many = Array.from({ length: 100 }, () => 1);
    expect(
      pairedPermutation(
        many,
        many.map(() => 0),
        { random: random(), samples: 99 },
      ),
    ).toBe(0.01);
  });

  it('is uniform under the null hypothesis', () => {
    const stream = random(9);
    const below = Array.from({ length: 200 }, (_, i) => {
      const a = Array.from({ length: 30 }, () => stream.normal());
      const b = Array.from({ length: 30 }, () => stream.normal());
      return pairedPermutation(a, b, { random: random(i), samples: 400 }) < 0.2;
    }).filter(Boolean).length;
    // 40 expected, standard deviation 5.7.
    expect(Math.abs(below - 40)).toBeLessThan(20);
  });
});

describe('pairedBootstrap', () => {
  it('gives the normal interval for many rows', () => {
    const stream = random(4);
    const a = Array.from({ length: 2000 }, () => 0.3 + stream.normal());
    const b = a.map(() => 0);
    const mean = a.reduce((sum, x) => sum + x, 0) / 2000;
    const deviation = Math.sqrt(a.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 2000);
    const { difference, low, high } = pairedBootstrap(a, b, { random: random(), samples: 4000 });
    const half = (1.959964 * deviation) / Math.sqrt(2000);
    expect(difference).toBeCloseTo(mean, 12);
    expect(Math.abs(low - (mean - half))).toBeLessThan(0.1 * half);
    expect(Math.abs(high - (mean + half))).toBeLessThan(0.1 * half);
    const narrow = pairedBootstrap(a, b, { random: random(), samples: 4000, level: 0.5 });
    expect(Math.abs((narrow.high - narrow.low) / 2 / half - 0.67449 / 1.959964)).toBeLessThan(0.05);
  });

  it('holds the difference and turns round with the systems', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (a) => {
          const b = a.map((_, i) => (i % 3) / 3);
          const forth = pairedBootstrap(a, b, { random: random(), samples: 200 });
          const back = pairedBootstrap(b, a, { random: random(), samples: 200 });
          expect(forth.low).toBeLessThanOrEqual(forth.high);
          expect(back.low).toBeCloseTo(-forth.high, 10);
          expect(back.high).toBeCloseTo(-forth.low, 10);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('refuses what it cannot compare', () => {
    expect(() => pairedBootstrap([1], [1, 2], { random: random() })).toThrow(/got 1 and 2/);
    expect(() => pairedBootstrap([], [], { random: random() })).toThrow(/got 0 and 0/);
    expect(() => pairedBootstrap([NaN], [1], { random: random() })).toThrow(/finite, got NaN in row 0/);
    expect(() => pairedBootstrap([1], [1], { random: random(), level: 1 })).toThrow(/got 1/);
    expect(() => pairedPermutation([1], [1], { random: random(), samples: 0 })).toThrow(/samples .* got 0/);
  });
});

describe('comparePaired', () => {
  it('says everything at once and repeats itself', () => {
    const a = [1, 0, 1, 1, 0, 1];
    const b = [0, 0, 1, 0, 1, 0];
    const found = comparePaired(a, b, { random: random(), samples: 500 });
    expect(found).toMatchObject({ rows: 6, wins: 3, losses: 1, sign: 0.625 });
    expect(found.difference).toBeCloseTo(1 / 3, 12);
    expect(comparePaired(a, b, { random: random(), samples: 500 })).toEqual(found);
  });
});

describe('classic tests', () => {
  it("give scipy's p-values, the smallest ones too", () => {
    for (const { a, b, t, wilcoxon: w, error } of scipy.cases) {
      const difference = Float64Array.from(a, (value, i) => value - b[i]!);
      expect(close(tTest(difference), t), `t ${tTest(difference)} ${t}`).toBe(true);
      expect(close(wilcoxon(difference), w), `w ${wilcoxon(difference)} ${w}`).toBe(true);
      const found = comparePaired(a, b, { random: random(), samples: 10 });
      expect([found.t, found.wilcoxon]).toEqual([tTest(difference), wilcoxon(difference)]);
      expect(found.error).toBeCloseTo(error, 12);
    }
    for (const { t, degrees, p } of scipy.tails)
      expect(close(studentTails(t, degrees), p), `t ${t}, ${degrees}: ${studentTails(t, degrees)} ${p}`).toBe(
        true,
      );
    for (const { z, p } of scipy.normal) expect(close(normalTails(-z), p), `z ${z}`).toBe(true);
  });

  it('say 1 of systems that never differ', () => {
    expect([tTest(new Float64Array(3)), wilcoxon(new Float64Array(3))]).toEqual([1, 1]);
  });

  it('leave out rows that have no value in either', () => {
    const [a, b] = [
      [1, NaN, 0, 1],
      [0, NaN, 0, 0],
    ] as const;
    const found = comparePaired(a, b, { random: random(), samples: 50 });
    expect(found).toEqual(comparePaired([1, 0, 1], [0, 0, 0], { random: random(), samples: 50 }));
    expect(found.rows).toBe(3);
    expect(() => comparePaired([1, NaN], [0, 1], { random: random() })).toThrow(/finite, got NaN in row 1/);
  });
});

describe('benjaminiHochberg', () => {
  it("gives scipy's adjusted values", () => {
    const { p, bh } = scipy.corrected;
    benjaminiHochberg(p).forEach((value, i) => {
      expect(value).toBeCloseTo(bh[i]!, 12);
    });
    expect(benjaminiHochberg([])).toEqual([]);
    expect(() => benjaminiHochberg([-0.1])).toThrow(/got -0.1/);
  });
});

describe('holm', () => {
  it("gives statsmodels' adjusted values", () => {
    // multipletests([.01, .04, .03, .005], method='holm')
    const found = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((p, i) => {
      expect(found[i]).toBeCloseTo(p, 12);
    });
    expect(holm([])).toEqual([]);
    expect(holm([0.7, 0.8])).toEqual([1, 1]);
    expect(() => holm([1.1])).toThrow(/got 1.1/);
  });

  it('keeps the order, never lowers a value, and is at most Bonferroni', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }),
        (values) => {
          const adjusted = holm(values);
          adjusted.forEach((p, i) => {
            expect(p).toBeGreaterThanOrEqual(values[i]!);
            expect(p).toBeLessThanOrEqual(Math.min(1, values.length * values[i]!));
            adjusted.forEach((other, j) => {
              if (values[j]! >= values[i]!) expect(other).toBeGreaterThanOrEqual(p);
            });
          });
        },
      ),
    );
  });
});

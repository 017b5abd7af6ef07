import { describe, expect, it } from 'vitest';
import { gridPoints, randomPoints, spaceSize, type Space } from '../src/index.ts';

/** Numbers in [0, 1) that look random. */
function numbers(): () => number {
  let state = 1;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

describe('spaces of settings', () => {
  const space: Space = {
    a: { kind: 'choice', values: [1, 2] },
    b: { kind: 'choice', values: ['x', 'y', 'z'] },
  };

  it('are gone through whole, the last setting fastest', () => {
    expect(spaceSize(space)).toBe(6);
    expect(gridPoints(space).map(({ a, b }) => `${String(a)}${String(b)}`)).toEqual([
      ...['1x', '1y', '1z', '2x', '2y', '2z'],
    ]);
    expect(gridPoints({})).toEqual([{}]);
    expect(() => gridPoints({ c: { kind: 'uniform', low: 0, high: 1 } })).toThrow(/c is uniform/);
  });

  it('are drawn from, no point twice and all where there are fewer', () => {
    const points = randomPoints(space, 4, numbers());
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(4);
    expect(randomPoints(space, 4, numbers())).toEqual(points);
    expect(randomPoints(space, 99, numbers())).toEqual(gridPoints(space));
  });

  it('have the distributions that they name', () => {
    const of = (dimension: Space[string]): number[] =>
      randomPoints({ v: dimension }, 4000, numbers()).map(({ v }) => v as number);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const logs = of({ kind: 'loguniform', low: 1e-4, high: 1 }).map(Math.log10);
    expect([Math.min(...logs) >= -4, Math.max(...logs) <= 0]).toEqual([true, true]);
    expect(mean(logs)).toBeCloseTo(-2, 1);
    const normal = of({ kind: 'normal', mean: 3, deviation: 2 });
    expect(mean(normal)).toBeCloseTo(3, 0);
    expect(Math.sqrt(mean(normal.map((value) => (value - 3) ** 2)))).toBeCloseTo(2, 0);
    expect(of({ kind: 'lognormal', mean: 0, deviation: 1 }).every((value) => value > 0)).toBe(true);
    const steps = randomPoints({ v: { kind: 'uniform', low: 8, high: 64, step: 8 } }, 5, numbers());
    for (const { v } of steps) expect((v as number) % 8).toBe(0);
  });

  it('are given up where steps leave fewer points than are asked for', () => {
    const few = randomPoints({ v: { kind: 'uniform', low: 8, high: 64, step: 8 } }, 20, numbers());
    expect(few.map(({ v }) => v as number).sort((a, b) => a - b)).toEqual([8, 16, 24, 32, 40, 48, 56, 64]);
    const equal = randomPoints({ v: { kind: 'choice', values: [1, 1, 1] } }, 2, numbers());
    expect(equal).toEqual([{ v: 1 }]);
  });
});

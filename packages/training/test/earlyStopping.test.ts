import { describe, expect, it } from 'vitest';
import { roundMetric, stoppingStart, updateStopping } from '../src/index.ts';
import type { StoppingRule } from '../src/index.ts';

/** Index of the best value and of the one after which training stops. */
function replay(
  values: number[],
  rule: StoppingRule,
  patience: number | null,
): { best: number; stop: number | undefined } {
  let state = stoppingStart;
  let best = -1;
  for (const [i, value] of values.entries()) {
    const result = updateStopping(state, value, rule, patience);
    state = result.state;
    if (result.improved) best = i;
    if (state.stop) return { best, stop: i };
  }
  return { best, stop: undefined };
}

describe('roundMetric', () => {
  it('rounds as Python does', () => {
    // Left: x. Right: round(x, 4) in CPython.
    const cases: [number, number][] = [
      [0.03125, 0.0312],
      [0.09375, 0.0938],
      [0.21875, 0.2188],
      [0.15625, 0.1562],
      [0.53125, 0.5312],
      [0.00005, 0.0001],
      [0.00015, 0.0001],
      [0.09334999, 0.0933],
      [0.09335, 0.0934],
      [2.675, 2.675],
      [1, 1],
      [0, 0],
    ];
    for (const [x, rounded] of cases) expect([x, roundMetric(x)]).toEqual([x, rounded]);
  });
});

describe('the released rule', () => {
  it('stops at the 11th consecutive epoch without improvement', () => {
    const values = [0.5, 0.9, ...Array.from({ length: 20 }, () => 0.8)];
    expect(replay(values, 'released', 10)).toEqual({ best: 1, stop: 12 });
  });

  it('counts a tie of rounded values as an improvement', () => {
    expect(replay([0.09331, 0.09329], 'released', 10)).toEqual({ best: 1, stop: undefined });
    expect(replay([0.09331, 0.09324], 'released', 10)).toEqual({ best: 0, stop: undefined });
  });

  it('counts from the last tie', () => {
    const values = [0.9, 0.8, 0.9, ...Array.from({ length: 20 }, () => 0.1)];
    expect(replay(values, 'released', 2)).toEqual({ best: 2, stop: 5 });
  });

  it('reproduces the published run: best epoch 18, stop after epoch 29', () => {
    const values = [0.075, 0.0772, 0.0848, 0.085, 0.086, 0.087, 0.088, 0.089, 0.09, 0.0905, 0.0919, 0.0922];
    const rest = [
      0.092,
      0.0921,
      0.0922,
      0.0925,
      0.093,
      0.0932,
      0.0933,
      ...Array.from({ length: 30 }, () => 0.0903),
    ];
    expect(replay([...values, ...rest], 'released', 10)).toEqual({ best: 18, stop: 29 });
  });
});

describe('the strict rule', () => {
  it('wants more, unrounded, and stops at the patience-th epoch without', () => {
    expect(replay([0.5, 0.5, 0.5, 0.5], 'strict', 3)).toEqual({ best: 0, stop: 3 });
    expect(replay([0.09331, 0.093312, 0.1], 'strict', 1)).toEqual({ best: 2, stop: undefined });
  });

  it('stops at once with patience 0', () => {
    expect(replay([0.5, 0.5, 0.4], 'released', 0)).toEqual({ best: 1, stop: 2 });
    expect(replay([0.5, 0.5], 'strict', 0)).toEqual({ best: 0, stop: 1 });
  });

  it('never stops without patience', () => {
    const values = [1, ...Array.from({ length: 100 }, () => 0)];
    expect(replay(values, 'strict', null)).toEqual({ best: 0, stop: undefined });
  });
});

import { describe, expect, it } from 'vitest';
import { interestStatistics } from '../src/index.ts';

describe('interestStatistics', () => {
  it('counts by hand', () => {
    // Text tokens 0 0 1 2, image tokens 0 -1 3 3; interest 4 is empty.
    const found = interestStatistics(Int32Array.of(0, 0, 1, 2, 0, -1, 3, 3), {
      count: 5,
      modalities: ['text', 'image'],
    });
    expect([...found.sizes]).toEqual([3, 1, 1, 2, 0]);
    expect([...found.sizesByModality['text']!]).toEqual([2, 1, 1, 0, 0]);
    expect([...found.sizesByModality['image']!]).toEqual([1, 0, 0, 2, 0]);
    expect([...found.shareByModality['text']!]).toEqual([0.5, 0.25, 0.25, 0, 0]);
    expect(found.usedByModality).toEqual({ text: 3, image: 2 });
    expect(found).toMatchObject({ clustered: 7, leftOut: 1, empty: 1, singletons: 2, largest: 3, mixed: 1 });
    // Interest 0 mixes 2 to 1: entropy (2/3) ln(3/2) + (1/3) ln 3 over 3 of 7 points, in units of ln 2.
    const mixed = (2 / 3) * Math.log(3 / 2) + (1 / 3) * Math.log(3);
    expect(found.mixing).toBeCloseTo((3 * mixed) / 7 / Math.LN2, 12);
    const spread = -[3, 1, 1, 2].reduce((sum, n) => sum + (n / 7) * Math.log(n / 7), 0);
    expect(found.effective).toBeCloseTo(Math.exp(spread), 12);
  });

  it('knows the extremes of mixing', () => {
    const options = { count: 2, modalities: ['text', 'image'] };
    expect(interestStatistics(Int32Array.of(0, 0, 1, 1), options).mixing).toBe(0);
    expect(interestStatistics(Int32Array.of(0, 1, 1, 0), options).mixing).toBeCloseTo(1, 12);
    expect(interestStatistics(Int32Array.of(0, 1), { count: 2, modalities: ['text'] }).mixing).toBe(0);
  });

  it('refuses interests out of range and uneven modalities', () => {
    const options = { count: 2, modalities: ['text', 'image'] };
    expect(() => interestStatistics(Int32Array.of(0, 2), options)).toThrow(/0..1 or -1, got 2/);
    expect(() => interestStatistics(Int32Array.of(0, 1, 1), options)).toThrow(/got 3/);
  });
});

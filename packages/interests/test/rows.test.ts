import { describe, expect, it } from 'vitest';
import { fillSquaredDistances } from '../src/rows.ts';

describe('fillSquaredDistances', () => {
  it('gives |a|^2 + |b|^2 - 2ab, and 0 for what is rounding error', () => {
    const norms = Float32Array.of(9, 16, 25, 25, 25);
    // -2ab of a = (3, 4) with (3, 0), (0, 4), (-3, -4), with itself, and with itself but for rounding.
    const products = Float32Array.of(-18, -32, 50, -50, -50 + 8e-5);
    const squares = new Float32Array(5).fill(7);
    expect(fillSquaredDistances(squares, products, 25, norms)).toBe(100);
    expect([...squares]).toEqual([16, 9, 100, 0, 0]);
    const own = products.subarray(3);
    expect(fillSquaredDistances(squares.subarray(3), own, 25, norms.subarray(3))).toBe(0);
  });

  it('keeps what is just above the tolerance, and never gives less than 0', () => {
    const squares = new Float32Array(2);
    fillSquaredDistances(squares, Float32Array.of(-50 + 2e-4, -50 - 1e-4), 25, Float32Array.of(25, 25));
    expect(squares[0]).toBeGreaterThan(1e-4);
    expect(squares[1]).toBe(0);
  });

  it('rounds to single precision at every operation', () => {
    const [a, b, product] = [1.1, 2.2, -0.3].map(Math.fround) as [number, number, number];
    const squares = new Float32Array(1);
    fillSquaredDistances(squares, Float32Array.of(product), a, Float32Array.of(b));
    expect(squares[0]).toBe(Math.fround(product + Math.fround(a + b)));
  });
});

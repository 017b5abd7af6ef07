import { describe, expect, it } from 'vitest';
import { pixelDescriptor, pixelsWidth } from '@ferry/features';

/** A 64 x 64 picture from a function of x and y. */
function picture(colour: (x: number, y: number) => [number, number, number]): Uint8Array {
  return Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    return colour(pixel % 64, Math.floor(pixel / 64))[at % 3]!;
  });
}

const third = 1 / Math.sqrt(3);

describe('pixelDescriptor', () => {
  it('describes a plain red picture by hand-worked numbers', () => {
    const out = pixelDescriptor(picture(() => [255, 0, 0]));
    expect(out).toHaveLength(pixelsWidth);
    // Luma .299, less .5; chroma blue .564 (0 - .299), chroma red .713 (1 - .299); 16 cells alike, no deviation.
    const means = [0.299 - 0.5, 0.564 * -0.299, 0.713 * 0.701];
    const length = Math.sqrt(16 * means.reduce((sum, mean) => sum + mean * mean, 0) * 3);
    for (let cell = 0; cell < 16; cell++)
      for (const [plane, mean] of means.entries()) {
        expect(out[cell * 6 + plane * 2]).toBeCloseTo(mean / length, 5);
        expect(out[cell * 6 + plane * 2 + 1]).toBeCloseTo(0, 3);
      }
    expect(out.subarray(96, 224).every((value) => value === 0)).toBe(true);
    // Level (3, 0, 0) of the 4 x 4 x 4 histogram holds everything.
    expect([...out.subarray(224)].map((value) => Math.round(value * 1e6))).toEqual(
      Array.from({ length: 64 }, (_, at) => (at === 48 ? Math.round(third * 1e6) : 0)),
    );
  });

  it('finds the direction of edges', () => {
    const grey = (value: number): [number, number, number] => [value, value, value];
    const gradients = (colour: (x: number, y: number) => [number, number, number]) => {
      const out = pixelDescriptor(picture(colour)).subarray(96, 224);
      return Array.from({ length: 8 }, (_, bin) => {
        let sum = 0;
        for (let cell = 0; cell < 16; cell++) sum += out[cell * 8 + bin]!;
        return sum;
      });
    };
    // Brightness that grows along x has gradient angle 0: bin 0. Along y, a quarter turn: bin 4 of 8. Diagonal: bin 2.
    const expected = new Map([
      [0, gradients((x) => grey(x * 4))],
      [4, gradients((_, y) => grey(y * 4))],
      [2, gradients((x, y) => grey((x + y) * 2))],
    ]);
    for (const [bin, sums] of expected) {
      const total = sums.reduce((sum, value) => sum + value, 0);
      expect(sums[bin]! / total).toBeGreaterThan(0.9);
    }
  });

  it('gives the parts equal weight, and refuses other sizes', () => {
    const out = pixelDescriptor(picture((x, y) => [(x * 37) % 256, (y * 59) % 256, (x * y) % 256]));
    for (const [from, to] of [
      [0, 96],
      [96, 224],
      [224, 288],
    ])
      expect(Math.hypot(...out.subarray(from, to))).toBeCloseTo(third, 5);
    expect(() => pixelDescriptor(new Uint8Array(3))).toThrow(/must hold 12288 bytes, got 3/);
  });
});

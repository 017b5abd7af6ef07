import { describe, expect, it } from 'vitest';
import { philox4x32, RandomStream } from '../src/index.ts';

describe('philox4x32', () => {
  // Known-answer vectors published with Random123 (kat_vectors, philox4x32 10).
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('equals the published vector for counter %j', (counter, key, want) => {
    expect(philox4x32(counter, key)).toEqual(want);
  });
});

describe('RandomStream', () => {
  it('continues exactly from a saved state, at every offset within a block', () => {
    for (let drawn = 0; drawn < 9; drawn++) {
      const stream = RandomStream.fromSeed(7).split('a');
      for (let i = 0; i < drawn; i++) stream.uint32();
      const copy = RandomStream.restore(JSON.parse(JSON.stringify(stream.state())) as never);
      expect([copy.uint32(), copy.uint32()]).toEqual([stream.uint32(), stream.uint32()]);
    }
  });

  it('splits by name and index, whatever was drawn before', () => {
    const a = RandomStream.fromSeed(1);
    const b = RandomStream.fromSeed(1);
    b.uint32();
    expect(a.split('x').uint32()).toBe(b.split('x').uint32());
    const firsts = [a.split('x'), a.split('y'), a.split('x', 1), RandomStream.fromSeed(2).split('x')];
    expect(new Set(firsts.map((s) => s.uint32())).size).toBe(4);
  });

  it('has the moments of its distributions', () => {
    const stream = RandomStream.fromSeed(3);
    const n = 40_000;
    let mean = 0;
    let square = 0;
    let uniform = 0;
    for (let i = 0; i < n; i++) {
      const z = stream.normal();
      mean += z / n;
      square += (z * z) / n;
      uniform += stream.uniform() / n;
    }
    // Four standard errors: 4/sqrt(n) = 0.02 for the mean, sqrt(2) more for the square.
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(square - 1)).toBeLessThan(0.03);
    expect(Math.abs(uniform - 0.5)).toBeLessThan(0.006);
  });

  it('draws every integer equally often and shuffles to a permutation', () => {
    const stream = RandomStream.fromSeed(5);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[stream.integer(6)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    const order = stream.shuffle(Int32Array.from({ length: 50 }, (_, i) => i));
    expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...order]).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('refuses seeds and bounds that are no integers in range', () => {
    expect(() => RandomStream.fromSeed(-1)).toThrow(/seed must be a non-negative integer, got -1/);
    expect(() => RandomStream.fromSeed(0).integer(0)).toThrow(/got 0/);
  });
});

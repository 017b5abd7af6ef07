import { describe, expect, it } from 'vitest';
import { DEVICE_KERNELS, FAN_IN, MASK_BITS, segmentLevels } from '../src/runtime/deviceKernels.ts';
import { HOST_KERNELS } from '../src/runtime/hostKernels.ts';
import { HostMemory } from '../src/runtime/memory.ts';
import type { Node } from '../src/graph/types.ts';
import type { HostKernel } from '../src/runtime/hostKernel.ts';

const memory = new HostMemory();

/** Runs a host kernel on arrays outside the host memory. */
function run(
  kernel: HostKernel,
  attributes: Node['attributes'],
  input: Int32Array,
  ...outputs: (Int32Array | Float32Array)[]
) {
  const node = { op: '', domain: 'host', inputs: [], attributes, outputs: [], origin: '' } as Node;
  const operand = (array: Int32Array | Float32Array) => ({ array, offset: undefined });
  kernel.run(memory, node, [operand(input)], outputs.map(operand));
}

/** What a device does with the tables: sums of one number a row. */
function summed(rows: readonly number[], tables: readonly Int32Array[], places: Int32Array): number[] {
  const all: number[] = [];
  let source = [...rows, 0];
  for (const table of tables) {
    const sums = Array.from({ length: table.length / FAN_IN }, (_, s) =>
      table.subarray(s * FAN_IN, (s + 1) * FAN_IN).reduce((sum, at) => sum + source[at]!, 0),
    );
    all.push(...sums);
    source = sums;
  }
  return Array.from(places, (at) => all[at]!);
}

describe('sums of segments by passes', () => {
  const ids: readonly [name: string, count: number, ids: number[]][] = [
    ['one row', 3, [1]],
    ['one segment', 1, Array.from({ length: 600 }, () => 0)],
    ['each row its own', 50, Array.from({ length: 50 }, (_, i) => 49 - i)],
    ['ids outside, and all of them outside', 4, [-1, 4, 7, 2 ** 31 - 1]],
    ['a few rows of many segments', 1000, [3, 999, 3, -5, 0, 1000, 3]],
    [
      'as many as a sum takes, and one more',
      3,
      [...Array<number>(FAN_IN).fill(0), ...Array<number>(FAN_IN + 1).fill(2)],
    ],
    [
      'frequent and rare ones',
      300,
      Array.from({ length: 5000 }, (_, i) => Math.floor(300 * ((i * 0.618) % 1) ** 4)),
    ],
    ['all passes full', 9, Array.from({ length: 585 }, (_, i) => (i < 577 ? 0 : i - 576))],
  ];
  it.each(ids)('%s', (_name, count, given) => {
    const levels = segmentLevels(given.length, count);
    const tables = levels.map((sums) => new Int32Array((sums + 1) * FAN_IN).fill(-9));
    const places = new Int32Array(count);
    run(DEVICE_KERNELS['SegmentTree']!, { count }, Int32Array.from(given), ...tables, places);
    const rows = given.map((_, i) => 2 ** (i % 20) + i);
    const wanted = Array.from({ length: count }, () => 0);
    given.forEach((id, i) => {
      if (id >= 0 && id < count) wanted[id]! += rows[i]!;
    });
    expect(summed(rows, tables, places)).toEqual(wanted);
  });

  it('have room for every way to part rows among segments', () => {
    // A table that is too small drops rows without a word, so all ways to part few rows are tried.
    const parts = (rows: number, segments: number, most: number): number[][] =>
      segments === 0
        ? [[]]
        : Array.from({ length: Math.min(rows, most) + 1 }, (_, own) => own).flatMap((own) =>
            parts(rows - own, segments - 1, own).map((rest) => [own, ...rest]),
          );
    for (const sizes of [...parts(40, 3, 40), ...parts(18, 5, 18), ...parts(150, 2, 150)]) {
      const given = sizes.flatMap((size, id) => Array<number>(size).fill(id));
      if (given.length === 0) continue;
      const levels = segmentLevels(given.length, sizes.length);
      const tables = levels.map((sums) => new Int32Array((sums + 1) * FAN_IN));
      const places = new Int32Array(sizes.length);
      run(DEVICE_KERNELS['SegmentTree']!, { count: sizes.length }, Int32Array.from(given), ...tables, places);
      const ones = given.map(() => 1);
      expect(summed(ones, tables, places)).toEqual(sizes);
    }
  });
});

describe('bits of a mask', () => {
  it.each([
    [1, 0.5],
    [31, 0.1],
    [32_768 + 5, 0.9],
    [100_001, 0.25],
    [32_768 * 31 + 77, 0.5],
  ])('%i elements at a rate of %d are those of the mask', (size, rate) => {
    const key = Int32Array.of(7, -8, 9, 10);
    const attributes = { site: 3, threshold: Math.round(rate * 65536), size };
    const mask = new Float32Array(size);
    const words = new Int32Array(Math.ceil(size / MASK_BITS));
    run(HOST_KERNELS['KeepMask']!, attributes, key, mask);
    run(DEVICE_KERNELS['KeepBits']!, attributes, key, words);
    expect(words.every((word) => word >= 0)).toBe(true);
    const bits = Array.from(mask, (_, i) => (words[Math.floor(i / MASK_BITS)]! >> (i % MASK_BITS)) & 1);
    expect(bits).toEqual(Array.from(mask, (kept) => Number(kept !== 0)));
  });
});

import { describe, expect, it } from 'vitest';
import { Graph, PROCESSOR, type OutputSpec, type Target } from '../src/graph/graph.ts';
import { webgpu } from '../src/graph/webgpu.ts';
import { Executable } from '../src/runtime/executable.ts';
import { DEVICE_KERNELS, FAN_IN, MASK_BITS, segmentLevels } from '../src/runtime/deviceKernels.ts';
import { HOST_KERNELS } from '../src/runtime/hostKernels.ts';
import { HostMemory } from '../src/runtime/memory.ts';
import type { HostArray, Node } from '../src/graph/types.ts';
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

describe('the graphs of a device, which the processor runs as well', () => {
  type Feeds = readonly [dtype: 'int32' | 'float32', shape: readonly number[], array: HostArray][];

  /** What an operator of a target yields. */
  function computed(
    target: Target,
    op: string,
    feeds: Feeds,
    output: OutputSpec,
    attributes: Node['attributes'],
  ): number[] {
    const g = new Graph(target);
    const inputs = feeds.map(([dtype, shape]) => g.input(dtype, shape));
    const outputs = g.many(op, inputs, [output], { domain: 'host', attributes });
    expect(g.nodes.some((node) => node.op === op)).toBe(target === PROCESSOR);
    const program = { name: op, nodes: g.nodes, inputs, outputs };
    const executable = new Executable(program, memory, { threads: 1, providers: ['cpu'] });
    const [found] = executable.run(feeds.map(([, , array]) => ({ array, offset: undefined })));
    executable.dispose();
    return Array.from(found as Float32Array);
  }

  it.each([
    ['of one element', [1], 0.5],
    ['of one word and a bit', [4, 8], 0.5],
    ['of many words', [37, 111], 0.1],
    ['that drops almost all', [3, 5, 70], 0.97],
  ])('a mask %s', (_name, shape, rate) => {
    const feeds: Feeds = [['int32', [4], Int32Array.of(5, -6, 7, 8)]];
    const attributes = { site: 2, threshold: Math.round(rate * 65536) };
    const of = (target: Target): number[] =>
      computed(target, 'KeepMask', feeds, { dtype: 'float32', shape }, attributes);
    expect(of(webgpu)).toEqual(of(PROCESSOR));
  });

  it.each([
    ['of numbers', 40, [], 7],
    ['of rows', 300, [4], 50],
    ['of matrices, frequent and rare', 2000, [2, 3], 60],
    ['of segments that are mostly empty', 20, [4], 1000],
  ])('sums %s', (_name, n, rest, count) => {
    const width = rest.reduce((product, size) => product * size, 1);
    // Sums of whole numbers are exact in any order. A few rows belong to no segment.
    const rows = Float32Array.from({ length: n * width }, (_, i) => ((i * 37) % 101) - 50);
    const ids = Int32Array.from(
      { length: n },
      (_, i) => Math.floor((count + 2) * ((i * 0.618) % 1) ** 3) - 1,
    );
    const feeds: Feeds = [
      ['float32', [n, ...rest], rows],
      ['int32', [n], ids],
    ];
    const output = { dtype: 'float32', shape: [count, ...rest] } as const;
    const of = (target: Target): number[] => computed(target, 'SegmentSum', feeds, output, { count, width });
    const sums = of(webgpu);
    expect(sums).toEqual(of(PROCESSOR));
    expect(sums.some((sum) => sum !== 0)).toBe(true);
  });
});

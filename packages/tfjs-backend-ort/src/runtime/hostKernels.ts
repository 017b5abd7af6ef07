import type { HostArray, Node } from '../graph/types.ts';
import type { HostMemory } from './memory.ts';

/** What a host kernel reads or writes: a view, and its place if it lies in the host memory. */
export interface Operand {
  array: HostArray;
  offset: number | undefined;
}

/** A kernel that runs between two sessions. */
export interface HostKernel {
  /** Which inputs must lie in the host memory; others are copied there first. */
  inMemory: readonly number[];
  /** Outputs that are the same memory as an input: output index to input index. */
  inPlace?: Readonly<Record<number, number>>;
  run(memory: HostMemory, node: Node, inputs: readonly Operand[], outputs: readonly Operand[]): void;
}

/** Host kernels by the name their nodes carry. */
export const HOST_KERNELS: Readonly<Record<string, HostKernel>> = {
  KeepMask: {
    inMemory: [],
    run: (memory, node, [key], [out]) => {
      const { site, threshold } = node.attributes as { site: number; threshold: number };
      const scale = 65536 / (65536 - threshold);
      memory.kernels.keepMask(out!.offset!, out!.array.length, threshold, scale, ...words(key!), site);
    },
  },
  Uniform: {
    inMemory: [],
    run: (memory, node, [key], [out]) => {
      memory.kernels.uniform(
        out!.offset!,
        out!.array.length,
        ...words(key!),
        node.attributes['site'] as number,
      );
    },
  },
  SegmentSum: {
    inMemory: [0, 1],
    run: (memory, node, [rows, ids], [out]) => {
      const { count, width } = node.attributes as { count: number; width: number };
      memory.kernels.segmentSum(out!.offset!, rows!.offset!, ids!.offset!, ids!.array.length, width, count);
    },
  },
  Adam: {
    inMemory: [3],
    inPlace: { 0: 0, 1: 1, 2: 2 },
    run: (memory, _node, [value, m, v, gradient, control, scale]) => {
      const c = control!.array as Float32Array;
      const factor = c[9]! * (scale ? (scale.array as Float32Array)[0]! : 1);
      memory.kernels.adam(
        value!.offset!,
        m!.offset!,
        v!.offset!,
        gradient!.offset!,
        value!.array.length,
        ...c.subarray(0, 9),
        factor,
      );
    },
  },
};

function words(key: Operand): number[] {
  return [...(key.array as Int32Array)];
}

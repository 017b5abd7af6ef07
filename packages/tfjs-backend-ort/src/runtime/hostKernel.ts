import type { HostArray, Node } from '../graph/types.ts';
import type { HostMemory } from './memory.ts';

/** What a host kernel reads or writes: a view, and its place in bytes if it lies in the host memory. */
export interface Operand {
  array: HostArray;
  offset: number | undefined;
}

/** A kernel that runs between two sessions. */
export interface HostKernel {
  /** Which inputs are copied to the scratch unless they lie in the host memory, so that they do where it has room. */
  inMemory: readonly number[];
  /** Outputs that are the same memory as an input: output index to input index. */
  inPlace?: Readonly<Record<number, number>>;
  run(memory: HostMemory, node: Node, inputs: readonly Operand[], outputs: readonly Operand[]): void;
}

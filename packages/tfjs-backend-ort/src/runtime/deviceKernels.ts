import type { HostKernel } from './hostKernel.ts';
import { HostMemory } from './memory.ts';

/** Bits of a word of a packed mask: as many as keep it from being negative. */
export const MASK_BITS = 31;

/** Rows that one sum of {@link segmentLevels} has at most. */
export const FAN_IN = 8;

/**
 * Sums of one pass over n rows that belong to at most `count` segments: pass k adds up to {@link FAN_IN} rows, or sums of
 * pass k - 1, of one segment each. Segments that are done leave; the last pass leaves none.
 *
 * @returns How many sums each pass makes at most.
 */
export function segmentLevels(n: number, count: number): number[] {
  const levels: number[] = [];
  // In pass k are segments of more than FAN_IN^(k - 1) rows; each has a sum for every FAN_IN^k of them, and one for the
  // rest.
  let segments = Math.min(count, n);
  for (let size = FAN_IN; segments > 0; size *= FAN_IN) {
    levels.push(Math.floor((n - segments) / size) + segments);
    segments = Math.min(count, Math.floor(n / (size + 1)));
  }
  return levels;
}

/** Host kernels that prepare what a device computes. */
export const DEVICE_KERNELS: Readonly<Record<string, HostKernel>> = {
  // The mask of KeepMask, a bit an element: [ceil(size / MASK_BITS)] int32.
  KeepBits: {
    inMemory: [],
    run: (memory, node, [key], [out]) => {
      const { site, threshold, size } = node.attributes as { site: number; threshold: number; size: number };
      const words = out!.array as Int32Array;
      const stage = memory.stage(0);
      // Words of a stage at a time, whose elements are whole blocks of the generator.
      for (let at = 0; at < words.length; at += HostMemory.stageSize) {
        const own = Math.min(HostMemory.stageSize, words.length - at);
        const from = at * MASK_BITS;
        const elements = Math.min(own * MASK_BITS, size - from);
        memory.kernels.keepBits(stage, from, elements, threshold, ...(key!.array as Int32Array), site);
        words.set(new Int32Array(memory.buffer, stage, own), at);
      }
    },
  },
  // For each pass of segmentLevels which rows each sum reads, [sums + 1, FAN_IN] int32, and last, for each segment, which
  // of all sums is its own, [count] int32.
  SegmentTree: {
    inMemory: [],
    run: (_memory, node, [ids], outputs) => {
      const { count } = node.attributes as { count: number };
      const tables = outputs.map(({ array }) => array as Int32Array);
      segmentTree(ids!.array as Int32Array, count, tables.slice(0, -1), tables.at(-1)!);
    },
  },
};

/** Rows of ids outside [0, count) belong to no segment. Rows of one segment are added in their order. */
function segmentTree(
  ids: Int32Array,
  count: number,
  levels: readonly Int32Array[],
  places: Int32Array,
): void {
  const sizes = new Int32Array(count);
  for (const id of ids) if (id >= 0 && id < count) sizes[id]!++;
  // Where the rows of a segment begin in the order of segments, later where its sums begin.
  const firsts = new Int32Array(count);
  for (let id = 1; id < count; id++) firsts[id] = firsts[id - 1]! + sizes[id - 1]!;
  const next = firsts.slice();
  const order = new Int32Array(ids.length);
  for (const [row, id] of ids.entries()) if (id >= 0 && id < count) order[next[id]!++] = row;
  let left: number[] = [];
  for (let id = 0; id < count; id++) if (sizes[id]! > 0) left.push(id);
  // The last sum of a pass reads zeros alone: who has no rows, and what a sum lacks in the pass behind, is that.
  let missing = ids.length;
  let before = 0;
  places.fill(levels[0]!.length / FAN_IN - 1);
  for (const [pass, table] of levels.entries()) {
    table.fill(missing);
    let sums = 0;
    const more: number[] = [];
    for (const id of left) {
      const first = firsts[id]!;
      const size = sizes[id]!;
      firsts[id] = sums;
      for (let k = 0; k < size; k++) table[sums * FAN_IN + k] = pass === 0 ? order[first + k]! : first + k;
      sizes[id] = Math.ceil(size / FAN_IN);
      sums += sizes[id];
      if (sizes[id] === 1) places[id] = before + firsts[id];
      else more.push(id);
    }
    missing = table.length / FAN_IN - 1;
    before += table.length / FAN_IN;
    left = more;
  }
}

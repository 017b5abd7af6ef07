import { COUNT_KERNELS } from './countKernels.ts';
import { DEVICE_KERNELS } from './deviceKernels.ts';
import { GATHERED_KERNELS } from './gatheredKernels.ts';
import type { HostKernel, Operand } from './hostKernel.ts';
import { HostMemory } from './memory.ts';
import { NEAREST_KERNELS } from './nearestKernel.ts';
import { SPARSE_KERNELS } from './sparseKernels.ts';

/** Host kernels by the name their nodes carry. */
export const HOST_KERNELS: Readonly<Record<string, HostKernel>> = {
  ...COUNT_KERNELS,
  ...DEVICE_KERNELS,
  ...GATHERED_KERNELS,
  ...NEAREST_KERNELS,
  ...SPARSE_KERNELS,
  KeepMask: {
    inMemory: [],
    run: (memory, node, [key], [out]) => {
      const { site, threshold } = node.attributes as { site: number; threshold: number };
      const scale = 65536 / (65536 - threshold);
      inPieces(memory, [], [out!], ([at], from, size) => {
        memory.kernels.keepMask(at!, from, size, threshold, scale, ...words(key!), site);
      });
    },
  },
  Uniform: {
    inMemory: [],
    run: (memory, node, [key], [out]) => {
      const { site } = node.attributes as { site: number };
      inPieces(memory, [], [out!], ([at], from, size) => {
        memory.kernels.uniform(at!, from, size, ...words(key!), site);
      });
    },
  },
  SegmentSum: {
    inMemory: [0, 1],
    run: (memory, node, [rows, ids], [out]) => {
      const { count, width } = node.attributes as { count: number; width: number };
      const operands = [out!, rows!, ids!];
      if (operands.every(({ offset }) => offset !== undefined))
        memory.kernels.segmentSum(out!.offset!, rows!.offset!, ids!.offset!, ids!.array.length, width, count);
      else segmentSum(...(operands.map(({ array }) => array) as FloatsAndIds), width, count);
    },
  },
  Adam: {
    inMemory: [3],
    inPlace: { 0: 0, 1: 1, 2: 2 },
    run: (memory, _node, [value, m, v, gradient, control, scale]) => {
      const c = control!.array as Float32Array;
      const factor = c[9]! * (scale ? (scale.array as Float32Array)[0]! : 1);
      inPieces(memory, [gradient!], [value!, m!, v!], ([x, first, second, g], _from, size) => {
        memory.kernels.adam(x!, first!, second!, g!, size, ...c.subarray(0, 9), factor);
      });
    },
  },
  LazyAdam: {
    inMemory: [],
    inPlace: { 0: 0, 1: 1, 2: 2 },
    run: (memory, _node, [value, m, v, rows, ids, control]) => {
      lazyAdam(memory, [value!, m!, v!], rows!, ids!.array as Int32Array, control!.array as Float32Array);
    },
  },
};

/** Adam on the rows that ids name: they are gathered in stages, moved there, and put back. */
function lazyAdam(
  memory: HostMemory,
  state: readonly Operand[],
  rows: Operand,
  ids: Int32Array,
  c: Float32Array,
): void {
  const width = rows.array.length / Math.max(ids.length, 1);
  const tables = state.map(({ array }) => array as Float32Array);
  const count = tables[0]!.length / width;
  const stages = [0, 1, 2, 3].map(
    (i) => new Float32Array(memory.buffer, memory.stage(i), HostMemory.stageSize),
  );
  const gradients = rows.array as Float32Array;
  // Rows with one id follow one another, in their order.
  const order = ids.map((_, i) => i).sort((a, b) => ids[a]! - ids[b]! || a - b);
  // Wider rows go through the stages in parts.
  const part = Math.min(width, HostMemory.stageSize);
  const room = Math.floor(HostMemory.stageSize / part);
  const [lr, beta1, rest1, beta2, rest2, epsilon, , correction1, correction2, factor] = c;
  // torch.optim.SparseAdam adds epsilon to the root as it is, Adam to the corrected one.
  const own = epsilon! / Math.sqrt(correction2!);
  for (let from = 0; from < width; from += part) {
    const size = Math.min(part, width - from);
    let at = 0;
    while (at < order.length) {
      const held: number[] = [];
      for (; at < order.length; at++) {
        const id = ids[order[at]!]!;
        if (id < 0 || id >= count) continue;
        const row = gradients.subarray(order[at]! * width + from, order[at]! * width + from + size);
        const slot = held.length * size;
        if (held.at(-1) === id) {
          const sum = stages[3]!;
          for (let j = 0; j < size; j++) sum[slot - size + j]! += row[j]!;
          continue;
        }
        if (held.length === room) break;
        held.push(id);
        stages[3]!.set(row, slot);
        tables.forEach((table, i) => {
          stages[i]!.set(table.subarray(id * width + from, id * width + from + size), slot);
        });
      }
      const [x, first, second, g] = [0, 1, 2, 3].map((i) => memory.stage(i));
      memory.kernels.adam(
        ...([x, first, second, g, held.length * size] as [number, number, number, number, number]),
        ...[lr!, beta1!, rest1!, beta2!, rest2!, own, 0, correction1!, correction2!, factor!],
      );
      held.forEach((id, k) => {
        tables.forEach((table, i) => {
          table.set(stages[i]!.subarray(k * size, (k + 1) * size), id * width + from);
        });
      });
    }
  }
}

function words(key: Operand): number[] {
  return [...(key.array as Int32Array)];
}

/**
 * Runs an element-wise kernel on operands of one length: at once where all lie in the host memory, else piece by piece,
 * those that do not being copied to a stage and, if written, back.
 *
 * @param kernel - Gets byte offsets, of the written operands first, the number of the first element and how many there
 *   are.
 */
function inPieces(
  memory: HostMemory,
  read: readonly Operand[],
  written: readonly Operand[],
  kernel: (offsets: number[], from: number, size: number) => void,
): void {
  const operands = [...written, ...read];
  const { length } = operands[0]!.array;
  const whole = operands.every(({ offset }) => offset !== undefined);
  const piece = whole ? length : HostMemory.stageSize;
  for (let from = 0; from < length; from += piece) {
    const size = Math.min(piece, length - from);
    const offsets = operands.map(({ offset }, i) =>
      offset === undefined ? memory.stage(i) : offset + from * 4,
    );
    const staged = operands.map(({ offset }, i) =>
      offset === undefined ? new Float32Array(memory.buffer, offsets[i], size) : undefined,
    );
    staged.forEach((stage, i) =>
      stage?.set((operands[i]!.array as Float32Array).subarray(from, from + size)),
    );
    kernel(offsets, from, size);
    written.forEach(({ array }, i) => {
      if (staged[i]) (array as Float32Array).set(staged[i], from);
    });
  }
}

type FloatsAndIds = [out: Float32Array, rows: Float32Array, ids: Int32Array];

/** The kernel of the same name for operands outside the host memory, to the last bit. */
function segmentSum(
  ...[out, rows, ids, width, count]: [...FloatsAndIds, width: number, count: number]
): void {
  out.fill(0);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < 0 || id >= count) continue;
    for (let j = 0; j < width; j++) out[id * width + j]! += rows[i * width + j]!;
  }
}

import type { Node } from '../graph/types.ts';
import type { HostKernel, Operand } from './hostKernel.ts';
import type { HostMemory } from './memory.ts';

/** Sizes of a step's kernels: ids [rows, perRow] into a table [count, width]. */
interface Sizes {
  rows: number;
  perRow: number;
  width: number;
  count: number;
}

type Wasm = (kernels: HostMemory['kernels'], offsets: number[], sizes: Sizes) => void;
type Arrays = [out: Float32Array, a: Float32Array, b: Float32Array, ids: Int32Array];
type Plain = (...args: [...Arrays, sizes: Sizes]) => void;

/**
 * A kernel of two float arrays and ids, in WebAssembly where all operands lie in the host memory, else by the same
 * operations in the same order.
 */
function gathered(wasm: Wasm, plain: Plain): HostKernel {
  return {
    inMemory: [0, 1, 2],
    run: (memory, node, [a, b, ids], [out]) => {
      const sizes = node.attributes as unknown as Sizes;
      const operands = [out!, a!, b!, ids!];
      checkIds(memory, node, ids!, sizes);
      const offsets = operands.map(({ offset }) => offset);
      if (offsets.every((offset) => offset !== undefined)) wasm(memory.kernels, offsets, sizes);
      else plain(...(operands.map(({ array }) => array) as Arrays), sizes);
    },
  };
}

function checkIds(memory: HostMemory, node: Node, { array, offset }: Operand, { count }: Sizes): void {
  const ids = array as Int32Array;
  const at =
    offset === undefined
      ? ids.findIndex((id) => !(id >= 0 && id < count))
      : memory.kernels.firstOutside(offset, ids.length, count);
  if (at >= 0 && at < ids.length)
    throw new RangeError(`${node.origin}: an index must be in [0, ${count}), got ${ids[at]!}`);
}

const f = Math.fround;

/** Host kernels of rows that read table rows of their own, see assembly/rows.ts. */
export const GATHERED_KERNELS: Readonly<Record<string, HostKernel>> = {
  GatheredProducts: gathered(
    (kernels, [out, queries, table, ids], { rows, perRow, width }) => {
      kernels.gatheredProducts(out!, queries!, table!, ids!, rows, perRow, width);
    },
    (out, queries, table, ids, { perRow, width }) => {
      const whole = width & ~3;
      const lanes = new Float32Array(4);
      ids.forEach((id, i) => {
        const q = Math.floor(i / perRow) * width;
        const t = id * width;
        lanes.fill(0);
        for (let j = 0; j < whole; j++) lanes[j & 3]! += f(queries[q + j]! * table[t + j]!);
        let sum = f(f(lanes[0]! + lanes[2]!) + f(lanes[1]! + lanes[3]!));
        for (let j = whole; j < width; j++) sum = f(sum + f(queries[q + j]! * table[t + j]!));
        out[i] = sum;
      });
    },
  ),
  GatheredSums: gathered(
    (kernels, [out, weights, table, ids], { rows, perRow, width }) => {
      kernels.gatheredSums(out!, weights!, table!, ids!, rows, perRow, width);
    },
    (out, weights, table, ids, { rows, perRow, width }) => {
      out.fill(0);
      const fours = perRow & ~3;
      for (let r = 0; r < rows; r++)
        for (let j = 0; j < width; j++) {
          const term = (k: number): number => {
            const at = r * perRow + k;
            return f(weights[at]! * table[ids[at]! * width + j]!);
          };
          const to = r * width + j;
          for (let k = 0; k < fours; k += 4)
            out[to]! += f(f(term(k) + term(k + 1)) + f(term(k + 2) + term(k + 3)));
          for (let k = fours; k < perRow; k++) out[to]! += term(k);
        }
    },
  ),
  ScatteredSums: gathered(
    (kernels, [out, weights, vectors, ids], { rows, perRow, width, count }) => {
      kernels.scatteredSums(out!, weights!, vectors!, ids!, rows, perRow, width, count);
    },
    (out, weights, vectors, ids, { perRow, width }) => {
      out.fill(0);
      ids.forEach((id, i) => {
        const from = Math.floor(i / perRow) * width;
        for (let j = 0; j < width; j++) out[id * width + j]! += f(weights[i]! * vectors[from + j]!);
      });
    },
  ),
};

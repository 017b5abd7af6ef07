import type { HostKernel } from './hostKernel.ts';

/** What a node of the kernel says. */
interface Sizes {
  rows: number;
  columns: number;
  k: number;
  kept: number;
  tolerance: number;
}

type Floats = [out: Float32Array, products: Float32Array, norms: Float32Array, columnNorms: Float32Array];

/** Floats that the kernel needs besides. */
export const scratchOf = (columns: number): number => 64 + 2 * (columns + 8);

/** The host kernel of `nearestDistances` (src/ops), see assembly/nearest.ts. */
export const NEAREST_KERNELS: Readonly<Record<string, HostKernel>> = {
  NearestDistances: {
    inMemory: [0, 1, 2],
    run: (memory, node, inputs, [out, scratch]) => {
      const sizes = node.attributes as unknown as Sizes;
      const { rows, columns, k, kept, tolerance } = sizes;
      const operands = [out!, ...inputs];
      const [to, ...from] = operands.map(({ offset }) => offset);
      if (to !== undefined && scratch!.offset !== undefined && from.every((offset) => offset !== undefined))
        memory.kernels.nearestDistances(
          ...([to, scratch!.offset, ...from] as [number, number, number, number, number]),
          ...[rows, columns, k, kept, tolerance],
        );
      else plain(...(operands.map(({ array }) => array) as Floats), sizes);
    },
  },
};

const f = Math.fround;

/** The kernel for operands outside the host memory, by sorting. */
function plain(...[out, products, norms, columnNorms, sizes]: [...Floats, Sizes]): void {
  const { rows, columns, k, kept } = sizes;
  const tolerance = f(sizes.tolerance);
  for (let r = 0; r < rows; r++) {
    const squares = columnNorms.map((norm, c) => {
      const sum = f(norms[r]! + norm);
      const square = f(products[r * columns + c]! + sum);
      return square > f(sum * tolerance) ? square : 0;
    });
    const order = Int32Array.from(squares.keys()).sort((a, b) => squares[a]! - squares[b]! || a - b);
    const to = out.subarray(r * (3 + 2 * kept), (r + 1) * (3 + 2 * kept));
    let sum = 0;
    for (let i = 0; i < k; i++) sum += squares[order[i]!]!;
    to.set([sum, sum - f(sum), squares[order.at(-1)!]!]);
    for (let i = 0; i < kept; i++) {
      to[3 + i] = squares[order[i]!]!;
      to[3 + kept + i] = order[i]!;
    }
  }
}

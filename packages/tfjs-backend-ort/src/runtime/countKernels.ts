import type { HostKernel } from './hostKernel.ts';

/** Host kernels that count, see assembly/counts.ts. */
export const COUNT_KERNELS: Readonly<Record<string, HostKernel>> = {
  RowCounts: {
    inMemory: [0, 1],
    run: (memory, node, [scores, own, from], [out]) => {
      const { rows, columns } = node.attributes as { rows: number; columns: number };
      const first = (from!.array as Int32Array)[0]!;
      const operands = [out!, scores!, own!];
      if (operands.every(({ offset }) => offset !== undefined))
        memory.kernels.rowCounts(out!.offset!, scores!.offset!, own!.offset!, rows, columns, first);
      else rowCounts(...(operands.map(({ array }) => array) as Floats), rows, columns, first);
    },
  },
};

type Floats = [out: Float32Array, scores: Float32Array, own: Float32Array];

/** The kernel of the same name for operands outside the host memory. */
function rowCounts(...[out, scores, own, rows, columns, from]: [...Floats, number, number, number]): void {
  out.fill(0);
  for (let r = 0; r < rows; r++)
    for (let c = from; c < columns; c++) {
      const x = scores[r * columns + c]!;
      if (x > own[r]!) out[r]!++;
      else if (x === own[r]!) out[rows + r]!++;
      else if (x < own[r]!) out[2 * rows + r]!++;
    }
}

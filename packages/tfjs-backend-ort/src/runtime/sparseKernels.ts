import type { Node } from '../graph/types.ts';
import type { HostKernel, Operand } from './hostKernel.ts';
import { polynomial, polynomialOfRows, type Csr, type SparseSettings } from './sparse.ts';

const csrOf = (starts: Operand, columns: Operand, values: Operand): Csr => ({
  starts: starts.array as Int32Array,
  columns: columns.array as Int32Array,
  values: values.array as Float32Array,
});

const sparse = (node: Node): SparseSettings => {
  const { weights, fresh, threads } = node.attributes as {
    weights: number[];
    fresh: number;
    threads: number;
  };
  return { width: node.outputs[0]!.shape[1]!, weights, fresh: fresh === 1, threads };
};

/** Host kernels of sparse products; they work in the memory of the sparse pool. */
export const SPARSE_KERNELS: Readonly<Record<string, HostKernel>> = {
  SparsePolynomial: {
    inMemory: [],
    run: (_memory, node, [starts, columns, values, x, rows], [out]) => {
      const ids = rows?.array as Int32Array | undefined;
      polynomial(
        csrOf(starts!, columns!, values!),
        x!.array as Float32Array,
        ids,
        out!.array as Float32Array,
        sparse(node),
      );
    },
  },
  SparsePolynomialOfRows: {
    inMemory: [],
    run: (_memory, node, operands, [out]) => {
      const [starts, columns, values, backStarts, backColumns, backValues, x, rows] = operands;
      const [direct, back] = [
        csrOf(starts!, columns!, values!),
        csrOf(backStarts!, backColumns!, backValues!),
      ];
      const [given, ids] = [x!.array as Float32Array, rows!.array as Int32Array];
      polynomialOfRows(direct, back, given, ids, out!.array as Float32Array, sparse(node));
    },
  },
};

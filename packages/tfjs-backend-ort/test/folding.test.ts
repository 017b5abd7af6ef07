import { describe, expect, it } from 'vitest';
import { foldIntoProducts, reachable } from '../src/graph/finalize.ts';
import { Graph } from '../src/graph/graph.ts';
import { binary, matmul, unary } from '../src/graph/math.ts';
import type { Node, Value } from '../src/graph/types.ts';

/** Inputs, and the operators with their factors that are left of what is made of them. */
function folded(build: (g: Graph, x: Value, w: Value, row: Value) => Value[]): Node[] {
  const g = new Graph();
  const [x, w, row] = [[2, 3], [3, 3], [3]].map((shape) => g.input('float32', shape));
  const { nodes, uses } = reachable(g.nodes, build(g, x!, w!, row!));
  return foldIntoProducts(nodes, uses);
}

const times = (g: Graph, x: Value, factor: number): Value =>
  binary(g, 'Mul', x, g.splat('float32', [], factor));

const described = (nodes: readonly Node[]): string[] =>
  nodes.map(({ op, attributes: { alpha } }) => (alpha ? `${op} ${(alpha as { float: number }).float}` : op));

describe('a constant factor', () => {
  it('is taken by the product before it, or before its row, which is scaled itself', () => {
    const product = folded((g, x, w) => [times(g, times(g, matmul(g, x, w), 2), 3)]);
    expect(described(product)).toEqual(['FusedMatMul 6']);
    const nodes = folded((g, x, w, row) => [times(g, binary(g, 'Add', matmul(g, x, w), row), 2)]);
    expect(described(nodes)).toEqual(['Mul', 'Gemm 2']);
    expect(nodes[1]!.inputs[2]).toBe(nodes[0]!.outputs[0]);
    expect(nodes[1]!.attributes['beta']).toEqual({ float: 1 });
    const ids = nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).map((value) => value!.id);
    expect(new Set(ids).size).toBe(6);
  });

  it('is taken by all products behind it, twice by one that reads it twice', () => {
    const nodes = folded((g, x, w, row) => {
      const scaled = times(g, unary(g, 'Abs', x), 2);
      const square = matmul(g, scaled, scaled, { transposeB: true });
      return [
        square,
        binary(g, 'Add', matmul(g, scaled, w), row),
        matmul(g, w, scaled, { transposeB: true }),
      ];
    });
    expect(described(nodes)).toEqual(['Abs', 'FusedMatMul 4', 'Gemm 2', 'FusedMatMul 2']);
    for (const { inputs } of nodes.slice(1, 3)) expect(inputs[0]).toBe(nodes[0]!.outputs[0]);
  });

  it('stays where something else reads what it makes, or it is asked for', () => {
    const besides = folded((g, x, w) => {
      const scaled = times(g, x, 2);
      return [matmul(g, scaled, w), unary(g, 'Abs', scaled)];
    });
    expect(described(besides)).toEqual(['Mul', 'MatMul', 'Abs']);
    const asked = folded((g, x, w) => {
      const scaled = times(g, x, 2);
      return [scaled, matmul(g, scaled, w)];
    });
    expect(described(asked)).toEqual(['Mul', 'MatMul']);
    const row = folded((g, x, w, shift) => {
      const sum = binary(g, 'Add', matmul(g, x, w), shift);
      return [times(g, sum, 2), unary(g, 'Abs', sum)];
    });
    expect(described(row)).toEqual(['Gemm 1', 'Mul', 'Abs']);
  });
});

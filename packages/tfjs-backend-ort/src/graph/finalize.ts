import { Graph } from './graph.ts';
import type { Node, Value } from './types.ts';

/** Nodes that the outputs need, in order, and how often each value is read. */
export interface Reachable {
  nodes: Node[];
  uses: Map<Value, number>;
}

/** Drops the nodes that no output needs. */
export function reachable(nodes: readonly Node[], outputs: readonly Value[]): Reachable {
  const needed = new Set<Node>();
  const uses = new Map<Value, number>();
  const stack: Value[] = [...outputs];
  for (const output of outputs) uses.set(output, (uses.get(output) ?? 0) + 1);
  while (stack.length > 0) {
    const node = stack.pop()!.node;
    if (!node || needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) {
      if (!input) continue;
      uses.set(input, (uses.get(input) ?? 0) + 1);
      stack.push(input);
    }
  }
  return { nodes: nodes.filter((node) => needed.has(node)), uses };
}

/**
 * Moves a constant factor into the matrix product that is its only source: `c (A B)` becomes a FusedMatMul with
 * alpha = c. Done last, when it is known that nothing else reads the product.
 */
export function foldScales(nodes: readonly Node[], uses: Map<Value, number>): Node[] {
  const dropped = new Set<Node>();
  const result = nodes.map((node) => {
    if (node.op !== 'Mul') return node;
    const factorIndex = node.inputs.findIndex((v) => v?.splat);
    const product = node.inputs[1 - factorIndex];
    const source = product?.node;
    if (factorIndex < 0 || !source || uses.get(product) !== 1 || product.dtype !== 'float32') return node;
    if (source.op !== 'MatMul' && source.op !== 'FusedMatMul') return node;
    if (product.shape.length !== node.outputs[0]!.shape.length) return node;
    const factor = Graph.element(node.inputs[factorIndex]!)!;
    const before = (source.attributes['alpha'] as { float: number } | undefined)?.float ?? 1;
    dropped.add(source);
    const fused: Node = {
      op: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: source.inputs,
      attributes: { transA: 0, transB: 0, ...source.attributes, alpha: { float: before * factor } },
      outputs: node.outputs,
      origin: source.origin,
    };
    return fused;
  });
  return result.filter((node) => !dropped.has(node));
}

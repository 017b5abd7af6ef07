import { Graph, type Target } from './graph.ts';
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

/** The product of two matrices that feeds only this node, or undefined. */
function onlyProduct(value: Value | undefined, uses: Map<Value, number>): Node | undefined {
  const node = value?.node;
  if (!value || !node || uses.get(value) !== 1 || value.dtype !== 'float32') return undefined;
  const products =
    node.op === 'MatMul' || node.op === 'FusedMatMul' || (node.op === 'Gemm' && !node.inputs[2]);
  return products ? node : undefined;
}

function alphaOf(product: Node): number {
  return (product.attributes['alpha'] as { float: number } | undefined)?.float ?? 1;
}

/** `c (A B)` with a constant c: a FusedMatMul with alpha = c, or a Gemm where there is only that. */
function scaledProduct(
  node: Node,
  uses: Map<Value, number>,
  { fusedProducts }: Target,
): [fused: Node, product: Node] | undefined {
  const factorIndex = node.inputs.findIndex((v) => v?.splat);
  if (node.op !== 'Mul' || factorIndex < 0) return undefined;
  const source = node.inputs[1 - factorIndex];
  const product = onlyProduct(source, uses);
  if (!product || source!.shape.length !== node.outputs[0]!.shape.length) return undefined;
  if (!fusedProducts && product.inputs.some((v) => v?.shape.length !== 2)) return undefined;
  const factor = Graph.element(node.inputs[factorIndex]!)!;
  const fused: Node = {
    op: fusedProducts ? 'FusedMatMul' : 'Gemm',
    domain: fusedProducts ? 'com.microsoft' : '',
    inputs: product.inputs,
    attributes: { transA: 0, transB: 0, ...product.attributes, alpha: { float: alphaOf(product) * factor } },
    outputs: node.outputs,
    origin: product.origin,
  };
  return [fused, product];
}

/** `A B + c` of matrices with a row c: a Gemm, which saves a pass over the result. */
function biasedProduct(node: Node, uses: Map<Value, number>): [fused: Node, product: Node] | undefined {
  if (node.op !== 'Add') return undefined;
  for (const side of [0, 1]) {
    const product = onlyProduct(node.inputs[side], uses);
    const bias = node.inputs[1 - side];
    const width = node.outputs[0]!.shape[1];
    if (!product || !bias || bias.splat || bias.shape.length !== 1 || bias.shape[0] !== width) continue;
    if (product.inputs.some((v) => v?.shape.length !== 2)) continue;
    const { transA = 0, transB = 0 } = product.attributes;
    const fused: Node = {
      op: 'Gemm',
      domain: '',
      inputs: [...product.inputs, bias],
      attributes: { transA, transB, alpha: { float: alphaOf(product) }, beta: { float: 1 } },
      outputs: node.outputs,
      origin: product.origin,
    };
    return [fused, product];
  }
  return undefined;
}

/**
 * Folds a constant factor or the addition of a row into the matrix product that is its only source. Done last, when it
 * is known that nothing else reads the product.
 */
export function foldIntoProducts(nodes: readonly Node[], uses: Map<Value, number>, target: Target): Node[] {
  const dropped = new Set<Node>();
  const result = nodes.map((node) => {
    const folded = scaledProduct(node, uses, target) ?? biasedProduct(node, uses);
    if (!folded) return node;
    dropped.add(folded[1]);
    return folded[0];
  });
  return result.filter((node) => !dropped.has(node));
}

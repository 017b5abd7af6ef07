import { Graph } from './graph.ts';
import { sameShape, type Node, type Value } from './types.ts';

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

/** Of a graph whose nodes are replaced: what makes a value now, how often it is read, ids of new values. */
class Folding {
  readonly #made = new Map<Value, Node>();
  readonly #uses: Map<Value, number>;
  #nextId = 0;

  constructor(nodes: readonly Node[], uses: ReadonlyMap<Value, number>) {
    this.#uses = new Map(uses);
    for (const node of nodes) {
      this.note(node);
      for (const value of [...node.inputs, ...node.outputs])
        this.#nextId = Math.max(this.#nextId, (value?.id ?? 0) + 1);
    }
  }

  note(node: Node): Node {
    for (const output of node.outputs) this.#made.set(output, node);
    return node;
  }

  /** A value is read this many times more. */
  reads(value: Value, more: number): void {
    this.#uses.set(value, this.uses(value) + more);
  }

  uses(value: Value): number {
    return this.#uses.get(value) ?? 0;
  }

  /** What makes a value that is read once and is of floats; undefined for other values. */
  only(value: Value | undefined): Node | undefined {
    return value?.dtype === 'float32' && this.uses(value) === 1 ? this.#made.get(value) : undefined;
  }

  /** A row times a constant. */
  scaledRow(row: Value, factor: Value, origin: string): Node {
    const node: Node = { op: 'Mul', domain: '', inputs: [row, factor], attributes: {}, outputs: [], origin };
    node.outputs = [{ id: this.#nextId++, dtype: row.dtype, shape: row.shape, node }];
    return node;
  }
}

function isProduct({ op, outputs: [made] }: Node): boolean {
  return (op === 'MatMul' || op === 'FusedMatMul') && made!.dtype === 'float32';
}

function alphaOf(product: Node): number {
  return (product.attributes['alpha'] as { float: number } | undefined)?.float ?? 1;
}

/** The product `factor (A B)` in place of a node. */
function fused(product: Node, factor: number, { inputs, outputs }: Pick<Node, 'inputs' | 'outputs'>): Node {
  return {
    op: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs,
    attributes: { transA: 0, transB: 0, ...product.attributes, alpha: { float: alphaOf(product) * factor } },
    outputs,
    origin: product.origin,
  };
}

/** A value times a constant, of the value's own shape. */
interface Scaled {
  source: Value;
  factor: Value;
}

function scaledBy(node: Node): Scaled | undefined {
  const factorIndex = node.inputs.findIndex((v) => v?.splat);
  if (node.op !== 'Mul' || factorIndex < 0) return undefined;
  const [source, factor] = [node.inputs[1 - factorIndex]!, node.inputs[factorIndex]!];
  return source.dtype === 'float32' && sameShape(source.shape, node.outputs[0]!.shape)
    ? { source, factor }
    : undefined;
}

/** `(c A) B` where nothing but products reads `c A`: these take the factor, as their alpha. */
function factorsOfInputs(nodes: readonly Node[], folding: Folding): Node[] {
  const inProducts = new Map<Value, number>();
  for (const input of nodes.filter(isProduct).flatMap(({ inputs }) => inputs))
    inProducts.set(input!, (inProducts.get(input!) ?? 0) + 1);
  const scaled = new Map<Value, Scaled>();
  for (const node of nodes) {
    const [made] = node.outputs;
    const found = scaledBy(node);
    const before = found && folding.only(found.source);
    // A product before it takes the factor as well, and once.
    if (!found || (before && isProduct(before)) || inProducts.get(made!) !== folding.uses(made!)) continue;
    scaled.set(made!, found);
    folding.reads(found.source, folding.uses(made!) - 1);
  }
  return nodes
    .filter(({ outputs: [made] }) => !scaled.has(made!))
    .map((node) => {
      const factors = node.inputs.flatMap((input) => scaled.get(input!) ?? []);
      if (factors.length === 0) return node;
      const factor = factors.reduce((all, one) => all * Graph.element(one.factor)!, 1);
      const inputs = node.inputs.map((input) => scaled.get(input!)?.source ?? input);
      return folding.note(fused(node, factor, { inputs, outputs: node.outputs }));
    });
}

/** Nodes in place of one, and the node that they make needless. */
type Folded = [made: Node[], needless: Node];

/** `c (A B)` with a constant c: a FusedMatMul with alpha = c; `c (A B + r)`: a Gemm of the row c r. */
function scaledProduct(node: Node, folding: Folding): Folded | undefined {
  const found = scaledBy(node);
  const before = found && folding.only(found.source);
  if (!before) return undefined;
  const element = Graph.element(found.factor)!;
  if (isProduct(before))
    return [[fused(before, element, { inputs: before.inputs, outputs: node.outputs })], before];
  if (before.op !== 'Gemm') return undefined;
  // ONNX Runtime goes through the whole result for a beta other than 1.
  const row = folding.scaledRow(before.inputs[2]!, found.factor, node.origin);
  const gemm: Node = {
    ...before,
    inputs: [...before.inputs.slice(0, 2), row.outputs[0]],
    attributes: { ...before.attributes, alpha: { float: alphaOf(before) * element } },
    outputs: node.outputs,
  };
  return [[row, gemm], before];
}

/** `A B + r` of matrices with a row r: a Gemm, which saves a pass over the result. */
function biasedProduct(node: Node, folding: Folding): Folded | undefined {
  if (node.op !== 'Add') return undefined;
  for (const side of [0, 1]) {
    const product = folding.only(node.inputs[side]);
    const bias = node.inputs[1 - side];
    const width = node.outputs[0]!.shape[1];
    if (!product || !isProduct(product)) continue;
    if (!bias || bias.splat || bias.shape.length !== 1 || bias.shape[0] !== width) continue;
    if (product.inputs.some((v) => v?.shape.length !== 2)) continue;
    const { transA = 0, transB = 0 } = product.attributes;
    const gemm: Node = {
      op: 'Gemm',
      domain: '',
      inputs: [...product.inputs, bias],
      attributes: { transA, transB, alpha: { float: alphaOf(product) }, beta: { float: 1 } },
      outputs: node.outputs,
      origin: product.origin,
    };
    return [[gemm], product];
  }
  return undefined;
}

/**
 * Folds a constant factor or the addition of a row into the matrix product that is its only source, and a constant
 * factor into the products that alone read it. Done last, when it is known that nothing else reads what disappears.
 */
export function foldIntoProducts(nodes: readonly Node[], uses: ReadonlyMap<Value, number>): Node[] {
  const folding = new Folding(nodes, uses);
  const needless = new Set<Node>();
  const result = factorsOfInputs(nodes, folding).flatMap((node) => {
    const folded = scaledProduct(node, folding) ?? biasedProduct(node, folding);
    if (!folded) return [node];
    needless.add(folded[1]);
    return folded[0].map((made) => folding.note(made));
  });
  return result.filter((node) => !needless.has(node));
}

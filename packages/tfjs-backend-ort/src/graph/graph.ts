import {
  allocate,
  arrayOver,
  bytesOf,
  elementTypes,
  sameShape,
  sizeOf,
  type Attribute,
  type Branch,
  type DType,
  type HostArray,
  type Node,
  type Value,
} from './types.ts';

/** Constants of at most this many elements are written out where an operator cannot broadcast them. */
const SMALL_CONSTANT = 4096;

/** What an operation yields. */
export interface OutputSpec {
  dtype: DType;
  shape: readonly number[];
}

/** How an operation is added to a graph. */
export interface OpOptions {
  attributes?: Record<string, Attribute>;
  domain?: Node['domain'];
  /** The operator broadcasts its inputs, so a splat may stay a scalar. */
  broadcasts?: boolean;
  /** For a gather, see {@link Node.limit}. */
  limit?: number;
}

/** Nodes in the place of an operator; undefined leaves it as it is. */
export type Substitute = (
  g: Graph,
  inputs: readonly (Value | undefined)[],
  outputs: readonly OutputSpec[],
  options: OpOptions,
) => Value[] | undefined;

/** What a graph is made for: the ways of an execution provider. */
export interface Target {
  /** Operators that the provider lacks or has otherwise, by name. */
  readonly substitutes: Readonly<Record<string, Substitute>>;
  /** Sums of repeated indices inside a graph have the same bits at every run. */
  readonly sumsInOrder: boolean;
  /** There is `FusedMatMul`: a product reads factors transposed and multiplies by a number, whatever their rank. */
  readonly fusedProducts: boolean;
}

/** ONNX Runtime's own provider `cpu`, for which kernels are written. */
export const PROCESSOR: Target = { substitutes: {}, sumsInOrder: true, fusedProducts: true };

/**
 * A graph under construction. Operations are pure, so asking twice for the same one on the same inputs gives the same
 * value; tensors without elements become constants.
 */
export class Graph {
  /** What it is made for. */
  readonly target: Target;
  /** All nodes, each after those it reads. */
  nodes: Node[] = [];
  /** The tfjs kernel being lowered: named in errors and profiles. */
  origin = 'graph';
  #nextId = 0;
  #known = new Map<string, Node>();
  readonly #constants = new Map<string, Value>();
  readonly #views = new Map<string, Value>();

  constructor(target: Target = PROCESSOR) {
    this.target = target;
  }

  /** A value that is fed at each run. */
  input(dtype: DType, shape: readonly number[]): Value {
    return { id: this.#nextId++, dtype, shape };
  }

  /** A constant; the array is kept, not copied. */
  constant(dtype: DType, shape: readonly number[], data: HostArray): Value {
    const value: Value = { id: this.#nextId++, dtype, shape, constant: data };
    // The bits of a half are not its element.
    return data.length === 1 && dtype !== 'float16' ? { ...value, splat: true } : value;
  }

  /** A constant whose elements are all the same. */
  splat(dtype: DType, shape: readonly number[], element: number): Value {
    const key = `${dtype}[${shape.join()}]${Object.is(element, -0) ? '-0' : element}`;
    let value = this.#constants.get(key);
    if (!value) {
      const data = allocate(dtype, 1);
      if (dtype === 'int64') data[0] = BigInt(element);
      else (data as Float32Array)[0] = element;
      value = { id: this.#nextId++, dtype, shape, constant: data, splat: true };
      this.#constants.set(key, value);
    }
    return value;
  }

  /** A vector of int64 constants: shapes, axes, positions. */
  int64(values: readonly number[]): Value {
    const key = `int64:${values.join()}`;
    let value = this.#constants.get(key);
    if (!value) {
      const data = BigInt64Array.from(values, (v) => BigInt(v));
      value = { id: this.#nextId++, dtype: 'int64', shape: [values.length], constant: data };
      this.#constants.set(key, value);
    }
    return value;
  }

  /** Adds an operation with several outputs, or what the target has in its place, or finds the equal one. */
  many(op: string, inputs: (Value | undefined)[], outputs: OutputSpec[], options: OpOptions = {}): Value[] {
    const empty = outputs.every(({ shape }) => sizeOf(shape) === 0);
    const substitute = empty ? undefined : this.target.substitutes[op];
    return substitute?.(this, inputs, outputs, options) ?? this.native(op, inputs, outputs, options);
  }

  /** Adds an operation as it is, whatever the target, or finds the equal one. */
  native(op: string, inputs: (Value | undefined)[], outputs: OutputSpec[], options: OpOptions = {}): Value[] {
    const { attributes = {}, domain = '', broadcasts = false, limit } = options;
    if (domain !== 'host' && outputs.every((o) => sizeOf(o.shape) === 0))
      return outputs.map((o) => this.constant(o.dtype, o.shape, allocate(o.dtype, 0)));
    const read = inputs.map((v) => (v?.splat && !broadcasts ? this.dense(v) : v));
    const key = `${domain}.${op}(${read.map((v) => v?.id ?? '').join()})${JSON.stringify(attributes)}${outputs
      .map((o) => `${o.dtype}${o.shape.join('x')}`)
      .join()}`;
    const known = this.#known.get(key);
    if (known) return known.outputs;
    const node: Node = { op, domain, inputs: read, attributes, outputs: [], origin: this.origin, limit };
    node.outputs = outputs.map((o) => ({ id: this.#nextId++, dtype: o.dtype, shape: o.shape, node }));
    this.nodes.push(node);
    this.#known.set(key, node);
    return node.outputs;
  }

  /** Adds an operation with one output, or finds the equal one. */
  op(
    op: string,
    inputs: (Value | undefined)[],
    dtype: DType,
    shape: readonly number[],
    options: OpOptions = {},
  ): Value {
    return this.many(op, inputs, [{ dtype, shape }], options)[0]!;
  }

  /** The values of one of two ways, of which only that one is computed; both yield the same types and shapes. */
  choose(condition: Value, yes: () => Value[], no: () => Value[]): Value[] {
    const branches = [this.#branch(yes), this.#branch(no)] as const;
    const inside = new Set(branches.flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs)));
    const read = new Set(branches.flatMap(({ nodes }) => nodes.flatMap(({ inputs }) => inputs)));
    const outer = [...read].filter((value) => value && !inside.has(value));
    const node: Node = {
      op: 'If',
      domain: '',
      inputs: [condition, ...outer],
      attributes: { then_branch: { branch: branches[0] }, else_branch: { branch: branches[1] } },
      outputs: [],
      origin: this.origin,
    };
    node.outputs = branches[0].outputs.map(({ dtype, shape }) => ({
      id: this.#nextId++,
      dtype,
      shape,
      node,
    }));
    this.nodes.push(node);
    return node.outputs;
  }

  #branch(build: () => Value[]): Branch {
    const outer = { nodes: this.nodes, known: this.#known };
    this.nodes = [];
    // What is known outside may be read, but nobody outside may read what is made here.
    this.#known = new Map(outer.known);
    try {
      const made = build();
      const inside = new Set(this.nodes.flatMap(({ outputs }) => outputs));
      const outputs = made.map((value) =>
        inside.has(value) ? value : this.op('Identity', [value], value.dtype, value.shape),
      );
      return { nodes: this.nodes, outputs };
    } finally {
      this.nodes = outer.nodes;
      this.#known = outer.known;
    }
  }

  /**
   * The bytes of an input or a constant read as another type, without a copy; the last ones may be left over.
   *
   * @throws Error if the value is computed: its bytes lie nowhere yet.
   */
  bytes(value: Value, dtype: DType, shape: readonly number[]): Value {
    const from = value.node?.op === 'Reshape' ? value.node.inputs[0]! : this.dense(value);
    const [needed, there] = [sizeOf(shape) * bytesOf(dtype), sizeOf(from.shape) * bytesOf(from.dtype)];
    if (from.node || needed > there)
      throw new Error(
        `${this.origin}: ${needed} bytes of an input are read as ${dtype} [${shape.join(', ')}], got ` +
          (from.node ? 'a value that is computed' : `${there} bytes`),
      );
    if (from.constant) {
      const { buffer, byteOffset } = from.constant;
      return this.constant(dtype, shape, arrayOver(dtype, buffer, byteOffset, sizeOf(shape)));
    }
    const key = `${from.id} ${dtype}[${shape.join()}]`;
    const known = this.#views.get(key) ?? { ...this.input(dtype, shape), bytesOf: from };
    this.#views.set(key, known);
    return known;
  }

  /** A splat as a value with all its elements; other values as they are. */
  dense(value: Value): Value {
    if (!value.splat) return value;
    const size = sizeOf(value.shape);
    const element = value.constant![0]!;
    if (size <= SMALL_CONSTANT) {
      const key = `dense:${value.dtype}[${value.shape.join()}]${Object.is(element, -0) ? '-0' : String(element)}`;
      let full = this.#constants.get(key);
      if (!full) {
        const data = allocate(value.dtype, size);
        (data as Float32Array).fill(element as number);
        full = { id: this.#nextId++, dtype: value.dtype, shape: value.shape, constant: data };
        this.#constants.set(key, full);
      }
      return full;
    }
    const scalar = this.splat(value.dtype, [], Number(element));
    return this.op('Expand', [scalar, this.int64(value.shape)], value.dtype, value.shape, {
      broadcasts: true,
    });
  }

  /** The element of a splat, or undefined. */
  static element(value: Value): number | undefined {
    return value.splat ? Number(value.constant![0]) : undefined;
  }

  /** The same elements in another shape. */
  reshape(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    if (sizeOf(value.shape) !== sizeOf(shape))
      throw new Error(`reshape: [${value.shape.join(', ')}] has no view of shape [${shape.join(', ')}]`);
    if (value.splat) return this.splat(value.dtype, shape, Number(value.constant![0]));
    if (value.constant) return this.constant(value.dtype, shape, value.constant);
    const source = value.node?.op === 'Reshape' ? value.node.inputs[0]! : value;
    if (sameShape(source.shape, shape)) return source;
    return this.op('Reshape', [source, this.int64(shape)], value.dtype, shape);
  }

  /** The value broadcast to a shape. */
  expand(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    if (value.splat) return this.splat(value.dtype, shape, Number(value.constant![0]));
    return this.op('Expand', [value, this.int64(shape)], value.dtype, shape);
  }

  /** Axes in another order; two transposes become one, and moving axes of length 1 is a reshape. */
  transpose(value: Value, perm: readonly number[]): Value {
    const shape = perm.map((axis) => value.shape[axis]!);
    if (value.splat) return this.splat(value.dtype, shape, Number(value.constant![0]));
    const moved = perm.filter((axis) => value.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) return this.reshape(value, shape);
    if (value.node?.op === 'Transpose') {
      const inner = value.node.attributes['perm'] as number[];
      return this.transpose(
        value.node.inputs[0]!,
        perm.map((axis) => inner[axis]!),
      );
    }
    return this.op('Transpose', [value], value.dtype, shape, { attributes: { perm: [...perm] } });
  }

  /** The value in another element type, with tfjs's rules: to bool is "not zero", to int32 truncates. */
  cast(value: Value, dtype: DType): Value {
    if (value.dtype === dtype) return value;
    const element = Graph.element(value);
    if (element !== undefined)
      return this.splat(
        dtype,
        value.shape,
        dtype === 'bool' ? Number(element !== 0) : dtype === 'float32' ? element : Math.trunc(element),
      );
    return this.op('Cast', [value], dtype, value.shape, {
      attributes: { to: elementTypes[dtype] },
    });
  }
}

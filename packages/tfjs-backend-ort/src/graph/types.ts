/** Element types of graph values; int64 only occurs inside a graph, as indices. */
export type DType = 'float32' | 'int32' | 'bool' | 'int64';

/** Host arrays behind values: bool is one byte per element, as in tfjs. */
export type HostArray = Float32Array | Int32Array | Uint8Array | BigInt64Array;

/** Attributes of a node; numbers are written as ONNX ints when integral and the name is not a known float. */
export type Attribute = number | string | number[] | { float: number } | { branch: Branch };

/** One way of an `If`: nodes that may read all values of the graph around them. */
export interface Branch {
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
}

/** A tensor in a graph: shape and element type are always known. */
export interface Value {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The node that computes it; none for inputs and constants. */
  readonly node?: Node;
  /** The value of a constant: all elements, or one element that all share (`splat`). */
  readonly constant?: HostArray;
  /** A constant whose elements are all `constant[0]`, stored once. */
  readonly splat?: boolean;
}

/** One operation: an ONNX operator, or a host kernel that runs between two sessions. */
export interface Node {
  readonly op: string;
  /** '' is ai.onnx; 'host' marks a host kernel. */
  readonly domain: '' | 'com.microsoft' | 'host';
  /** For an `If` the condition, and then all that its branches read. */
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  outputs: Value[];
  /** The tfjs kernel that made it, for error messages and profiles. */
  readonly origin: string;
  /** For a gather: its indices must be in [0, limit); named where one is not. */
  readonly limit?: number;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** An array for `size` elements of a type. */
export function allocate(dtype: DType, size: number): HostArray {
  switch (dtype) {
    case 'float32':
      return new Float32Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'bool':
      return new Uint8Array(size);
    case 'int64':
      return new BigInt64Array(size);
  }
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

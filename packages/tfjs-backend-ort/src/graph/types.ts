/**
 * Element types of graph values. Inside a graph alone: int64, as indices, and int8, uint8 and float16, as which the
 * words of packed tables are read.
 */
export type DType = 'float32' | 'int32' | 'bool' | 'int64' | 'int8' | 'uint8' | 'float16';

/** Host arrays behind values: bool is one byte per element, as in tfjs, and float16 its bits. */
export type HostArray = Float32Array | Int32Array | Uint8Array | BigInt64Array | Int8Array | Uint16Array;

/** TensorProto.DataType, and the number that ONNX Runtime's interface knows a type by. */
export const elementTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

/** The arrays of the types. */
const arrays = {
  float32: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
} as const;

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
  /** The input whose bytes it is, read as another type. */
  readonly bytesOf?: Value;
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
  return new arrays[dtype](size);
}

/** Bytes of an element. */
export function bytesOf(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

/** A view of `size` elements of a type from a byte on. */
export function arrayOver(dtype: DType, buffer: ArrayBufferLike, offset: number, size: number): HostArray {
  return new arrays[dtype](buffer as ArrayBuffer, offset, size);
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

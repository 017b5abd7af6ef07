/**
 * Writes the small part of the ONNX format that a fixed graph needs, as protocol buffer bytes. Field numbers are those
 * of onnx.proto3.
 */

/** A constant of the graph. */
export interface Initializer {
  /** Name that nodes refer to. */
  name: string;
  /** Shape; [] for a scalar. */
  shape: readonly number[];
  /** Values: float32, or int64 for shapes and axes. */
  data: Float32Array | BigInt64Array;
}

/** An attribute of a node: an integer, a float (wrapped), or a list of integers. */
export type Attribute = number | readonly number[] | { float: number };

/** One operation. */
export interface Node {
  /** Operator name, such as MatMul. */
  op: string;
  /** Names of its inputs. */
  inputs: readonly string[];
  /** Names of its outputs. */
  outputs: readonly string[];
  /** Its attributes. */
  attributes?: Readonly<Record<string, Attribute>>;
}

/** An input or output of the graph; a string is a symbolic dimension. */
export interface GraphValue {
  /** As the graph calls it. */
  name: string;
  /** Element type. */
  type: 'float32' | 'int64';
  /** Its shape. */
  shape: readonly (number | string)[];
}

/** A whole model. */
export interface OnnxGraph {
  /** What is fed. */
  inputs: readonly GraphValue[];
  /** What comes out. */
  outputs: readonly GraphValue[];
  /** Operations in an order that computes each value before it is used. */
  nodes: readonly Node[];
  /** Constants. */
  initializers: readonly Initializer[];
}

const dataType = { float32: 1, int64: 7 } as const;

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Base-128 number. Negative values take ten bytes, as protocol buffers write int64. */
function varint(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

function integer(field: number, value: number): Uint8Array {
  return join([varint(field << 3), varint(value)]);
}

function bytesField(field: number, content: Uint8Array): Uint8Array {
  return join([varint((field << 3) | 2), varint(content.length), content]);
}

function text(field: number, value: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(value));
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return bytesField(field, join(parts));
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([varint((field << 3) | 5), bytes]);
}

/** AttributeProto: name 1, f 2, i 3, ints 8, type 20 (1 float, 2 int, 7 ints). */
function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return message(5, [text(1, name), integer(3, value), integer(20, 2)]);
  if ('float' in value) return message(5, [text(1, name), float(2, value.float), integer(20, 1)]);
  return message(5, [text(1, name), ...value.map((entry) => integer(8, entry)), integer(20, 7)]);
}

/** NodeProto: input 1, output 2, op_type 4, attribute 5. */
function node({ op, inputs, outputs, attributes = {} }: Node): Uint8Array {
  return message(1, [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  ]);
}

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9 (little-endian). */
function initializer({ name, shape, data }: Initializer): Uint8Array {
  return message(5, [
    ...shape.map((size) => integer(1, size)),
    integer(2, data instanceof Float32Array ? dataType.float32 : dataType.int64),
    text(8, name),
    bytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

/** ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 | dim_param 2 } } } }. */
function value(field: number, { name, type, shape }: GraphValue): Uint8Array {
  const dims = shape.map((size) => message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]));
  return message(field, [
    text(1, name),
    message(2, [message(1, [integer(1, dataType[type]), message(2, dims)])]),
  ]);
}

/**
 * The bytes of an ONNX model (IR version 8, operator set 17). Values are written as the machine holds them, so this
 * needs a little-endian machine, as ONNX Runtime does.
 *
 * @param graph - Inputs, outputs, operations and constants.
 */
export function encodeOnnx({ inputs, outputs, nodes, initializers }: OnnxGraph): Uint8Array {
  // ModelProto: ir_version 1, graph 7 { node 1, name 2, initializer 5, input 11, output 12 }, opset_import 8 { version 2 }.
  return join([
    integer(1, 8),
    message(7, [
      ...nodes.map(node),
      text(2, 'ferry'),
      ...initializers.map(initializer),
      ...inputs.map((entry) => value(11, entry)),
      ...outputs.map((entry) => value(12, entry)),
    ]),
    message(8, [integer(2, 17)]),
  ]);
}

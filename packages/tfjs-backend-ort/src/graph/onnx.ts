import { ProtoWriter } from './protobuf.ts';
import { elementTypes, type Attribute, type HostArray, type Node, type Value } from './types.ts';

const OPSET = 21;
const IR_VERSION = 10;

/** The name of a value inside a model. */
export function nameOf(value: Value): string {
  return `v${value.id}`;
}

/** The nodes, inputs and outputs of one session. */
export interface Model {
  /** In an order in which every node follows those it reads. */
  nodes: readonly Node[];
  /** Values fed at each run. */
  inputs: readonly Value[];
  /** Values fetched at each run. */
  outputs: readonly Value[];
}

/** Serialises a model as an ONNX ModelProto; constants that the nodes read become initialisers. */
export function serialize({ nodes, inputs, outputs }: Model): Uint8Array {
  const writer = new ProtoWriter();
  writer.int(1, IR_VERSION);
  writer.string(2, 'ferry');
  writer.message(7, (graph) => {
    writeBody(graph, nodes, 'step', outputs);
    for (const constant of constantsOf(nodes))
      graph.message(5, (w) => {
        writeTensor(w, constant);
      });
    for (const value of inputs)
      graph.message(11, (w) => {
        writeValueInfo(w, value);
      });
  });
  for (const [domain, version] of [
    ['', OPSET],
    ['com.microsoft', 1],
  ] as const)
    writer.message(8, (w) => {
      w.string(1, domain);
      w.int(2, version);
    });
  return writer.finish();
}

function constantsOf(nodes: readonly Node[]): Value[] {
  const constants = new Map<number, Value>();
  for (const node of nodes)
    for (const input of node.inputs) if (input?.constant) constants.set(input.id, input);
  return [...constants.values()];
}

function writeNode(writer: ProtoWriter, node: Node): void {
  // What the branches of an If read they find by name.
  const inputs = node.op === 'If' ? node.inputs.slice(0, 1) : node.inputs;
  for (const input of inputs) writer.string(1, input ? nameOf(input) : '');
  for (const output of node.outputs) writer.string(2, nameOf(output));
  writer.string(3, `${node.origin}#${node.outputs[0]?.id ?? 0}`);
  writer.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes))
    writer.message(5, (w) => {
      writeAttribute(w, name, value);
    });
  if (node.domain) writer.string(7, node.domain);
}

/** AttributeProto: FLOAT 1, INT 2, STRING 3, GRAPH 5, INTS 7. */
function writeAttribute(writer: ProtoWriter, name: string, value: Attribute): void {
  writer.string(1, name);
  if (typeof value === 'string') {
    writer.string(4, value);
    writer.int(20, 3);
  } else if (typeof value === 'number') {
    writer.int(3, value);
    writer.int(20, 2);
  } else if (Array.isArray(value)) {
    for (const item of value) writer.int(8, item);
    writer.int(20, 7);
  } else if ('branch' in value) {
    const { nodes, outputs } = value.branch;
    writer.message(6, (graph) => {
      writeBody(graph, nodes, name, outputs);
    });
    writer.int(20, 5);
  } else {
    writer.float(2, value.float);
    writer.int(20, 1);
  }
}

/** The parts of a GraphProto that a branch has too: nodes, name, outputs. */
function writeBody(
  writer: ProtoWriter,
  nodes: readonly Node[],
  name: string,
  outputs: readonly Value[],
): void {
  for (const node of nodes)
    writer.message(1, (w) => {
      writeNode(w, node);
    });
  writer.string(2, name);
  for (const value of outputs)
    writer.message(12, (w) => {
      writeValueInfo(w, value);
    });
}

/** TensorProto with raw little-endian data. A splat is written once, as a scalar that broadcasts. */
function writeTensor(writer: ProtoWriter, value: Value): void {
  const data = value.constant as HostArray;
  if (!value.splat) for (const dim of value.shape) writer.int(1, dim);
  writer.int(2, elementTypes[value.dtype]);
  writer.string(8, nameOf(value));
  const bytes = value.splat ? data.subarray(0, 1) : data;
  writer.bytes(9, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function writeValueInfo(writer: ProtoWriter, value: Value): void {
  writer.string(1, nameOf(value));
  writer.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.int(1, elementTypes[value.dtype]);
      tensor.message(2, (shape) => {
        for (const dim of value.shape)
          shape.message(1, (w) => {
            // A dimension without a value is any.
            if (dim >= 0) w.int(1, dim);
          });
      });
    });
  });
}

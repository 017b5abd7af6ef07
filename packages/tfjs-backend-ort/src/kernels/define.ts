import { tf } from '../tfjs.js';
import { asOrt, BACKEND_NAME, type OrtBackend } from '../backend.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';

/** Inputs of a kernel by their tfjs names, as graph values. */
export type KernelInputs = Readonly<Record<string, Value>>;

/** Builds the graph of one tfjs kernel: all shapes are known. */
export type Lowering<A = Record<string, never>> = (
  g: Graph,
  inputs: KernelInputs,
  attributes: A,
) => Value | Value[];

interface Definition {
  name: string;
  lower: Lowering;
}

const DEFINITIONS: Definition[] = [];

/**
 * Defines a tfjs kernel for the backend. The same few lines serve eager calls (a program of one operation) and compiled
 * functions (a part of the traced graph).
 *
 * @param name - The tfjs kernel name.
 * @param lower - Builds its graph.
 */
export function defineKernel<A = Record<string, never>>(name: string, lower: Lowering<A>): void {
  DEFINITIONS.push({ name, lower: lower as unknown as Lowering });
}

/** Names of all kernels of the backend, sorted. */
export function kernelNames(): string[] {
  return DEFINITIONS.map((definition) => definition.name).sort();
}

/** Registers all kernels with tfjs. */
export function registerKernels(): void {
  for (const { name, lower } of DEFINITIONS)
    tf.registerKernel({
      kernelName: name,
      backendName: BACKEND_NAME,
      kernelFunc: ({ inputs, attrs, backend }) => run(asOrt(backend), name, lower, inputs, attrs ?? {}),
    });
}

function run(
  backend: OrtBackend,
  name: string,
  lower: Lowering,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
): tf.TensorInfo | tf.TensorInfo[] {
  const keys = Object.keys(inputs).filter((key) => inputs[key] != null);
  const infos = keys.map((key) => inputs[key]!);
  for (const { dataId } of infos) backend.buffer(dataId, name);
  const named = (values: Value[]): KernelInputs =>
    Object.fromEntries(keys.map((key, i) => [key, values[i]!]));
  const shape = { single: true };
  const build = (g: Graph, values: Value[]): Value[] => {
    const result = lower(g, named(values), attrs as Record<string, never>);
    shape.single = !Array.isArray(result);
    return Array.isArray(result) ? result : [result];
  };
  const { trace } = backend;
  if (trace) {
    trace.graph.origin = name;
    const results = build(
      trace.graph,
      infos.map((info) => trace.value(info)),
    ).map((value) => backend.tensorInfo(value.shape, value.dtype, { symbol: value }));
    return shape.single ? results[0]! : results;
  }
  const types = infos.map((info, i) => `${keys[i]!}:${info.dtype}${info.shape.join('x')}`);
  const key = `${name}|${types.join()}|${attributeKey(attrs)}`;
  const results = backend.runEager(key, name, infos, build);
  return results.length === 1 && !MULTIPLE.has(name) ? results[0]! : results;
}

/** Kernels whose result is a list even when it has one entry. */
const MULTIPLE = new Set(['SplitV', 'Unpack', 'TopK', 'Unique']);

/** Attributes as text; JSON alone would make one of Infinity, NaN and null, and one of 0 and -0. */
function attributeKey(attrs: tf.NamedAttrMap): string {
  return JSON.stringify(attrs, (_, value: unknown) => {
    if (Object.is(value, -0)) return '-0';
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}

import { tf } from './tfjs.js';
import type { Buffer } from './buffer.ts';
import { Graph, type Target } from './graph/graph.ts';
import { allocate, sizeOf, type DType, type Value } from './graph/types.ts';

/** Captured tensors of at most this many elements become constants of the graph; larger ones are fed by reference. */
const BAKED_ELEMENTS = 1024;

/** Where a trace finds the data of a tensor: the backend. */
export interface BufferSource {
  buffer(dataId: object): Buffer;
}

/** One function being traced: its graph and what it captured. */
export class Trace {
  readonly name: string;
  readonly graph: Graph;
  /** Variables that were read: the input that stands for their value at the start of a run. */
  readonly states = new Map<tf.Variable, Value>();
  /** Other tensors made outside the function: constants that are fed instead of baked, because they are large. */
  readonly captured = new Map<object, Value>();
  readonly #backend: BufferSource;
  readonly #variables = new Map<Value, tf.Variable>();
  readonly #constants = new Map<object, Value>();
  readonly #own = new WeakSet<object>();

  constructor(name: string, backend: BufferSource, target: Target) {
    this.name = name;
    this.#backend = backend;
    this.graph = new Graph(target);
  }

  /** The symbol of a variable, which is an input of the graph once it is read. */
  state(variable: tf.Variable): Value {
    const symbol = this.graph.input(variable.dtype as DType, variable.shape);
    this.#variables.set(symbol, variable);
    return symbol;
  }

  /** The value of a tensor in the graph, in the tensor's own shape. */
  value(info: tf.TensorInfo): Value {
    const buffer = this.#backend.buffer(info.dataId);
    const value = buffer.symbol ?? this.#concrete(info, buffer);
    const variable = this.#variables.get(value);
    if (variable) this.states.set(variable, value);
    return this.graph.reshape(value, info.shape);
  }

  /** Called for tensors made from arrays while tracing: they are constants, whatever their size. */
  own(dataId: object): void {
    this.#own.add(dataId);
  }

  #concrete(info: tf.TensorInfo, buffer: Buffer): Value {
    const known = this.#constants.get(info.dataId) ?? this.captured.get(info.dataId);
    if (known) return known;
    if (sizeOf(info.shape) > BAKED_ELEMENTS && !this.#own.has(info.dataId)) {
      const value = this.graph.input(info.dtype as DType, info.shape);
      this.captured.set(info.dataId, value);
      return value;
    }
    const { array } = buffer;
    const first = array[0];
    const uniform = array.length > 1 && array.every((element) => Object.is(element, first));
    const value = uniform
      ? this.graph.splat(info.dtype as DType, info.shape, Number(first))
      : this.graph.constant(info.dtype as DType, info.shape, copyOf(buffer, info.dtype as DType));
    this.#constants.set(info.dataId, value);
    return value;
  }
}

/** The trace keeps a copy, for the tensor may be disposed or overwritten before the graph is compiled. */
function copyOf(buffer: Buffer, dtype: DType) {
  const copy = allocate(dtype, buffer.array.length);
  (copy as Float32Array).set(buffer.array as Float32Array);
  return copy;
}

import type { DType, HostArray } from '../graph/types.ts';

/** Options of every session. */
export interface SessionOptions {
  /** Threads of one operator. */
  threads: number;
  /** Execution providers, in the order of preference. */
  providers: readonly string[];
  /** Path prefix of a profile that ONNX Runtime writes when the session ends; a number and the time are added. */
  profile?: string;
  /** Always by onnxruntime-node's binding: what is done where the C interface cannot be called. Default false. */
  binding?: boolean;
}

/** An array as sessions read or write it: a live view. */
export interface SessionTensor {
  readonly array: HostArray;
  /** Frees the view, not the array. */
  dispose(): void;
}

/** Names of what goes into a model and comes out, in the order of {@link Session.run}. */
export interface PortNames {
  inputs: readonly string[];
  outputs: readonly string[];
}

/** One compiled ONNX model. */
export interface Session {
  /** Runs the model on its inputs and writes all outputs where they belong. */
  run(reads: readonly SessionTensor[], writes: readonly SessionTensor[]): void;
  /** Frees the native session. */
  dispose(): void;
}

/** A road to ONNX Runtime. */
export interface Runtime {
  /** A view of an array, for sessions of the same runtime. */
  tensor(dtype: DType, array: HostArray, shape: readonly number[]): SessionTensor;
  /** Loads an ONNX model. */
  session(model: Uint8Array, ports: PortNames): Session;
}

/** Profiles begun in this process. */
let profiles = 0;

/**
 * The path prefix of the next session's profile: ONNX Runtime adds the time in milliseconds, which two small sessions
 * share.
 */
export function nextProfile(prefix: string): string {
  return `${prefix}-${++profiles}`;
}

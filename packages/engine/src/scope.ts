import { tf } from '@ferry/tfjs-backend-ort';

/** What tensors hold at one moment. */
export interface MemoryReport {
  /** Tensors that are not disposed, variables included. */
  tensors: number;
  /** Variables among them. */
  variables: number;
  /** Distinct arrays behind them: clones and reshapes share one. */
  buffers: number;
  /** Bytes of all tensors; those that share an array count each. */
  bytes: number;
  /** Resident memory of the whole process, in bytes. */
  resident: number;
}

/**
 * Runs a function and frees every tensor made in it, except those it returns (in any nest), variables, and tensors
 * passed to `tf.keep`; also when it throws.
 *
 * @param fn - Synchronous: what happens after an `await` is in no scope.
 * @throws Error if `fn` returns a promise.
 */
export function scope<T>(fn: () => T): T {
  let result: T | undefined;
  // The tensors alone: tfjs looks for them in the elements of raw arrays as well, and fails where there are many.
  tf.tidy(() => {
    result = fn();
    if (result instanceof Promise)
      throw new Error('scope: fn must be synchronous, got a promise; read values after the scope');
    return [...tensorsOf(result)];
  });
  return result as T;
}

/** The tensors of a nest of records and arrays, to any depth; plain values and raw arrays are passed over. */
function* tensorsOf(nest: unknown): Generator<tf.Tensor> {
  if (nest instanceof tf.Tensor) yield nest;
  else if (typeof nest === 'object' && nest !== null && !ArrayBuffer.isView(nest))
    for (const part of Object.values(nest)) yield* tensorsOf(part);
}

/** Frees every tensor of a nest of records and arrays, to any depth; plain values and raw arrays are passed over. */
export function disposeNest(nest: unknown): void {
  for (const tensor of tensorsOf(nest)) tensor.dispose();
}

/** What tensors hold now: equal numbers before and after a piece of work mean that it leaks none. */
export function memory(): MemoryReport {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  const { registeredVariables } = (
    tf.engine() as unknown as { state: { registeredVariables: Record<string, tf.Variable> } }
  ).state;
  return {
    tensors: numTensors,
    variables: Object.keys(registeredVariables).length,
    buffers: numDataBuffers,
    bytes: numBytes,
    resident: process.memoryUsage.rss(),
  };
}

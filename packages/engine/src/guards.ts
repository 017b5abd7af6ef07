import { tf } from '@ferry/tfjs-backend-ort';

/** The compiled function whose body is running, while it does. */
let running: string | undefined;

/** Name of the compiled function whose body is running: on ort while it is traced, on other backends at each call. */
export function runningBody(): string | undefined {
  return running;
}

type Reader = (this: tf.Tensor) => unknown;
const prototype = tf.Tensor.prototype as unknown as Record<'dataSync' | 'data', Reader>;
const readers = { dataSync: prototype.dataSync, data: prototype.data };
const { random } = Math;

/**
 * Runs the body of a compiled function with what it must not do made an error, so that a function which only works
 * eagerly fails on every backend: reading a tensor's value, and drawing from `Math.random` (tf.random*, tf.dropout),
 * whose numbers a compiled graph would repeat at every call.
 */
export function guarded<T>(name: string, body: () => T): T {
  const reading = function (this: tf.Tensor): never {
    // For a traced value the backend's own error says which operation made it.
    if (tf.getBackend() === 'ort') readers.dataSync.call(this);
    throw new Error(
      `compile: '${name}' reads the value of a tensor; a compiled graph would keep that value for good: ` +
        'pass what changes as an argument, return the tensor and read it outside',
    );
  };
  const drawing = (): never => {
    throw new Error(
      `compile: '${name}' draws from Math.random (as tf.random*, tf.dropout and tf.multinomial do); a compiled graph ` +
        'would repeat those numbers: pass a randomKey and use randomSource',
    );
  };
  running = name;
  Object.assign(prototype, { dataSync: reading, data: reading });
  Math.random = drawing;
  try {
    return body();
  } finally {
    running = undefined;
    Object.assign(prototype, readers);
    Math.random = random;
  }
}

/** Runs a part of a body that this package vouches for with reading allowed. */
export function reading<T>(part: () => T): T {
  const guards = { dataSync: prototype.dataSync, data: prototype.data };
  Object.assign(prototype, readers);
  try {
    return part();
  } finally {
    Object.assign(prototype, guards);
  }
}

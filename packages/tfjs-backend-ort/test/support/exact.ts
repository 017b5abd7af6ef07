import { tf } from '../../src/tfjs.js';
import { expect } from 'vitest';
import { compile } from '../../src/index.ts';
import { mixed } from './cases.ts';
import { expectClose } from './harness.ts';

// Sizes at which ONNX Runtime splits an operator between threads: what races there is wrong differently every time.
const REPEATS = 4;
/** Entries of large results that the reference computes; every entry is compared between runs. */
const SAMPLES = 400;

/** The results of a compiled function, and whether a run gave other bits than the first. */
export function repeated(
  fn: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  inputs: [Float32Array | Int32Array | Uint8Array, number[]][],
) {
  const tensors = inputs.map(([data, shape]) =>
    tf.tensor(
      data,
      shape,
      data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'bool' : 'float32',
    ),
  );
  const compiled = compile((...x: tf.Tensor[]) => fn(...x));
  const run = () =>
    [compiled(...tensors)].flat().map((result) => {
      const values = result.dataSync().slice();
      result.dispose();
      return values;
    });
  try {
    const first = run();
    for (let i = 1; i < REPEATS; i++)
      run().forEach((values, k) => {
        expect(sameBits(values, first[k]!), `run ${i}, result ${k} equals the first run bit for bit`).toBe(
          true,
        );
      });
    return first;
  } finally {
    compiled.dispose();
    tf.dispose(tensors);
  }
}

/** Whether two arrays have the same bits. */
export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}

/** Compares sampled entries with their double-precision values. */
export function expectSamples(
  actual: ArrayLike<number>,
  entry: (i: number) => number,
  relative = 1e-5,
): void {
  const at = Array.from({ length: SAMPLES }, (_, i) => mixed(i) % actual.length);
  expectClose(
    at.map((i) => actual[i]!),
    at.map(entry),
    relative,
  );
}

/** Ids that repeat. */
export function ids(n: number, below: number): Int32Array {
  return Int32Array.from({ length: n }, (_, i) => mixed(i + 5) % below);
}

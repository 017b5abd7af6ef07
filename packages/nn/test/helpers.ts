import { readFileSync } from 'node:fs';
import { compile, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect } from 'vitest';
import { flattenParameters, type Parameters, torchName } from '../src/index.ts';

/** How a test computes: a backend, and whether the function under test is compiled. */
export interface Variant {
  backend: string;
  compiled: boolean;
}

const backends = (process.env['FERRY_TEST_BACKENDS'] ?? 'cpu,ort').split(',');

/** Every backend under test (FERRY_TEST_BACKENDS); on `ort` compiled and eager. */
export const variants: Variant[] = backends.flatMap((backend) =>
  backend.startsWith('ort')
    ? [
        { backend, compiled: true },
        { backend, compiled: false },
      ]
    : [{ backend, compiled: false }],
);

/** Runs the same tests on every variant. */
export function describeVariants(name: string, body: (variant: Variant) => void): void {
  describe.each(variants)(`${name} on $backend, compiled: $compiled`, (variant) => {
    beforeAll(async () => {
      await selectBackend(variant.backend as 'cpu');
    });
    body(variant);
  });
}

/** Reads a fixture that a script of tools/parity wrote. */
export function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')) as unknown;
}

function mixed(i: number): number {
  let v = Math.imul(i, 2654435761);
  v ^= v >>> 16;
  v = Math.imul(v, 2246822519);
  return (v ^ (v >>> 13)) >>> 0;
}

/** The numbers that fill() of tools/parity/nn_values.py makes from a name. */
export function fill(name: string, shape: readonly number[]): Float32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  const shift = name.includes('norm') && name.endsWith('weight') ? 1 : 0;
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, (_, i) => mixed((seed + i) >>> 0) / 2 ** 32 - 0.5 + shift);
}

/** Gives parameters the values they have in the parity scripts: made from PyTorch's names. */
export function fillParameters(tree: Parameters, rename = torchName): void {
  for (const [name, variable] of flattenParameters(tree))
    tf.tidy(() => {
      variable.assign(tf.tensor(fill(rename(name), variable.shape), variable.shape));
    });
}

/** Largest difference of two lists in relation to the largest number expected. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let difference = 0;
  let largest = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!(error <= difference)) difference = error;
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

/** Fails unless all numbers agree to `tolerance` of the largest one. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = '',
): void {
  const error = relativeError(actual, expected);
  expect(
    error,
    `${what}: relative error ${error}\n got ${list(actual)}\n expected ${list(expected)}`,
  ).toBeLessThanOrEqual(tolerance);
}

const list = (values: ArrayLike<number>) => Array.from(values).slice(0, 12).join(', ');

/** Output of a function of variables, and the gradients of Σ output * factors, by variable. */
export interface Differentiated {
  output: Float32Array;
  shape: number[];
  gradients: Map<tf.Variable, Float32Array>;
}

/**
 * Runs `forward` and differentiates it, compiled if the variant says so.
 *
 * @param masks - Tensors that `forward` also needs; explicit arguments of the compiled function.
 */
export function differentiate<Masks extends Readonly<Record<string, tf.Tensor>>>(
  { compiled }: Variant,
  variables: readonly tf.Variable[],
  masks: Masks,
  forward: (masks: Masks) => tf.Tensor,
): Differentiated {
  const step = (given: Masks) => {
    const output = forward(given);
    const factors = tf.tensor(fill('factors', output.shape), output.shape);
    const { grads } = tf.variableGrads(() => tf.sum(tf.mul(forward(given), factors)), [...variables]);
    return { output, grads };
  };
  const run = compile(step, { name: 'parity' });
  const { output, grads } = compiled ? run(masks) : tf.tidy(() => step(masks));
  const result: Differentiated = { output: numbers(output), shape: output.shape, gradients: new Map() };
  for (const variable of variables) {
    const gradient = grads[variable.name];
    if (gradient) result.gradients.set(variable, numbers(gradient));
  }
  tf.dispose([output, grads]);
  run.dispose();
  return result;
}

/** A tensor's values. */
export function numbers(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync());
}

/**
 * Checks gradients by central differences, in float32: a step of 2^-7 and a tolerance that fits it.
 *
 * @param forward - A scalar from the variables.
 */
export function expectGradients(variables: readonly tf.Variable[], forward: () => tf.Tensor): void {
  // Added up in double precision: a float32 sum would bury small slopes.
  const scalar = () => numbers(tf.tidy(forward)).reduce((a, b) => a + b, 0);
  const { grads, value } = tf.variableGrads(() => tf.sum(forward()), [...variables]);
  const step = 2 ** -7;
  for (const variable of variables) {
    const values = numbers(variable);
    const set = (v: Float32Array) => {
      tf.tidy(() => {
        variable.assign(tf.tensor(v, variable.shape));
      });
    };
    const slopes = values.map((_, i) => {
      const shifted = (by: number) => {
        const copy = values.slice();
        copy[i]! += by;
        set(copy);
        return scalar();
      };
      return (shifted(step) - shifted(-step)) / (2 * step);
    });
    set(values);
    // Rounding of the forward pass alone makes slopes of 1e-5: those below 0.01 are compared as if one were 0.01.
    const known = [...numbers(grads[variable.name]!), 0.01];
    expectClose(known, [...slopes, 0.01], 3e-3, `gradient of [${variable.shape.join(', ')}]`);
  }
  tf.dispose([grads, value]);
}

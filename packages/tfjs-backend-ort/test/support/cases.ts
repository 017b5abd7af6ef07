import { tf } from '../../src/tfjs.js';

/** Ways to fill an input; all are pure functions of the size. */
export type Fill =
  /** Distinct values in (-2, 2), none within 1/64 of 0. */
  | 'spread'
  /** Distinct values in (0.3, 2.7). */
  | 'positive'
  /** Distinct values in (-0.95, 0.95). */
  | 'unit'
  /** Distinct values in (1.2, 3). */
  | 'above1'
  /** Whole numbers in [-5, 5]. */
  | 'integers'
  /** 0 or 1. */
  | 'bits'
  /** Whole numbers in [0, below). */
  | { below: number }
  | readonly number[];

/** One input of a case. */
export interface Input {
  shape: readonly number[];
  dtype: 'float32' | 'int32' | 'bool';
  fill: Fill;
}

/** One row of the parity table. */
export interface Case {
  /** The kernel that the row is for; the run must reach it. */
  kernel: string;
  /** What distinguishes it from the kernel's other rows. */
  name: string;
  inputs: readonly Input[];
  run: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Inputs whose gradients are compared. */
  gradient?: readonly number[];
  /** Why tfjs's cpu gradient is no reference; finite differences still are. */
  gradientDiffers?: string;
  /** Relative tolerance other than 1e-5, and why. */
  tolerance?: { relative: number; why: string };
  /** On the execution provider webgpu: another tolerance, or the row is left out there; and why. */
  webgpu?: { relative?: number; without?: true; why: string };
  /** Why the row is not repeated with every float input uniform. */
  notUniform?: string;
  /** The same by other kernels, where the cpu backend lacks this one. */
  onCpu?: (...x: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
}

/** A float32 input. */
export function float(shape: readonly number[], fill: Fill = 'spread'): Input {
  return { shape, dtype: 'float32', fill };
}

/** An int32 input. */
export function int(shape: readonly number[], fill: Fill = 'integers'): Input {
  return { shape, dtype: 'int32', fill };
}

/** A bool input. */
export function bool(shape: readonly number[], fill: Fill = 'bits'): Input {
  return { shape, dtype: 'bool', fill };
}

/** Calls a kernel by name. */
export function kernel(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, unknown> = {},
): tf.Tensor {
  return tf.engine().runKernel<tf.Tensor>(name, inputs, attributes as unknown as tf.NamedAttrMap);
}

/** A 32-bit number that looks random, from its position. */
export function mixed(i: number): number {
  let v = Math.imul(i + 1, 2654435761) >>> 0;
  v = (v ^ (v >>> 16)) >>> 0;
  v = Math.imul(v, 2246822519) >>> 0;
  return (v ^ (v >>> 13)) >>> 0;
}

/** Numbers in [-1, 1) that look random. */
export function noise(n: number, salt = 0): Float32Array {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = mixed(i + 7919 * salt) / 2 ** 31 - 1;
  return values;
}

/** The elements of an input. */
export function valuesOf(input: Input, position: number): number[] {
  const n = tf.util.sizeFromShape([...input.shape]);
  const { fill } = input;
  if (Array.isArray(fill)) return [...(fill as readonly number[])];
  const ranks = Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => mixed(a + 101 * position) - mixed(b + 101 * position),
  );
  // Inputs differ even where each has one element; no grid has a point near its middle.
  const offset = [0.7, 0.9, 0.62, 0.8, 0.75][position]!;
  const grid = (low: number, high: number) => ranks.map((rank) => low + ((high - low) * (rank + offset)) / n);
  switch (fill) {
    case 'spread':
      return grid(-2, 2);
    case 'positive':
      return grid(0.3, 2.7);
    case 'unit':
      return grid(-0.95, 0.95);
    case 'above1':
      return grid(1.2, 3);
    case 'integers':
      return ranks.map((_, i) => (mixed(i + 13 * position) % 11) - 5);
    case 'bits':
      return ranks.map((_, i) => (mixed(i + 13 * position) >>> 3) % 2);
    default:
      return ranks.map((_, i) => mixed(i + 13 * position) % (fill as { below: number }).below);
  }
}

/** A tensor of the current backend. */
export function tensorOf(input: Input, values: readonly number[]): tf.Tensor {
  return tf.tensor([...values], [...input.shape], input.dtype);
}

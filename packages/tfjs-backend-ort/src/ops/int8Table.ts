import { tf } from '../tfjs.js';
import { hostIsNear } from './hostIsNear.ts';

/** The largest integer of a weight: the least one of int8 has no opposite, and is not used. */
const LARGEST = 127;

/** Inputs of a row up to which plain products below are exact: 16 · 127 · 2¹³ < 2²⁴. */
const LONGEST = 2 ** 13;

/**
 * The weights of a linear layer in 8 bits each, for {@link linear}: frozen, without gradient. A quarter of the room, and
 * faster where the processor multiplies bytes.
 */
export class Int8Table {
  /** [O, I] */
  readonly shape: readonly [outputs: number, inputs: number];
  /** Of each output: a weight is its integer times this. [O] */
  readonly scale: tf.Tensor1D;
  /** On `ort` (execution provider cpu) the bytes of [I, O] in words of int32, elsewhere the integers as floats, [O, I]. */
  readonly #numbers: tf.Tensor;
  /** How those are held; undefined: as floats. */
  readonly #bytes: 'int8' | 'uint8' | undefined;

  /**
   * Rounds weights to integers of -127 to 127 with a scale for each output, `max |w| / 127`, to the nearest and ties to
   * even: `weight_type=QInt8, per_channel=True` of ONNX Runtime's `quantize_dynamic`.
   *
   * @param weights - [O, I], row-major, PyTorch's layout.
   * @param shape - O and I.
   * @param signed - Whether bytes on `ort` are int8, not uint8 with 128 for zero: the same products, if the processor's
   *   of signed bytes are exact. Default: if they are.
   * @throws Error for a weight that is not finite, or a shape without outputs or inputs, or with more than 8,192 of these.
   */
  constructor(weights: Float32Array, shape: readonly [outputs: number, inputs: number], signed?: boolean) {
    const { integers, scale } = quantised(weights, shape);
    this.shape = shape;
    this.scale = tf.keep(tf.tensor1d(scale));
    this.#bytes = hostIsNear() ? ((signed ?? signedIsExact()) ? 'int8' : 'uint8') : undefined;
    if (this.#bytes) this.#numbers = words(integers, shape, this.#bytes);
    else this.#numbers = tf.keep(tf.tensor2d(Float32Array.from(integers), [...shape]));
  }

  /**
   * `x Wᵀ + b` as ONNX Runtime computes what is dynamically quantised: the elements of x, all by one scale, as integers of
   * 0 to 255 (DynamicQuantizeLinear), sums of products of integers, exact, and these times both scales. The same on every
   * backend to float accuracy; a NaN in x makes all of the result NaN.
   *
   * @param x - [R, I]
   * @param bias - [O], or none.
   * @returns [R, O]
   */
  product(x: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
    if (!this.#bytes) return plainProduct(x, this.#numbers, this.scale, bias);
    if (!hostIsNear())
      throw new Error('linear: an int8 table is for the backend it was made on, ort, got another');
    return quantisedLinear(x, this.#numbers, this.scale, bias, this.#bytes);
  }

  /** Bytes that its numbers take. */
  get byteSize(): number {
    return 4 * (this.#numbers.size + this.scale.size);
  }

  /** Frees it. */
  dispose(): void {
    tf.dispose([this.#numbers, this.scale]);
  }
}

/** Integers of weights, [O, I], and the scale of each row. */
function quantised(
  weights: Float32Array,
  [outputs, inputs]: readonly [number, number],
): { integers: Int8Array; scale: Float32Array } {
  if (outputs < 1 || inputs < 1 || inputs > LONGEST || weights.length !== outputs * inputs)
    throw new Error(
      `Int8Table: weights must be [O, I] with O from 1 on and I in 1..${LONGEST}, got ${weights.length} for ` +
        `[${outputs}, ${inputs}]`,
    );
  const integers = new Int8Array(weights.length);
  const scale = new Float32Array(outputs);
  for (let row = 0; row < outputs; row++) {
    const own = weights.subarray(row * inputs, (row + 1) * inputs);
    let largest = 0;
    for (const value of own) {
      if (!Number.isFinite(value)) throw new Error(`Int8Table: weights must be finite, got ${value}`);
      largest = Math.max(largest, Math.abs(value));
    }
    scale[row] = largest / LARGEST;
    // Of a row of zeros, or so small that the scale is none, all integers are 0.
    const unit = scale[row]!;
    if (unit > 0)
      for (const [i, value] of own.entries())
        integers[row * inputs + i] = integerOf(Math.fround(value / unit));
  }
  return { integers, scale };
}

/** The nearest integer, ties to even, within ±127. */
function integerOf(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  const nearest = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
  return Math.max(-LARGEST, Math.min(LARGEST, nearest));
}

/** Bytes [I, O] of integers [O, I], in words; unsigned ones begin at -128. */
function words(
  integers: Int8Array,
  [outputs, inputs]: readonly [number, number],
  type: 'int8' | 'uint8',
): tf.Tensor {
  const held = new Int32Array(Math.ceil(integers.length / 4));
  const bytes = new Uint8Array(held.buffer);
  const first = type === 'int8' ? 0 : 128;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) bytes[i * outputs + o] = integers[o * inputs + i]! + first;
  return tf.keep(tf.tensor1d(held, 'int32'));
}

/** Calls the kernel. */
function quantisedLinear(
  x: tf.Tensor,
  table: tf.Tensor,
  scale: tf.Tensor,
  bias: tf.Tensor | undefined,
  type: 'int8' | 'uint8',
): tf.Tensor {
  const inputs = { x, table, scale, ...(bias && { bias }) };
  return tf.engine().runKernel<tf.Tensor>('QuantisedLinear', inputs, { signed: type === 'int8' });
}

let exact: boolean | undefined;

/**
 * Whether this machine's products of unsigned and signed bytes are exact. ONNX Runtime adds two of them in 16 bits where
 * there is nothing better (AVX2 and AVX-512 without VNNI), which the largest ones do not fit into; products of unsigned
 * bytes alone are exact everywhere, and slower.
 */
function signedIsExact(): boolean {
  exact ??= tf.tidy(() => {
    const [rows, inner, columns] = [8, 64, 32];
    const table = words(new Int8Array(inner * columns).fill(LARGEST), [columns, inner], 'int8');
    const sums = quantisedLinear(tf.ones([rows, inner]), table, tf.ones([columns]), undefined, 'int8');
    const right = sums.dataSync().every((sum) => Math.abs(sum - inner * LARGEST) < 1);
    table.dispose();
    return right;
  });
  return exact;
}

/**
 * The same in plain tensors. Inputs are taken in two parts of 4 bits and a sign: sums of the products of each are exact in
 * float32.
 */
function plainProduct(
  x: tf.Tensor,
  integers: tf.Tensor,
  scale: tf.Tensor,
  bias: tf.Tensor | undefined,
): tf.Tensor {
  const least = tf.minimum(tf.min(x), 0);
  const range = tf.sub(tf.maximum(tf.max(x), 0), least);
  const unit = tf.where(tf.equal(range, 0), tf.onesLike(range), tf.div(range, 255));
  const zero = tf.clipByValue(tf.round(tf.div(tf.neg(least), unit)), 0, 255);
  const centred = tf.sub(tf.clipByValue(tf.add(tf.round(tf.div(x, unit)), zero), 0, 255), zero);
  const high = tf.floor(tf.div(centred, 16));
  const low = tf.sub(centred, tf.mul(high, 16));
  const [above, below] = [high, low].map((part) => tf.matMul(part as tf.Tensor2D, integers, false, true));
  const sums = tf.add(tf.mul(above!, 16), below!);
  const product = tf.mul(sums, tf.mul(unit, scale));
  return bias ? tf.add(product, bias) : product;
}

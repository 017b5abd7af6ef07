import { tf } from '../../src/tfjs.js';
import { float, int, kernel, type Case } from './cases.ts';

/** Words with any bytes. */
const any = { below: 2 ** 29 };

/** The words of a tensor as bytes. */
function bytesOf(table: tf.Tensor): Uint8Array {
  const words = table.dataSync() as Int32Array;
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** A product of dynamically quantised x [R, I] with bytes [I, O], in double precision. */
function quantisedProduct(
  x: tf.Tensor,
  bytes: (at: number) => number,
  scale: tf.Tensor,
  bias: tf.Tensor,
): tf.Tensor {
  const [values, scales, added] = [x, scale, bias].map((t) => t.dataSync()) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [R, I] = x.shape as [number, number];
  const O = scale.size;
  const even = (v: number): number => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const [low, high] = [Math.min(0, ...rowEnds(values, Math.min)), Math.max(0, ...rowEnds(values, Math.max))];
  const unit = high > low ? Math.fround(Math.fround(high - low) / 255) : 1;
  const zero = Math.min(255, Math.max(0, even(Math.fround(-low / unit))));
  const numbers = values.map((v) => Math.min(255, Math.max(0, even(Math.fround(v / unit)) + zero)) - zero);
  const out = new Float32Array(R * O);
  for (let r = 0; r < R; r++)
    for (let o = 0; o < O; o++) {
      let sum = 0;
      for (let i = 0; i < I; i++) sum += numbers[r * I + i]! * bytes(i * O + o);
      out[r * O + o] = sum * unit * scales[o]! + added[o]!;
    }
  return tf.tensor2d(out, [R, O]);
}

/** The least or largest of some numbers at a time, for there may be more than a call takes. */
function rowEnds(values: Float32Array, end: (...v: number[]) => number): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i += 1000) found.push(end(...values.subarray(i, i + 1000)));
  return found;
}

/** The number that the bits of a half are. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >>> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction > 0 ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The halves of a table of words, [V, D]. */
function halves(table: tf.Tensor, shape: readonly [number, number]): tf.Tensor {
  const { buffer } = bytesOf(table);
  const bits = new Uint16Array(buffer.slice(0)).subarray(0, shape[0] * shape[1]);
  return tf.tensor2d(Float32Array.from(bits, halfOf), [...shape]);
}

/**
 * Rows of the kernels that read packed tables: products of [R, I] and [I, O], and tables [V, D] of which n rows are read.
 */
export function packedCases(
  products: readonly [R: number, I: number, O: number][],
  tables: readonly [V: number, D: number, n: number][],
): Case[] {
  return [
    ...products.flatMap(([R, I, O]) =>
      [true, false].map((signed): Case => ({
        kernel: 'QuantisedLinear',
        name: `${signed ? 'int8' : 'uint8'} [${R}, ${I}, ${O}]`,
        inputs: [float([R, I]), int([Math.ceil((I * O) / 4)], any), float([O], 'positive'), float([O])],
        run: (x, table, scale, bias) => kernel('QuantisedLinear', { x, table, scale, bias }, { signed }),
        onCpu: (x, table, scale, bias) => {
          const bytes = bytesOf(table);
          const at = (i: number): number => (signed ? (bytes[i]! << 24) >> 24 : bytes[i]! - 128);
          return quantisedProduct(x, at, scale, bias);
        },
      })),
    ),
    ...tables.flatMap(([V, D, n]): Case[] => {
      const shape = [V, D] as const;
      const table = int([Math.ceil((V * D) / 2)], any);
      const webgpu = {
        without: true,
        why: 'HalfTable is refused there: not every device has float16',
      } as const;
      return [
        {
          webgpu,
          kernel: 'HalvesAsFloats',
          name: `[${V}, ${D}]`,
          inputs: [table],
          run: (t) => kernel('HalvesAsFloats', { table: t }, { shape }),
          onCpu: (t) => halves(t, shape),
        },
        {
          webgpu,
          kernel: 'RowsOfHalves',
          name: `${n} of [${V}, ${D}]`,
          inputs: [table, int([n], { below: V })],
          run: (t, ids) => kernel('RowsOfHalves', { table: t, ids }, { shape }),
          onCpu: (t, ids) => tf.gather(halves(t, shape), ids),
        },
      ];
    }),
  ];
}

/**
 * Weights of a frozen encoder in fewer bytes. Linear layers take `int8` or `float16`, tables of words `float16` alone;
 * everything else is small, and stays as it is: normalisations, biases, positions, convolutions (and so ResNet, and the
 * patches of pictures).
 */
import { HalfTable, Int8Table, tf } from '@ferry/engine';
import { type Parameters, toFloat16 } from '@ferry/nn';
import type { Encoder } from './encoder.ts';

/** How weights of a frozen encoder may be held. */
export const weightForms = ['float32', 'float16', 'int8'] as const;

/** See {@link weightForms}. */
export type WeightForm = (typeof weightForms)[number];

/** A form of fewer bytes. */
export type PackedForm = Exclude<WeightForm, 'float32'>;

/** What {@link packWeights} makes. */
export interface PackedWeights {
  /** To be passed to the encoder's functions in place of its parameters; nothing in them can be trained. */
  readonly parameters: Parameters;
  /** Bytes of the matrices that were packed. */
  readonly bytes: {
    /** As float32. */
    readonly before: number;
    /** Packed, scales included. */
    readonly now: number;
  };
  /** Frees the encoder's own matrices of which there are packed ones. Its own parameters are of no use from then on. */
  readonly freeOriginals: () => void;
  /** Frees the packed matrices. The rest is the encoder's. */
  readonly dispose: () => void;
}

/** Queries, keys and values by one matrix. */
interface Joint {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** Matrices of linear layers that stand by themselves in a table of weights: `linear` reads them. */
const ofLinearLayers = ['weight', 'projection', 'reduction'];

/** Tables of which `embedding` reads rows. */
const ofWords = ['words'];

type Tree = Readonly<Record<string, unknown>>;

/**
 * Packs the matrices of an encoder's linear layers, and for `float16` its table of words.
 *
 * @param encoder - The encoder, which stays as it is.
 * @param form - `int8`: as ONNX Runtime's `quantize_dynamic` (see `Int8Table` of `@ferry/engine`); `float16`: rounded to
 *   halves, computed with as float32, on the backend `ort` alone.
 * @throws Error if the encoder has no such matrices, or the form cannot hold a weight or is not for the backend.
 */
export function packWeights(
  encoder: Pick<Encoder, 'family' | 'parameters'>,
  form: PackedForm,
): PackedWeights {
  const packed: (Int8Table | HalfTable)[] = [];
  const originals: tf.Tensor[] = [];
  const biases: tf.Tensor[] = [];
  const own = form === 'int8' ? ofLinearLayers : [...ofLinearLayers, ...ofWords];
  const pack = (
    name: string,
    values: Float32Array,
    shape: readonly [number, number],
  ): Int8Table | HalfTable => {
    const table = form === 'int8' ? new Int8Table(values, shape) : new HalfTable(halves(name, values), shape);
    packed.push(table);
    return table;
  };
  /** Queries, keys and values that one matrix makes, [3 D, D], as layers of their own: packed matrices are not cut. */
  const separated = (name: string, { weight, bias }: Joint): Tree => {
    originals.push(weight);
    const [rows, D] = weight.shape as [number, number];
    const values = weight.dataSync() as Float32Array;
    return Object.fromEntries(
      ['query', 'key', 'value'].map((part, i) => {
        const third = values.subarray((i * rows * D) / 3, ((i + 1) * rows * D) / 3);
        const shift = bias && tf.keep(tf.tidy(() => tf.slice(bias, [i * D], [D])));
        if (shift) biases.push(shift);
        return [part, { weight: pack(name, third, [rows / 3, D]), bias: shift }];
      }),
    );
  };
  const join = (tree: Tree, prefix: string): Tree =>
    Object.fromEntries(
      Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
        const name = prefix + key;
        if (key === 'joint') return Object.entries(separated(name, value as Joint));
        if (value !== undefined && !(value instanceof tf.Tensor))
          return [[key, join(value as Tree, `${name}.`)]];
        const tensor = value as tf.Tensor | undefined;
        if (tensor?.rank !== 2 || !own.includes(key)) return [[key, tensor]];
        originals.push(tensor);
        return [[key, pack(name, tensor.dataSync() as Float32Array, tensor.shape as [number, number])]];
      }),
    );
  const free = (): void => {
    for (const table of packed) table.dispose();
    tf.dispose(biases);
  };
  try {
    const parameters = join(encoder.parameters, '') as Parameters;
    if (packed.length === 0)
      throw new Error(`packWeights: ${encoder.family} has no linear layers to hold as ${form}: take float32`);
    const before = originals.reduce((sum, { size }) => sum + 4 * size, 0);
    return {
      parameters,
      bytes: { before, now: packed.reduce((sum, { byteSize }) => sum + byteSize, 0) },
      freeOriginals: () => {
        tf.dispose(originals);
      },
      dispose: free,
    };
  } catch (error) {
    free();
    throw error;
  }
}

/** Bits of halves. */
function halves(name: string, values: Float32Array): Uint16Array {
  const bits = Uint16Array.from(values, toFloat16);
  const lost = values.findIndex((value, i) => Number.isFinite(value) && (bits[i]! & 0x7fff) === 0x7c00);
  if (lost >= 0)
    throw new Error(
      `packWeights: float16 holds weights within ±65,504, got ${values[lost]!} in ${name}: take float32`,
    );
  return bits;
}

/**
 * An encoder as the tower of a sequential model: what is trained of it, what of its lower layers is computed once for
 * all, and its vectors from what a catalogue holds.
 *
 * N items, T tokens, D width.
 */
import { compile, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import { flattenParameters, type Parameters } from '@ferry/nn';
import type { Encoder } from './encoder.ts';
import type { EncoderInputs } from './family.ts';
import { createLora, type Lora, withLora } from './lora.ts';
import { frozenLayers, type Tuning, tunedWeights } from './tuning.ts';

/** An array of some items, row-major. */
export interface ItemArray {
  /** Sizes; the first is N. */
  readonly shape: readonly number[];
  /** Values. */
  readonly data: Int32Array | Float32Array;
}

/** What an encoder reads of items: token numbers and masks, or pixels. */
export type ItemContent = Readonly<Partial<Record<'ids' | 'mask' | 'types' | 'pixels', ItemArray>>>;

/** An encoder that is trained with a model. */
export interface EncoderTower {
  /** Width of its vectors. */
  readonly width: number;
  /** `weights` of the encoder, and `lora` with that tuning. */
  readonly parameters: Parameters;
  /** Names of those that are trained. */
  readonly trained: readonly string[];
  /** How many lower layers are computed once for each item. */
  readonly frozenLayers: number;
  /** The small matrices, with that tuning: to be saved apart, or merged. */
  readonly lora?: Lora;
  /** What a catalogue must hold of items: what they are, or what the frozen layers made of them. */
  content(items: ItemContent): Record<string, ItemArray>;
  /** Vectors of items, [V, width]. */
  vectors(p: Parameters, content: Readonly<Record<string, tf.Tensor>>, random?: RandomSource): tf.Tensor2D;
}

/** Items that the frozen layers encode together. */
const ITEMS_TOGETHER = 64;

/** What layers read besides their tokens. */
const beside = ['ids', 'mask', 'types'] as const;

/**
 * Makes a tower of an encoder, whose weights it takes over. Frozen lower layers compute without dropout, once.
 *
 * @param encoder - The encoder.
 * @param options - What is trained. Default everything.
 * @param random - Source of LoRA's first weights.
 */
export function encoderTower(
  encoder: Encoder,
  { tuning = 'all' }: { tuning?: Tuning },
  random: RandomStream,
): EncoderTower {
  const lora =
    typeof tuning === 'object' && 'lora' in tuning ? createLora(encoder, tuning.lora, random) : undefined;
  const own = tunedWeights(encoder, tuning);
  const small = lora ? [...flattenParameters(lora.parameters).keys()] : [];
  const frozen = frozenLayers([...own, ...small], encoder.layers);
  const effective = (p: Parameters): Parameters => {
    const weights = p['weights'] as Parameters;
    return lora ? withLora(weights, { options: lora.options, parameters: p['lora'] as Parameters }) : weights;
  };
  return {
    width: encoder.width,
    parameters: { weights: encoder.parameters, ...(lora && { lora: lora.parameters }) },
    trained: [...own.map((name) => `weights.${name}`), ...small.map((name) => `lora.${name}`)],
    frozenLayers: frozen,
    ...(lora && { lora }),
    content: (items) => {
      const kept = Object.fromEntries(beside.flatMap((name) => (items[name] ? [[name, items[name]]] : [])));
      if (frozen > 0) return { ...kept, hidden: lowerOf(encoder, items, frozen) };
      return { ...kept, ...(items.pixels && { pixels: items.pixels }) };
    },
    vectors: (p, { hidden, ...inputs }, random) =>
      encoder.vectors(effective(p), inputs, random, hidden && { layers: frozen, hidden }),
  };
}

/** What the lowest layers make of each item, [N, T, D]. */
function lowerOf(encoder: Encoder, items: ItemContent, layers: number): ItemArray {
  const entries = Object.entries(items);
  const count = entries[0]![1].shape[0]!;
  const size = Math.min(ITEMS_TOGETHER, count);
  const run = compile((inputs: EncoderInputs) => encoder.lower(encoder.parameters, inputs, layers), {
    name: `${encoder.family}.lower`,
  });
  let all = new Float32Array(0);
  let shape: number[] = [];
  for (let from = 0; from < count; from += size) {
    // The last block begins early enough to be as large as the others: one program serves all.
    const begin = Math.min(from, count - size);
    const block = Object.fromEntries(
      entries.map(
        ([
          name,
          {
            data,
            shape: [, ...rest],
          },
        ]) => {
          const row = rest.reduce((a, b) => a * b, 1);
          const values = data.subarray(begin * row, (begin + size) * row);
          return [name, tf.tensor(values, [size, ...rest], data instanceof Int32Array ? 'int32' : 'float32')];
        },
      ),
    );
    const made = run(block);
    const row = made.size / size;
    shape = [count, ...made.shape.slice(1)];
    if (all.length === 0) all = new Float32Array(count * row);
    all.set(made.dataSync(), begin * row);
    tf.dispose([made, ...Object.values(block)]);
  }
  run.dispose();
  return { shape, data: all };
}

/**
 * An encoder as the tower of a sequential model: what is trained of it, what of its lower layers is computed once for
 * all, and its vectors from what a catalogue holds.
 *
 * N items, T tokens, D width.
 */
import { type RandomSource, type RandomStream, tf } from '@ferry/engine';
import { flattenParameters, type Parameters } from '@ferry/nn';
import { createAdapters, withAdapters } from './adapters.ts';
import { augmented, type Augmentation } from './augment.ts';
import type { Encoder } from './encoder.ts';
import type { EncoderInputs } from './family.ts';
import { createLora, type Lora, withLora } from './lora.ts';
import { type ItemArray, type ItemContent, type ItemFile, type KeepOptions, lowerOf } from './lowerLayers.ts';
import { createPrompt, withPrompt } from './prompts.ts';
import { frozenLayers, type Tuning, tunedWeights } from './tuning.ts';

/** How bytes of pictures become what the network reads: `gain * byte + shift` of each channel. */
export interface PixelScale {
  /** Of red, green and blue. */
  readonly gain: readonly number[];
  /** Of red, green and blue. */
  readonly shift: readonly number[];
}

/** How an encoder is used as a tower. */
export interface TowerOptions {
  /** What is trained. Default everything. */
  readonly tuning?: Tuning;
  /** Of pictures that are held as bytes. Default: they are held as the network reads them. */
  readonly pixels?: PixelScale;
  /** What pictures go through in training. Default nothing. */
  readonly augment?: Augmentation;
  /** Layers of a segment that is computed again for the gradient, see `Way`. Default: all is kept. */
  readonly recompute?: number;
  /** Items that pass at a time in a training step; their gradients are added up. Default: all items of the step. */
  readonly microBatch?: number;
  /** Whether the model reads the vectors of all tokens instead of one of each item. Default false. */
  readonly tokens?: boolean;
}

/** An encoder that is trained with a model. */
export interface EncoderTower {
  /** Width of its vectors. */
  readonly width: number;
  /** `weights` of the encoder, and `lora`, `adapters` or `prompt` with that tuning. */
  readonly parameters: Parameters;
  /** Names of those that are trained. */
  readonly trained: readonly string[];
  /** How many lower layers are computed once for each item. */
  readonly frozenLayers: number;
  /** {@link TowerOptions.microBatch} */
  readonly microBatch?: number;
  /** The small matrices, with that tuning: to be saved apart, or merged. */
  readonly lora?: Lora;
  /**
   * What a catalogue must hold of items: what they are, what the frozen layers made of
   * them, or, where nothing is trained, their vectors; of tokens what all layers made of them.
   *
   * @param items - What they are.
   * @param keep - Where what the frozen layers make is kept.
   */
  content(items: ItemContent, keep?: KeepOptions): Promise<Record<string, ItemArray | ItemFile>>;
  /**
   * Vectors of items, [V, width], or of their tokens, [V, T, width]; those that the content has are taken as they are.
   */
  vectors(p: Parameters, content: Readonly<Record<string, tf.Tensor>>, random?: RandomSource): tf.Tensor;
}

/** What layers read besides their tokens. */
const beside = ['ids', 'mask', 'types'] as const;

/**
 * Makes a tower of an encoder, whose weights it takes over. Frozen lower layers compute without dropout, once.
 *
 * @param encoder - The encoder.
 * @param options - What is trained, and how pictures are read.
 * @param random - Source of the first weights of what a tuning adds.
 * @throws Error if a tuning means nothing here, or pictures are to be changed in training under frozen layers.
 */
export function encoderTower(
  encoder: Encoder,
  { tuning = 'all', pixels: scale, augment, recompute, microBatch, tokens = false }: TowerOptions,
  random: RandomStream,
): EncoderTower {
  const lora =
    typeof tuning === 'object' && 'lora' in tuning ? createLora(encoder, tuning.lora, random) : undefined;
  const adapters =
    typeof tuning === 'object' && 'adapters' in tuning
      ? createAdapters(encoder, tuning.adapters, random)
      : undefined;
  const prompt =
    typeof tuning === 'object' && 'prompt' in tuning
      ? createPrompt(encoder, tuning.prompt, random)
      : undefined;
  const own = tunedWeights(encoder, tuning);
  /** What the tuning adds, by its name. */
  const added = { lora: lora?.parameters, adapters, prompt };
  const small = Object.values(added).flatMap((tree) => (tree ? [...flattenParameters(tree).keys()] : []));
  const frozen = frozenLayers([...own, ...small], encoder.layers);
  const changes = augment?.flip === true || (augment?.crop ?? 1) < 1;
  if (changes && frozen > 0)
    throw new Error(
      `encoderTower: augment needs layers that are trained from the first, got a tuning that leaves ${frozen} ` +
        'frozen: what these make of a picture is computed once',
    );
  if (microBatch !== undefined && encoder.statistics === 'running')
    throw new Error(
      'encoderTower: microBatch is not for statistics running, which are those of all items of a step',
    );
  const idle = own.length + small.length === 0;
  const effective = (p: Parameters): Parameters => {
    const weights = p['weights'] as Parameters;
    if (adapters) return withAdapters(weights, p['adapters'] as Parameters);
    if (prompt) return withPrompt(weights, p['prompt'] as Parameters);
    return lora ? withLora(weights, { options: lora.options, parameters: p['lora'] as Parameters }) : weights;
  };
  const prepare = (inputs: EncoderInputs, drawn?: RandomSource): EncoderInputs => {
    if (!inputs.pixels) return inputs;
    const shown = changes && drawn ? augmented(inputs.pixels, augment!, drawn) : inputs.pixels;
    const [gain, shift] = [scale?.gain, scale?.shift].map(
      (values) => values && tf.tensor4d([...values], [1, values.length, 1, 1]),
    );
    return { ...inputs, pixels: gain ? tf.add(tf.mul(shown, gain), shift!) : shown };
  };
  return {
    width: tokens ? encoder.tokenWidth : encoder.width,
    parameters: { weights: encoder.parameters, ...added },
    trained: [...own.map((name) => `weights.${name}`), ...flattenParameters(added).keys()],
    frozenLayers: frozen,
    ...(microBatch !== undefined && !idle && { microBatch }),
    lora,
    content: async (items, keep = {}): Promise<Record<string, ItemArray | ItemFile>> => {
      const kept = Object.fromEntries(beside.flatMap((name) => (items[name] ? [[name, items[name]]] : [])));
      if (idle && !tokens) return { vectors: await lowerOf(encoder, items, undefined, prepare, scale, keep) };
      if (frozen > 0) return { ...kept, hidden: await lowerOf(encoder, items, frozen, prepare, scale, keep) };
      return { ...kept, ...(items.pixels && { pixels: items.pixels }) };
    },
    vectors: (p, { hidden, vectors, ...inputs }, drawn) => {
      if (vectors) return vectors;
      const way = { recompute, from: hidden && { layers: frozen, hidden } };
      const read = [effective(p), prepare(inputs, drawn), drawn, way] as const;
      return tokens ? encoder.encode(...read).hidden : encoder.vectors(...read);
    },
  };
}

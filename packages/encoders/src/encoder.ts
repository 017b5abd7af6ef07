/** An encoder: a network with its weights, as functions of parameters that a model may hold, train and pass back. */
import { recomputed, type RandomSource, tf } from '@ferry/engine';
import { disposeParameters, matchGlob, type Parameters } from '@ferry/nn';
import type { Encoded, EncoderInputs, Family, Network, Pass, Shared } from './family.ts';
import { prompted, promptLength } from './prompts.ts';
import { pool, type PoolingOptions } from './pool.ts';
import { flattenTable, type WeightTree } from './weights.ts';

/** A text or image encoder. */
export interface Encoder extends PoolingOptions {
  /** Its family, such as `bert`. */
  readonly family: string;
  /** What it reads. */
  readonly modality: 'text' | 'image';
  /** Its settings, as they stand in `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The folder it was read from. */
  readonly directory?: string;
  /** Names in the checkpoint that were passed over, such as heads of pre-training. */
  readonly ignored: readonly string[];
  /** Width of its vectors. */
  readonly width: number;
  /** Width of the vectors of its tokens. */
  readonly tokenWidth: number;
  /** Number of layers. */
  readonly layers: number;
  /** What batch normalisation goes by in training. */
  readonly statistics: Statistics;
  /** Its weights: `layers.0.attention.query.weight` …; trained by whoever holds them. */
  readonly parameters: Parameters;
  /** Names of weights that {@link Encoder.vectors} depends on and that can be trained. */
  readonly trainable: readonly string[];
  /** The name of each weight in a checkpoint, by its own name. */
  readonly names: ReadonlyMap<string, string>;
  /**
   * Vectors of all tokens.
   *
   * @param p - {@link Encoder.parameters}, or what stands for them (`withLora`).
   * @param inputs - Texts or pictures.
   * @param random - The step's random source; none: nothing is dropped.
   * @param way - How they are computed; the same vectors either way.
   */
  encode(p: Parameters, inputs: EncoderInputs, random?: RandomSource, way?: Way): Encoded;
  /**
   * One vector of each text or picture, [B, width]. Of the last layer only what the vector is made of is computed.
   *
   * @param way - How they are computed; the same vectors either way.
   */
  vectors(p: Parameters, inputs: EncoderInputs, random?: RandomSource, way?: Way): tf.Tensor2D;
  /** The tokens after so many layers: what frozen layers give, to be kept. */
  lower(p: Parameters, inputs: EncoderInputs, layers: number): tf.Tensor;
  /** Frees its weights. */
  dispose(): void;
}

/** How vectors are computed. */
export interface Way {
  /** What {@link Encoder.lower} gave of the same inputs, and for how many layers: these are passed over. */
  readonly from?: Lower;
  /**
   * Layers of a segment. Only what goes into a segment is kept for the gradient, and the segment is computed again when
   * that is asked for: about a third more time, and memory for one segment instead of for all layers. Default: all is
   * kept.
   */
  readonly recompute?: number;
}

/** What frozen lower layers gave. */
export interface Lower {
  /** How many layers. */
  readonly layers: number;
  /** The tokens after them. */
  readonly hidden: tf.Tensor;
}

/**
 * What batch normalisation goes by in training. `frozen`: the statistics of the checkpoint, which stay. `running`: the
 * batch's, and the statistics follow, a tenth a step, as in PyTorch's training mode.
 */
export type Statistics = 'frozen' | 'running';

/** What an encoder is put together from. */
export interface EncoderParts extends PoolingOptions {
  family: Family;
  options: object;
  config: Readonly<Record<string, unknown>>;
  directory?: string;
  ignored: readonly string[];
  table: WeightTree;
  parameters: Parameters;
  statistics: Statistics;
}

/** Some layers, and what they read besides their input: their weights, and what all layers share. */
interface Segment {
  readonly low: number;
  readonly high: number;
  readonly own: Parameters;
  readonly shared: Shared;
}

/** Puts an encoder together. */
export function assembleEncoder(parts: EncoderParts): Encoder {
  const { family, options, table, parameters, pooling, normalise } = parts;
  const network = family.network(options) as Network<Parameters>;
  const weights = flattenTable(table);
  const moves = parts.statistics === 'running';
  if (moves && ![...weights.values()].some(({ isBuffer }) => isBuffer))
    throw new Error(
      `encoder: statistics running is for families with batch normalisation, got ${family.name}`,
    );
  const untrained = [...(family.unread ?? []), ...(pooling === 'pooled' ? [] : (family.pooledOnly ?? []))];
  const reads = [...weights.keys()].some((name) => name.includes('.cross.'));
  const firstOnly = pooling === 'cls' || (pooling === 'pooled' && network.poolsFirst === true);
  const start = (p: Parameters, inputs: EncoderInputs, random: RandomSource | undefined, way: Way = {}) => {
    const { from, recompute = 0 } = way;
    const { mask, types } = inputs;
    // A prompt is seen by all tokens, and left out again of what comes out.
    const before = promptLength(p);
    const read = {
      ...inputs,
      ...(mask && { mask: prompted(p, mask, 1) }),
      ...(types && { types: prompted(p, types, 0) }),
    };
    const pass: Pass = { inputs: read, random, moving: moves && random !== undefined };
    if (inputs.picture && !reads)
      throw new Error(
        `encode: texts are read with a picture by an encoder with cross-attention, got ${family.name} without`,
      );
    if (!Number.isInteger(recompute) || recompute < 0 || (pass.moving && recompute > 0))
      throw new Error(
        pass.moving
          ? 'encoder: recompute is not for statistics running, which each computation moves'
          : `encoder: recompute must be a count of layers, got ${recompute}`,
      );
    const through = (first: boolean, to: number): tf.Tensor => {
      const begin = from ? from.hidden : network.embed(p, pass);
      const shared = network.shared(p, begin, pass);
      const layers = (h: tf.Tensor, { low, high, own, shared: seen }: Segment, drawn = random): tf.Tensor => {
        let made = h;
        for (let i = low; i < high; i++) {
          const only = first && i === network.layers - 1 ? before : undefined;
          made = network.layer({ ...p, layers: own }, i, made, seen, { ...pass, random: drawn }, only);
        }
        return made;
      };
      const own = p['layers'] as Parameters;
      const lowest = from?.layers ?? 0;
      if (recompute === 0) return layers(begin, { low: lowest, high: to, own, shared });
      let h = begin;
      for (let low = lowest; low < to; low += recompute) {
        const high = Math.min(low + recompute, to);
        const numbers = Array.from({ length: high - low }, (_, i) => String(low + i));
        const reads = { low, high, own: Object.fromEntries(numbers.map((i) => [i, own[i]])), shared };
        h = recomputed(layers, h, { reads, random });
      }
      return h;
    };
    const run = (first: boolean, to = network.layers): tf.Tensor => {
      const h = through(first, to);
      const [B, T, D] = h.shape as [number, number, number];
      return before === 0 || T === 1 ? h : tf.slice(h, [0, before, 0], [B, T - before, D]);
    };
    return { pass, run };
  };
  return {
    family: family.name,
    modality: family.modality,
    config: parts.config,
    directory: parts.directory,
    ignored: parts.ignored,
    width: (pooling === 'pooled' ? network.pooledWidth?.(parameters) : undefined) ?? network.width,
    tokenWidth: network.width,
    layers: network.layers,
    statistics: parts.statistics,
    pooling,
    normalise,
    parameters,
    trainable: [...weights]
      .filter(([name, { isBuffer }]) => !isBuffer && !untrained.some((glob) => matchGlob(glob, name)))
      .map(([name]) => name),
    names: new Map([...weights].map(([name, { theirs }]) => [name, theirs])),
    encode: (p, inputs, random, way) => {
      const { pass, run } = start(p, inputs, random, way);
      return network.finish(p, run(false), pass);
    },
    vectors: (p, inputs, random, way) => {
      const { pass, run } = start(p, inputs, random, way);
      return pool(network.finish(p, run(firstOnly), pass), inputs.mask, { pooling, normalise });
    },
    lower: (p, inputs, layers) => start(p, inputs, undefined).run(false, layers),
    dispose: () => {
      disposeParameters(parameters);
    },
  };
}

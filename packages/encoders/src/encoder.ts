/** An encoder: a network with its weights, as functions of parameters that a model may hold, train and pass back. */
import type { RandomSource, tf } from '@ferry/engine';
import { disposeParameters, matchGlob, type Parameters } from '@ferry/nn';
import type { Encoded, EncoderInputs, Family, Network } from './family.ts';
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
  readonly directory?: string | undefined;
  /** Names in the checkpoint that were passed over, such as heads of pre-training. */
  readonly ignored: readonly string[];
  /** Width of its vectors. */
  readonly width: number;
  /** Number of layers. */
  readonly layers: number;
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
   */
  encode(p: Parameters, inputs: EncoderInputs, random?: RandomSource): Encoded;
  /**
   * One vector of each text or picture, [B, width]. Of the last layer only what the vector is made of is computed.
   *
   * @param from - What {@link Encoder.lower} gave of the same inputs, and for how many layers: these are passed over.
   */
  vectors(p: Parameters, inputs: EncoderInputs, random?: RandomSource, from?: Lower): tf.Tensor2D;
  /** The tokens after so many layers: what frozen layers give, to be kept. */
  lower(p: Parameters, inputs: EncoderInputs, layers: number): tf.Tensor;
  /** Frees its weights. */
  dispose(): void;
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
  directory?: string | undefined;
  ignored: readonly string[];
  table: WeightTree;
  parameters: Parameters;
  statistics: Statistics;
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
  const firstOnly = pooling === 'cls' || (pooling === 'pooled' && network.poolsFirst === true);
  const start = (p: Parameters, inputs: EncoderInputs, random: RandomSource | undefined, from?: Lower) => {
    const pass = { inputs, random, moving: moves && random !== undefined };
    const run = (first: boolean, to = network.layers): tf.Tensor => {
      let h = from ? from.hidden : network.embed(p, pass);
      const shared = network.shared(p, h, pass);
      for (let i = from?.layers ?? 0; i < to; i++)
        h = network.layer(p, i, h, shared, pass, first && i === network.layers - 1);
      return h;
    };
    return { pass, run };
  };
  return {
    family: family.name,
    modality: family.modality,
    config: parts.config,
    directory: parts.directory,
    ignored: parts.ignored,
    width: pooling === 'pooled' ? (network.pooledWidth ?? network.width) : network.width,
    layers: network.layers,
    pooling,
    normalise,
    parameters,
    trainable: [...weights]
      .filter(([name, { isBuffer }]) => !isBuffer && !untrained.some((glob) => matchGlob(glob, name)))
      .map(([name]) => name),
    names: new Map([...weights].map(([name, { theirs }]) => [name, theirs])),
    encode: (p, inputs, random) => {
      const { pass, run } = start(p, inputs, random);
      return network.finish(p, run(false), pass);
    },
    vectors: (p, inputs, random, from) => {
      const { pass, run } = start(p, inputs, random, from);
      return pool(network.finish(p, run(firstOnly), pass), inputs.mask, { pooling, normalise });
    },
    lower: (p, inputs, layers) => start(p, inputs, undefined).run(false, layers),
    dispose: () => {
      disposeParameters(parameters);
    },
  };
}

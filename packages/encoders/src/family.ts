/**
 * What a family of encoders is. A family's file exports one value of type {@link Family}: its settings from
 * `config.json`, its table of weights, and its network as a chain: inputs -> first tokens -> layer by layer -> output.
 * That the chain can be entered and left between layers is what lets frozen lower layers be computed once.
 *
 * B texts or pictures, T tokens, D width.
 */
import type { RandomSource, tf } from '@ferry/engine';
import { z } from 'zod';
import type { Tensors, WeightTree } from './weights.ts';

/** What an encoder reads: texts or pictures. */
export interface EncoderInputs {
  /** int32 [B, T] token numbers of texts. */
  readonly ids?: tf.Tensor;
  /** 1 for a token, 0 for padding (on the right), [B, T]. Default: all are tokens. */
  readonly mask?: tf.Tensor;
  /** int32 [B, T] token types of pairs of texts. Default 0. */
  readonly types?: tf.Tensor;
  /** Pictures as `preprocessor_config.json` makes them, [B, 3, height, width]. */
  readonly pixels?: tf.Tensor;
  /** Of a text that is read with a picture (BLIP): what the image encoder made of that, its `hidden`, [B, P, F]. */
  readonly picture?: tf.Tensor;
}

/** What an encoder makes of its inputs. */
export interface Encoded {
  /** A vector of every token after the last layer, [B, T, D]; `last_hidden_state` of transformers. */
  readonly hidden: tf.Tensor;
  /**
   * One vector of each, [B, D] or [B, projection]: `pooler_output`, or the projected embedding of CLIP; where the
   * family or the checkpoint has one.
   */
  readonly pooled?: tf.Tensor;
  /** Of a text read with a picture, scores that they do not, and that they do belong together, [B, 2] (BLIP). */
  readonly matching?: tf.Tensor;
}

/** How tokens become one vector. */
export const poolings = ['cls', 'mean', 'max', 'last', 'pooled'] as const;

/**
 * `cls`: the first token; `mean` and `max` over tokens that are no padding; `last`: the last of them; `pooled`: the
 * family's own.
 */
export type Pooling = (typeof poolings)[number];

/** What all parts of a network read. */
export interface Pass {
  /** The inputs, also where the chain is entered later. */
  readonly inputs: EncoderInputs;
  /** The step's random source; none: nothing is dropped. */
  readonly random: RandomSource | undefined;
  /** Whether batch normalisation goes by the batch and moves its statistics; else it goes by these. */
  readonly moving: boolean;
}

/** A network as a chain, for one set of settings. */
export interface Network<P> {
  /** How many layers there are. */
  readonly layers: number;
  /** Width D of hidden vectors after the last layer. */
  readonly width: number;
  /** Width of the pooled output. Default `width`. */
  pooledWidth?(p: P): number;
  /** Whether the pooled output is made of the first token alone. Default false. */
  readonly poolsFirst?: boolean;
  /** The tokens that the first layer reads. */
  embed(p: P, pass: Pass): tf.Tensor;
  /** What all layers share, such as masks and relative positions: made once a pass, for tokens `h`. */
  shared(p: P, h: tf.Tensor, pass: Pass): Shared;
  /** Layer i, from 0. With `only`, the row of the token at that place alone is read after it and need be computed. */
  layer(p: P, i: number, h: tf.Tensor, shared: Shared, pass: Pass, only?: number): tf.Tensor;
  /** The output. */
  finish(p: P, h: tf.Tensor, pass: Pass): Encoded;
}

/** See {@link Network.shared}. */
export interface Shared {
  /** Hides tokens. */
  readonly bias?: tf.Tensor;
  /** Relative positions. */
  readonly offsets?: tf.Tensor;
  /** {@link EncoderInputs.picture} */
  readonly picture?: tf.Tensor;
}

/** A tower within a `config.json`. */
export interface Section {
  /** The key of its settings. */
  readonly name: string;
  /** Settings of it that stand outside, beside both towers. */
  readonly beside: readonly string[];
  /** `model_type` of the tower alone. */
  readonly type: string;
}

/** A family of encoders. */
export interface Family<O = object, Tree extends WeightTree = WeightTree> {
  /** Its name, such as `bert`. */
  readonly name: string;
  /** Values of `model_type` in `config.json` that are its own, and transformers' class of each. */
  readonly types: Readonly<Record<string, string>>;
  /** What it reads. */
  readonly modality: 'text' | 'image';
  /**
   * Settings from `config.json`; keys that change nothing here are passed over, values that cannot be honoured are
   * refused.
   */
  readonly options: z.ZodType<O>;
  /** Where its settings stand in the `config.json` of a model of two towers. */
  readonly section?: Section;
  /** `config.json` of what is saved. Default: as it was read, or of one tower alone. */
  savedConfig?(config: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** Its weights; `has` says whether a checkpoint holds one of that name, for the few that may be missing. */
  weights(options: O, has: (theirs: string) => boolean): Tree;
  /** What may stand in front of all names: the base model inside a model with a head. */
  readonly prefixes?: readonly string[];
  /** Globs of names that are no weights of the encoder: heads of pre-training, buffers. */
  readonly ignored?: readonly string[];
  /** Globs of weights, by Ferry's names, that nothing but the pooled output reads. */
  readonly pooledOnly?: readonly string[];
  /** Globs of weights that no vector of a text or picture alone depends on: kept, never trained in a tower. */
  readonly unread?: readonly string[];
  /** Today's name of a weight that older files or other libraries name otherwise. */
  readonly rename?: (name: string) => string;
  /** The network. */
  network(options: O): Network<Tensors<Tree>>;
  /** How a vector is made unless sentence-transformers' files say otherwise. */
  readonly pooling: Pooling;
}

/** A family's settings, wherever they stand in a `config.json`. */
export function settingsIn(
  { section }: Family,
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (!section) return { ...config };
  const own = config[section.name] as object | undefined;
  const beside = own && Object.fromEntries(section.beside.map((key) => [key, config[key]]));
  return { ...(own ?? config), ...beside, model_type: section.type };
}

/** Keeps the types of a family while it is written, and forgets them for the table of families. */
export function family<O extends object, Tree extends WeightTree>(one: Family<O, Tree>): Family {
  return one;
}

/** A setting of `config.json` of which one value only is supported. */
export function only<const T extends string | number | boolean | null>(
  ...values: T[]
): z.ZodOptional<z.ZodNullable<z.ZodLiteral<T>>> {
  return z.literal(values).nullish();
}

/** A count in a `config.json`. */
export const count = z.int().min(1);

/** A rate of dropout in a `config.json`. */
export const rate = z.number().min(0).lt(1);

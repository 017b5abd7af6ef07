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
}

/** What an encoder makes of its inputs. */
export interface Encoded {
  /** A vector of every token after the last layer, [B, T, D]; `last_hidden_state` of transformers. */
  readonly hidden: tf.Tensor;
  /**
   * One vector of each, [B, D] or [B, projection]: `pooler_output`, or the projected embedding of CLIP; where the
   * family or the checkpoint has one.
   */
  readonly pooled?: tf.Tensor | undefined;
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
  readonly pooledWidth?: number;
  /** Whether the pooled output is made of the first token alone. Default false. */
  readonly poolsFirst?: boolean;
  /** The tokens that the first layer reads. */
  embed(p: P, pass: Pass): tf.Tensor;
  /** What all layers share, such as masks and relative positions: made once a pass, for tokens `h`. */
  shared(p: P, h: tf.Tensor, pass: Pass): Shared;
  /** Layer i, from 0. With `first`, only the first token's row is read after it and need be computed. */
  layer(p: P, i: number, h: tf.Tensor, shared: Shared, pass: Pass, first?: boolean): tf.Tensor;
  /** The output. */
  finish(p: P, h: tf.Tensor, pass: Pass): Encoded;
}

/** See {@link Network.shared}. */
export interface Shared {
  /** Hides tokens. */
  readonly bias?: tf.Tensor | undefined;
  /** Relative positions. */
  readonly offsets?: tf.Tensor | undefined;
}

/** A family of encoders. */
export interface Family<O = object, Tree extends WeightTree = WeightTree> {
  /** Its name, such as `bert`. */
  readonly name: string;
  /** Values of `model_type` in `config.json` that are its own. */
  readonly types: readonly string[];
  /** What it reads. */
  readonly modality: 'text' | 'image';
  /** Class of transformers that reads what is saved. */
  readonly architecture: string;
  /**
   * Settings from `config.json`; keys that change nothing here are passed over, values that cannot be honoured are
   * refused.
   */
  readonly options: z.ZodType<O>;
  /** The section of `config.json` with its settings, where this is not all of it (CLIP's towers). */
  readonly section?: string;
  /** `config.json` of what is saved, where this is one tower of what was read. Default: as it was read. */
  savedConfig?(config: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** Its weights; `has` says whether a checkpoint holds one of that name, for the few that may be missing. */
  weights(options: O, has: (theirs: string) => boolean): Tree;
  /** What may stand in front of all names: the base model inside a model with a head. */
  readonly prefixes?: readonly string[];
  /** Globs of names that are no weights of the encoder: heads of pre-training, buffers. */
  readonly ignored?: readonly string[];
  /** Globs of weights, by Ferry's names, that nothing but the pooled output reads. */
  readonly pooledOnly?: readonly string[];
  /** Globs of weights that no output depends on: kept, never trained. */
  readonly unread?: readonly string[];
  /** Today's name of a weight that older files or other libraries name otherwise. */
  readonly rename?: (name: string) => string;
  /** The network. */
  network(options: O): Network<Tensors<Tree>>;
  /** How a vector is made unless sentence-transformers' files say otherwise. */
  readonly pooling: Pooling;
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

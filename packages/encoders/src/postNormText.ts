/**
 * The network of BERT and its kin: sums of word, position and type vectors, normalised, then layers that normalise
 * after each block, and perhaps `tanh(W h_first + b)` as the pooled output. The families differ in names, in how they
 * count positions and in what they add to attention.
 */
import { dropout, embedding, tf } from '@ferry/engine';
import { activations } from './activations.ts';
import type { Network, Pass } from './family.ts';
import {
  affine,
  type DenseTable,
  type LayerOptions,
  type LayerTable,
  normalised,
  transformerLayer,
} from './layer.ts';
import { hidingBias, positionRows, tokenIds } from './textInputs.ts';
import { prompted, promptLength } from './prompts.ts';
import { firstToken, tokenRow } from './tokens.ts';
import type { Tensors, Weight } from './weights.ts';

/** Weights of {@link postNormText}. */
export type PostNormTable = {
  /** [V, D] */
  readonly words: Weight;
  /** [P, D] */
  readonly positions: Weight;
  /** [types, D] */
  readonly types: Weight | undefined;
  /** Normalisation of the sums. */
  readonly norm: { readonly weight: Weight; readonly bias: Weight };
  /** Layers by number. */
  readonly layers: Readonly<Record<string, LayerTable>>;
  /** [D, D], of the first token. */
  readonly pooler: DenseTable | undefined;
};

/** What tells one family from another. */
export interface PostNormOptions<P> {
  /** D */
  readonly width: number;
  /** Number of layers. */
  readonly layers: number;
  /** How layers compute. */
  readonly layer: LayerOptions;
  /** Tokens of the longest text. */
  readonly longest: number;
  /** Position vectors of a batch: [T, D] or [B, T, D]. Default: row i for token i. */
  readonly positionsOf?: (table: tf.Tensor, ids: tf.Tensor) => tf.Tensor;
  /** Trained numbers added to attention scores, [1, H, T, T]. */
  offsets?(p: P, length: number): tf.Tensor;
  /** Of the pooler. Default tanh. */
  readonly poolerActivation?: (x: tf.Tensor) => tf.Tensor;
}

/**
 * Position vectors of RoBERTa and MPNet: tokens that are no padding are counted from `padding` + 1, and padding has
 * row `padding`.
 *
 * @param padding - Number of the padding token, and of its position.
 */
export function countedPositions(padding: number): (table: tf.Tensor, ids: tf.Tensor) => tf.Tensor {
  return (table, ids) => {
    const real = tf.cast(tf.notEqual(ids, tf.scalar(padding, 'int32')), 'int32');
    const numbers = tf.add(tf.mul(tf.cumsum(real, 1), real), tf.scalar(padding, 'int32'));
    return embedding(table, tf.cast(numbers, 'int32'));
  };
}

/** In the place of a number, for a vector that is no token's. */
const NO_TOKEN = -1;

/** The network. */
export function postNormText<P extends Tensors<PostNormTable>>(o: PostNormOptions<P>): Network<P> {
  const {
    layer: options,
    positionsOf = (table: tf.Tensor, ids: tf.Tensor) => positionRows(table, ids.shape[1]!),
    poolerActivation = activations.tanh,
  } = o;
  const rate = options.dropout;
  /** Type vectors: of the one type all tokens have, unless types are given. */
  const typesOf = (table: tf.Tensor, { inputs: { types } }: Pass): tf.Tensor =>
    types ? embedding(table, types) : tf.slice(table, [0, 0], [1, o.width]);
  return {
    layers: o.layers,
    width: o.width,
    poolsFirst: true,
    embed: (p, pass) => {
      const ids = tokenIds(pass.inputs, o.longest - promptLength(p));
      const words = prompted(p, embedding(p.words, ids));
      const placed = tf.add(words, positionsOf(p.positions, prompted(p, ids, NO_TOKEN)));
      const sums = p.types ? tf.add(placed, typesOf(p.types, pass)) : placed;
      return dropout(normalised(p.norm, sums, options.epsilon), rate, pass.random);
    },
    shared: (p, h, pass) => ({
      bias: hidingBias(h, pass),
      offsets: o.offsets?.(p, h.shape[1]!),
      picture: pass.inputs.picture,
    }),
    layer: (p, i, h, { bias, offsets, picture }, { random }, only) => {
      const own = p.layers[String(i)]!;
      if (only === undefined) return transformerLayer(own, h, options, { bias, offsets, picture, random });
      const row = offsets && tf.slice(offsets, [0, 0, only, 0], [1, options.heads, 1, offsets.shape[3]!]);
      return transformerLayer(own, h, options, { bias, offsets: row, picture, random }, (x) =>
        tokenRow(x, only),
      );
    },
    finish: ({ pooler }, hidden) => ({
      hidden,
      pooled: pooler && poolerActivation(affine(pooler, firstToken(hidden))),
    }),
  };
}

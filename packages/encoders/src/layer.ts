/**
 * The transformer layer that all families share: self-attention and a feed-forward block, each with a residual sum and
 * a normalisation after it (BERT and its kin) or before it (ViT, CLIP, OPT).
 *
 * B texts or pictures, T tokens, D width, F inner width, H heads.
 */
import { attention, dropout, layerNorm, linear, type RandomSource, tf } from '@ferry/engine';
import { activations, type ActivationName } from './activations.ts';
import { dense, norm, type Tensors, type Weight, type WeightTree } from './weights.ts';

/** A linear layer in a table of weights. */
export type DenseTable = { readonly weight: Weight; readonly bias: Weight | undefined };

/** Weights of attention: projections of queries, keys and values, and of the joined heads. */
export type AttentionTable = (
  | { readonly query: DenseTable; readonly key: DenseTable; readonly value: DenseTable }
  /** Queries, keys and values by one matrix, [3 D, D] (BLIP). */
  | { readonly joint: DenseTable }
) & { readonly output: DenseTable };

/** Weights of {@link transformerLayer}. */
export type LayerTable = {
  /** Of tokens among themselves. */
  readonly attention: AttentionTable;
  /** Normalisation of attention. */
  readonly norm1: { readonly weight: Weight; readonly bias: Weight };
  /** Between the two blocks: attention to a picture's tokens, and its normalisation (BLIP). */
  readonly cross?:
    | {
        readonly attention: AttentionTable;
        readonly norm: { readonly weight: Weight; readonly bias: Weight };
      }
    | undefined;
  /** [F, D] */
  readonly up: DenseTable;
  /** [D, F] */
  readonly down: DenseTable;
  /** Normalisation of the feed-forward block. */
  readonly norm2: { readonly weight: Weight; readonly bias: Weight };
  /** Factors of what attention adds, [D] (DINOv2). */
  readonly scale1?: Weight;
  /** Factors of what the feed-forward block adds, [D] (DINOv2). */
  readonly scale2?: Weight;
};

/** What `withAdapters` puts into a layer: bottlenecks behind its blocks. */
interface LayerAdapters {
  readonly adapter1?: Tensors<{ down: DenseTable; up: DenseTable }>;
  readonly adapter2?: Tensors<{ down: DenseTable; up: DenseTable }>;
}

/** A checkpoint's names of the parts of a layer. */
export type LayerNames = Readonly<
  Record<'output' | 'norm1' | 'up' | 'down' | 'norm2', string> &
    (Record<'query' | 'key' | 'value', string> | Record<'joint', string>)
>;

/** The weights of a layer under a checkpoint's names, each part a linear layer or a normalisation below `prefix`. */
export function layerTable(prefix: string, names: LayerNames, width: number, inner: number): LayerTable {
  const square = (name: string) => dense(prefix + name, width, width);
  const inputs =
    'joint' in names
      ? { joint: dense(prefix + names.joint, width, 3 * width) }
      : { query: square(names.query), key: square(names.key), value: square(names.value) };
  return {
    attention: { ...inputs, output: square(names.output) },
    norm1: norm(prefix + names.norm1, width),
    up: dense(prefix + names.up, width, inner),
    down: dense(prefix + names.down, inner, width),
    norm2: norm(prefix + names.norm2, width),
  } satisfies WeightTree;
}

/** How a layer computes. */
export interface LayerOptions {
  /** H; divides D. */
  readonly heads: number;
  /** Added to the variance in normalisations. */
  readonly epsilon: number;
  /** Of the feed-forward block. */
  readonly activation: ActivationName;
  /** Whether blocks normalise what they read rather than what they give. */
  readonly normFirst: boolean;
  /** Dropout of what each block adds. */
  readonly dropout: number;
  /** Dropout of attention weights. */
  readonly attentionDropout: number;
}

/** What a layer reads besides its weights and tokens. */
export interface LayerInputs {
  /** Hides tokens: see `attentionBias` of `@ferry/nn`. */
  readonly bias?: tf.Tensor;
  /** Relative positions, trained: [B or 1, H, T, T]. */
  readonly offsets?: tf.Tensor;
  /** Tokens of a picture for each text, [B, P, F]; all are seen. */
  readonly picture?: tf.Tensor;
  /** The step's random source; none: nothing is dropped. */
  readonly random?: RandomSource;
}

/** A linear layer of a table: `x Wᵀ + b`. */
export function affine(p: Tensors<DenseTable>, x: tf.Tensor): tf.Tensor {
  return linear(x, p.weight, p.bias);
}

/** A layer normalisation of a table. */
export function normalised(
  p: Readonly<Record<'weight' | 'bias', tf.Tensor>>,
  x: tf.Tensor,
  epsilon: number,
): tf.Tensor {
  return layerNorm(x, p.weight, p.bias, epsilon);
}

/**
 * One layer. Normalised after: `h = norm1(x + attention(x))`, `y = norm2(h + feedForward(h))`; before: `h = x +
 * attention(norm1(x))`, `y = h + feedForward(norm2(h))`. With a picture, attention to it is a block between the two.
 *
 * @param x - [B, T, D]
 * @param rows - Picks the tokens whose output is read, [B, Tq, D] of x; all see all of x. Default x itself. Not where
 *   `bias` or `offsets` tells queries apart.
 * @returns [B, T, D], or [B, Tq, D] of what is read.
 */
export function transformerLayer(
  p: Tensors<LayerTable> & LayerAdapters,
  x: tf.Tensor,
  options: LayerOptions,
  inputs: LayerInputs,
  rows: (x: tf.Tensor) => tf.Tensor = (every) => every,
): tf.Tensor3D {
  const { normFirst, epsilon, dropout: rate } = options;
  const { random } = inputs;
  const block = (
    h: tf.Tensor,
    gain: Readonly<Record<'weight' | 'bias', tf.Tensor>>,
    scale: tf.Tensor | undefined,
    adapter: LayerAdapters['adapter1'],
    f: (y: tf.Tensor) => tf.Tensor,
    read: (y: tf.Tensor) => tf.Tensor,
  ): tf.Tensor => {
    const plain = dropout(f(normFirst ? normalised(gain, h, epsilon) : h), rate, random);
    const made = adapter ? tf.add(plain, bottleneck(adapter, plain)) : plain;
    const sum = tf.add(read(h), scale ? tf.mul(made, scale) : made);
    return normFirst ? sum : normalised(gain, sum, epsilon);
  };
  const all = (y: tf.Tensor): tf.Tensor => y;
  const attend = (y: tf.Tensor): tf.Tensor => selfAttention(p.attention, y, options, inputs, rows);
  const { cross } = p;
  const look = (y: tf.Tensor): tf.Tensor =>
    attended(cross!.attention, y, inputs.picture!, options, { random });
  const h = block(x, p.norm1, p.scale1, p.adapter1, attend, rows);
  const seen = cross && inputs.picture ? block(h, cross.norm, undefined, undefined, look, all) : h;
  return block(seen, p.norm2, p.scale2, p.adapter2, (y) => feedForward(p, y, options), all) as tf.Tensor3D;
}

/** Multi-head self-attention of [B, T, D], for the rows that are read. */
export function selfAttention(
  p: Tensors<AttentionTable>,
  x: tf.Tensor,
  options: Pick<LayerOptions, 'heads' | 'attentionDropout'>,
  inputs: LayerInputs,
  rows: (x: tf.Tensor) => tf.Tensor = (all) => all,
): tf.Tensor {
  return attended(p, rows(x), x, options, inputs);
}

/** Multi-head attention of [B, Tq, D] to `to`, [B, T, F]. */
function attended(
  p: Tensors<AttentionTable>,
  from: tf.Tensor,
  to: tf.Tensor,
  { heads, attentionDropout }: Pick<LayerOptions, 'heads' | 'attentionDropout'>,
  { bias, offsets, random }: LayerInputs,
): tf.Tensor {
  const { query, key, value } = 'joint' in p ? separated(p.joint) : p;
  const [B, T] = to.shape as [number, number];
  const keep =
    random && attentionDropout > 0
      ? random.keepMask([B, heads, from.shape[1]!, T], attentionDropout)
      : undefined;
  const mixed = attention(affine(query, from), affine(key, to), affine(value, to), {
    ...{ heads, bias, offsets, keep },
  });
  return affine(p.output, mixed);
}

/** The projections that one matrix holds. */
function separated({ weight, bias }: Tensors<DenseTable>) {
  const weights = tf.split(weight, 3);
  const biases = bias && tf.split(bias, 3);
  const [query, key, value] = weights.map((own, i) => ({ weight: own, bias: biases?.[i] }));
  return { query: query!, key: key!, value: value! };
}

/** `W₂ f(W₁ x + b₁) + b₂`. */
export function feedForward(
  p: Tensors<Pick<LayerTable, 'up' | 'down'>>,
  x: tf.Tensor,
  { activation }: Pick<LayerOptions, 'activation'>,
): tf.Tensor {
  return affine(p.down, activations[activation](affine(p.up, x)));
}

/** `W₂ gelu(W₁ x + b₁) + b₂` of an adapter. */
function bottleneck({ down, up }: Tensors<{ down: DenseTable; up: DenseTable }>, x: tf.Tensor): tf.Tensor {
  return affine(up, activations.gelu(affine(down, x)));
}

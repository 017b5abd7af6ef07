import { embedding, type RandomStream, sumOfSquares, tf } from '@ferry/engine';
import { init, type Initializer } from './init.ts';
import { parameter } from './parameters.ts';

/** Parameters of `linear`: `y = x Wᵀ + b`. */
export type LinearParameters = {
  /** W, [O, I]: PyTorch's layout. */
  readonly weight: tf.Variable;
  /** b, [O]. */
  readonly bias?: tf.Variable;
};

/** {@link LinearParameters} that certainly hold a bias. */
export type BiasedLinearParameters = LinearParameters & {
  /** b, [O]. */
  readonly bias: tf.Variable;
};

/** Options of {@link createLinear}. */
export interface LinearOptions {
  /** I, the width of the input. */
  inputs: number;
  /** O, the width of the output. */
  outputs: number;
  /** Whether there is a bias. Default true. */
  bias?: boolean;
  /** First weights; the bias then starts at 0. Default: weights and bias uniform in ±1/√I, as torch.nn.Linear. */
  init?: Initializer;
}

/** Parameters of a linear layer without a bias. */
export function createLinear(
  options: LinearOptions & { bias: false },
  random: RandomStream,
): {
  /** W, [O, I]. */
  readonly weight: tf.Variable;
};
/** Parameters of a linear layer; the forward pass is the engine's `linear(x, weight, bias)`. */
export function createLinear(
  options: LinearOptions & { bias?: true },
  random: RandomStream,
): BiasedLinearParameters;
/** Parameters of a linear layer; the forward pass is the engine's `linear(x, weight, bias)`. */
export function createLinear(options: LinearOptions, random: RandomStream): LinearParameters;
export function createLinear(options: LinearOptions, random: RandomStream): LinearParameters {
  const { inputs, outputs, bias = true } = options;
  const standard = init.uniform(1 / Math.sqrt(inputs));
  const weight = parameter((options.init ?? standard)([outputs, inputs], random), [outputs, inputs]);
  if (!bias) return { weight };
  const first = options.init ? init.zeros : standard;
  return { weight, bias: parameter(first([outputs], random), [outputs]) };
}

/** Parameters of {@link embed}. */
export type EmbeddingParameters = {
  /** The table, [V, D]. */
  readonly weight: tf.Variable;
};

/** Options of {@link createEmbedding}. */
export interface EmbeddingOptions {
  /** V, the number of rows. */
  count: number;
  /** D, the width of a row. */
  width: number;
  /** First values. Default standard normal, as torch.nn.Embedding. */
  init?: Initializer;
  /** The row that stands for nothing: it starts at 0. Give the same number to {@link embed}, which keeps it there. */
  padding?: number;
}

/** Parameters of an embedding table. */
export function createEmbedding(options: EmbeddingOptions, random: RandomStream): EmbeddingParameters {
  const { count, width, padding } = options;
  if (padding !== undefined && !(Number.isInteger(padding) && padding >= 0 && padding < count))
    throw new Error(`createEmbedding: padding must be a row in [0, ${count}), got ${padding}`);
  const values = (options.init ?? init.normal(1))([count, width], random);
  if (padding !== undefined) values.fill(0, padding * width, (padding + 1) * width);
  return { weight: parameter(values, [count, width]) };
}

/**
 * Rows of an embedding table.
 *
 * @param p - The table, [V, D].
 * @param ids - int32 of any shape, each in [0, V).
 * @param options - `padding`: ids of this value give a zero vector and no gradient, whatever the table holds there.
 * Weight decay and Adam leave a zero row with a zero gradient at 0. (torch.nn.Embedding returns the stored row, so the
 * two differ only where that row was overwritten.)
 * @returns [...ids.shape, D]
 */
export function embed(p: EmbeddingParameters, ids: tf.Tensor, options: { padding?: number } = {}): tf.Tensor {
  const rows = embedding(p.weight, ids);
  if (options.padding === undefined) return rows;
  const kept = tf.cast(tf.notEqual(ids, tf.scalar(options.padding, 'int32')), 'float32');
  return tf.mul(rows, tf.expandDims(kept, -1));
}

/** Parameters of the engine's `layerNorm(x, weight, bias, epsilon)`. */
export type LayerNormParameters = {
  /** gamma, [D]; starts at 1. */
  readonly weight: tf.Variable;
  /** beta, [D]; starts at 0. */
  readonly bias: tf.Variable;
};

/** Parameters of a layer normalisation over the last axis, of width D. */
export function createLayerNorm(width: number): LayerNormParameters {
  return {
    weight: parameter(new Float32Array(width).fill(1), [width]),
    bias: parameter(new Float32Array(width), [width]),
  };
}

/**
 * Vectors scaled to length 1: `x / max(‖x‖, epsilon)` over the last axis, as torch.nn.functional.normalize. A zero
 * vector stays zero and its gradient is finite.
 *
 * @param x - [..., D]
 * @param epsilon - Shorter vectors are divided by this.
 * @returns [..., D]
 */
export function normalize<T extends tf.Tensor>(x: T, epsilon = 1e-12): T {
  // The floor is put on the squared length, so that the gradient never divides by a zero root.
  return tf.mul(x, tf.rsqrt(tf.maximum(sumOfSquares(x), Math.max(epsilon * epsilon, 1e-37))));
}

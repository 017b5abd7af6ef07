import { gruStates, linear, type RandomStream, tf } from '@ferry/engine';
import { init, type Initializer } from './init.ts';
import { type BiasedLinearParameters, createLinear } from './layers.ts';
import { parameter } from './parameters.ts';

/** Parameters of {@link gru}; gates are stacked as reset, update, new, as in torch.nn.GRU. */
export type GruParameters = {
  /** Of the input: weight [3D, I] and bias [3D] (`weight_ih`, `bias_ih`). */
  readonly input: BiasedLinearParameters;
  /** Of the state: weight [3D, D] and bias [3D] (`weight_hh`, `bias_hh`). */
  readonly state: BiasedLinearParameters;
};

/** Options of {@link createGru}. */
export interface GruSizes {
  /** I, the width of the input. */
  inputs: number;
  /** D, the width of the state. */
  width: number;
  /** First weights; biases then start at 0. Default: all uniform in ±1/√D, as torch.nn.GRU. */
  init?: Initializer;
}

/** Parameters of a GRU layer. */
export function createGru({ inputs, width, init: first }: GruSizes, random: RandomStream): GruParameters {
  if (first)
    return {
      input: createLinear({ inputs, outputs: 3 * width, init: first }, random),
      state: createLinear({ inputs: width, outputs: 3 * width, init: first }, random),
    };
  const uniform = init.uniform(1 / Math.sqrt(width));
  const draw = (...shape: number[]) => parameter(uniform(shape, random), shape);
  return {
    input: { weight: draw(3 * width, inputs), bias: draw(3 * width) },
    state: { weight: draw(3 * width, width), bias: draw(3 * width) },
  };
}

/** Options of {@link gru}. */
export interface GruOptions {
  /** The state before the first position, [B, D]. Default zeros. */
  initial?: tf.Tensor;
  /** [B, L], bool or float: 1 leaves a position out; the state passes it unchanged. */
  hidden?: tf.Tensor;
}

/**
 * One layer of gated recurrent units (Cho et al. 2014) in the form of torch.nn.GRU, where the reset gate acts on the
 * projected state: `r = σ(W_r x + b_r + U_r h + c_r)`, `z = σ(W_z x + b_z + U_z h + c_z)`,
 * `n = tanh(W_n x + b_n + r (U_n h + c_n))`, `h' = (1 - z) n + z h`. The positions are unrolled: one program per
 * length.
 *
 * @param p - Parameters.
 * @param x - [B, L, I]
 * @param options - First state and padding.
 * @returns The state after each position [B, L, D] and after the last [B, D]. With right-padded sequences and `hidden`,
 * `last` is the state after the last real position.
 */
export function gru(
  p: GruParameters,
  x: tf.Tensor,
  options: GruOptions = {},
): {
  /** The state after each position, [B, L, D]. */
  output: tf.Tensor3D;
  /** The state after the last position, [B, D]. */
  last: tf.Tensor2D;
} {
  const [B, L] = x.shape as [number, number, number];
  const D = p.state.weight.shape[1]!;
  if (x.rank !== 3 || L === 0)
    throw new Error(`gru: x must be [B, L, I] with L at least 1, got [${x.shape.join(', ')}]`);
  // The inputs of all positions are projected by one product.
  const inputs = tf.unstack(linear(x, p.input.weight, p.input.bias), 1);
  const left = options.hidden && tf.split(tf.cast(options.hidden, 'bool'), L, 1); // L of [B, 1]
  let state = (options.initial ?? tf.zeros([B, D])) as tf.Tensor2D;
  const states = inputs.map((input, i) => {
    const next = gruCell(p.state, input, state);
    state = left ? tf.where(left[i]!, state, next) : next;
    return state;
  });
  return { output: tf.stack(states, 1) as tf.Tensor3D, last: state };
}

/** One position: its projected input [B, 3D] and the state [B, D] to the next state. */
function gruCell(p: BiasedLinearParameters, input: tf.Tensor, state: tf.Tensor2D): tf.Tensor2D {
  const [inputReset, inputUpdate, inputNew] = tf.split(input, 3, 1);
  const [stateReset, stateUpdate, stateNew] = tf.split(linear(state, p.weight, p.bias), 3, 1);
  const reset = tf.sigmoid(tf.add(inputReset!, stateReset!));
  const update = tf.sigmoid(tf.add(inputUpdate!, stateUpdate!));
  const candidate = tf.tanh(tf.add(inputNew!, tf.mul(reset, stateNew!)));
  return tf.add(candidate, tf.mul(update, tf.sub(state, candidate)));
}

/**
 * {@link gru} over sequences of different lengths without padding in between, from a state of zeros.
 *
 * @param p - Parameters.
 * @param x - [P, I]: the first position of all sequences, then the second of those that go on …, the longest sequences
 *   first.
 * @param sizes - Rows of each position, none more than the position before.
 * @returns The state after each position, [P, D], in the order of x.
 */
export function packedGru(p: GruParameters, x: tf.Tensor, sizes: readonly number[]): tf.Tensor2D {
  return gruStates(linear(x, p.input.weight, p.input.bias), p.state.weight, p.state.bias, sizes);
}

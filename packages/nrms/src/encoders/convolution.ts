import { linear, type RandomStream, tf } from '@ferry/engine';
import { type BiasedLinearParameters, createLinear, init } from '@ferry/nn';

/** Weights of a convolution over the words of a text, [F, window * W]: of a window the first word first. */
export function createConvolution(
  { inputs, filters, window }: { inputs: number; filters: number; window: number },
  random: RandomStream,
): BiasedLinearParameters {
  return createLinear({ inputs: window * inputs, outputs: filters, init: init.xavierUniform }, random);
}

/**
 * Each word in its window, through the filters and ReLU (NAML, eq. 1; LSTUR, eq. 1): `relu(F [x_(t-k) … x_(t+k)] + b)`.
 * What lies before the first word and behind the last is zero, so that padding is never read.
 *
 * @param p - [F, window * W]
 * @param x - [B, T, W]
 * @param hidden - [B, T]: 1 where no word is; without it all are words.
 * @returns [B, T, F]
 */
export function convolve(p: BiasedLinearParameters, x: tf.Tensor, hidden?: tf.Tensor): tf.Tensor {
  const [, T, W] = x.shape as [number, number, number];
  const window = p.weight.shape[1]! / W;
  const before = Math.floor((window - 1) / 2);
  const words = hidden ? tf.mul(x, tf.expandDims(tf.sub(1, hidden), 2)) : x;
  const padded = tf.pad(words, [
    [0, 0],
    [before, window - 1 - before],
    [0, 0],
  ]);
  const windows = Array.from({ length: window }, (_, at) => tf.slice(padded, [0, at, 0], [-1, T, -1]));
  return tf.relu(linear(tf.concat(windows, 2), p.weight, p.bias));
}

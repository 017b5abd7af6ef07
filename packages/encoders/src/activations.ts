import { gelu, tf } from '@ferry/engine';

/** GELU by a hyperbolic tangent (Hendrycks and Gimpel 2016, section 2): `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`. */
function tanhGelu(x: tf.Tensor): tf.Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

/** Activations by the names that `config.json` gives them. */
export const activations = {
  gelu,
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_fast: tanhGelu,
  quick_gelu: (x: tf.Tensor): tf.Tensor => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702))),
  relu: (x: tf.Tensor): tf.Tensor => tf.relu(x),
  silu: (x: tf.Tensor): tf.Tensor => tf.mul(x, tf.sigmoid(x)),
  swish: (x: tf.Tensor): tf.Tensor => tf.mul(x, tf.sigmoid(x)),
  tanh: (x: tf.Tensor): tf.Tensor => tf.tanh(x),
} as const;

/** The name of an activation in a `config.json`. */
export type ActivationName = keyof typeof activations;

/** All names, for schemas. */
export const activationNames = Object.keys(activations) as [ActivationName, ...ActivationName[]];

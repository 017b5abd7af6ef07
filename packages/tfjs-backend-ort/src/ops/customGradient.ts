import { tf } from '../tfjs.js';

/** What a forward pass returns to {@link customGradient}. */
export interface CustomGradient {
  /** The output. */
  value: tf.Tensor;
  /** Gradients of all inputs, in their order, from the output's gradient and the saved tensors. */
  gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[];
}

/**
 * `tf.customGrad` with a list of inputs and types that say what arrives where. All gradients are computed at once
 * in the gradient function itself: tfjs runs each returned lambda in a tidy of its own.
 *
 * @param inputs - Tensors the operation is differentiated by.
 * @param forward - Computes the value; `save` keeps tensors for the gradient.
 */
export function customGradient(
  inputs: tf.Tensor[],
  forward: (inputs: tf.Tensor[], save: (tensors: tf.Tensor[]) => void) => CustomGradient,
): tf.Tensor {
  const operation = tf.customGrad((...args: unknown[]) => {
    const save = args.pop() as (tensors: tf.Tensor[]) => void;
    const { value, gradient } = forward(args as tf.Tensor[], save);
    return {
      value,
      gradFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) =>
        gradient(Array.isArray(dy) ? dy[0]! : dy, saved),
    };
  });
  return operation(...inputs);
}

/** The engine's tape, which tfjs keeps private. */
interface TapeHolder {
  state: { activeTape: unknown };
}

/**
 * Gradients for use inside the gradient of a {@link customGradient}: tfjs forgets the tape it is walking when another
 * differentiation ends meanwhile, and then fails to free what that tape holds.
 *
 * @param f - Its value is differentiated.
 * @param xs - What to differentiate by.
 * @param dy - Of the value's shape; none for a scalar.
 * @returns One for each of xs; undefined where the value does not depend on it.
 */
export function gradientsOf(f: () => tf.Tensor, xs: tf.Tensor[], dy?: tf.Tensor): (tf.Tensor | undefined)[] {
  const { state } = tf.engine() as unknown as TapeHolder;
  const tape = state.activeTape;
  try {
    return tf.engine().gradients(f, xs, dy, true).grads;
  } finally {
    state.activeTape = tape;
  }
}

/**
 * {@link gradientsOf} a scalar that depends on all of xs.
 *
 * @param f - Its value must be a scalar.
 * @param xs - What to differentiate by.
 */
export function gradientsWithin(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[]): tf.Tensor[] {
  return gradientsOf(() => f(...xs), xs) as tf.Tensor[];
}

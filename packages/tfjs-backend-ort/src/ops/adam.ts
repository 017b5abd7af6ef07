import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';

/** Settings of one Adam update. */
export interface AdamSettings {
  /** Step size. */
  learningRate: number;
  /** Decay of the first moment. */
  beta1: number;
  /** Decay of the second moment. */
  beta2: number;
  /** Added to the root of the second moment. */
  epsilon: number;
  /** Decoupled weight decay. */
  weightDecay: number;
  /** Which update this is, counted from 1. */
  step: number;
  /** Factor on the gradient; 1 by default. */
  gradientScale?: number;
}

/** Length of {@link adamControl}'s vector. */
export const ADAM_CONTROL_SIZE = 10;

/**
 * The numbers {@link adamUpdate} needs, computed in double precision: learning rate, beta1, 1 - beta1, beta2, 1 -
 * beta2, epsilon, weight decay, 1 - beta1^t, 1 - beta2^t, gradient scale.
 */
export function adamControl(settings: AdamSettings): Float32Array {
  const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale = 1 } = settings;
  return Float32Array.of(
    learningRate,
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    epsilon,
    weightDecay,
    1 - beta1 ** step,
    1 - beta2 ** step,
    gradientScale,
  );
}

/** One parameter and what {@link adamUpdate} needs to move it. */
export interface AdamUpdate {
  /** The parameter. */
  value: tf.Variable;
  /** First moment, same shape. */
  m: tf.Variable;
  /** Second moment, same shape. */
  v: tf.Variable;
  /** The loss's gradient, same shape. */
  gradient: tf.Tensor;
  /**
   * float32 [10], see {@link adamControl}: a variable or an argument of the compiled step, for it changes every step.
   */
  control: tf.Tensor;
  /** A further factor on the gradient that the step itself computes, such as a clipping factor: a scalar. */
  scale?: tf.Tensor;
}

/**
 * One update of Adam (Kingma and Ba 2015, algorithm 1) with decoupled weight decay (Loshchilov and Hutter 2019,
 * algorithm 2), in place: `value -= lr (m̂ / (√v̂ + epsilon) + weightDecay value)`, as PyTorch's AdamW computes it. In
 * a compiled function on `ort` it is one host kernel that runs after the graph, unless parameters lie on a device; there
 * nothing may read the parameter after its update.
 */
export function adamUpdate(update: AdamUpdate): void {
  const { value, m, v, gradient, control, scale } = update;
  if (control.size !== ADAM_CONTROL_SIZE)
    throw new Error(
      `adamUpdate: control must have ${ADAM_CONTROL_SIZE} numbers (adamControl), got ${control.size}`,
    );
  const backend = tf.backend();
  if (backend instanceof OrtBackend && backend.trace && !backend.device) {
    const inputs: tf.NamedTensorMap = scale
      ? { value, m, v, gradient, control, scale }
      : { value, m, v, gradient, control };
    const [next, first, second] = tf.engine().runKernel('AdamUpdate', inputs) as unknown as tf.Tensor[];
    value.assign(next!);
    m.assign(first!);
    v.assign(second!);
    return;
  }
  tf.tidy(() => {
    const [lr, beta1, rest1, beta2, rest2, epsilon, decay, correction1, correction2, factor] =
      tf.unstack(control);
    let g = tf.mul(gradient, factor!);
    if (scale) g = tf.mul(g, scale);
    const first = tf.add(tf.mul(m, beta1!), tf.mul(g, rest1!));
    const second = tf.add(tf.mul(v, beta2!), tf.mul(tf.square(g), rest2!));
    const denominator = tf.add(tf.div(tf.sqrt(second), tf.sqrt(correction2!)), epsilon!);
    const moved = tf.mul(tf.div(lr!, correction1!), tf.div(first, denominator));
    const kept = tf.mul(value, tf.sub(1, tf.mul(lr!, decay!)));
    m.assign(first);
    v.assign(second);
    value.assign(tf.sub(kept, moved));
  });
}

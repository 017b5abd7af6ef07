import * as tf from '@tensorflow/tfjs';

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
   * float32 [8]: learning rate, beta1, beta2, epsilon, weight decay, 1 - beta1^t, 1 - beta2^t, gradient scale; t counts
   * updates from 1. A variable or an argument of the compiled step, so that it may change from step to step.
   */
  control: tf.Tensor;
  /** A further factor on the gradient that the step itself computes, such as a clipping factor: a scalar. */
  scale?: tf.Tensor | undefined;
}

/**
 * One update of Adam (Kingma and Ba 2015, algorithm 1) with decoupled weight decay (Loshchilov and Hutter 2019,
 * algorithm 2), in place: `value -= lr (m̂ / (√v̂ + epsilon) + weightDecay value)`, as PyTorch's AdamW computes it.
 */
export function adamUpdate({ value, m, v, gradient, control, scale }: AdamUpdate): void {
  tf.tidy(() => {
    const [lr, beta1, beta2, epsilon, decay, correction1, correction2, factor] = tf.unstack(control);
    let g = tf.mul(gradient, factor!);
    if (scale) g = tf.mul(g, scale);
    const first = tf.add(tf.mul(m, beta1!), tf.mul(g, tf.sub(1, beta1!)));
    const second = tf.add(tf.mul(v, beta2!), tf.mul(tf.square(g), tf.sub(1, beta2!)));
    const denominator = tf.add(tf.div(tf.sqrt(second), tf.sqrt(correction2!)), epsilon!);
    const direction = tf.div(tf.div(first, correction1!), denominator);
    const kept = tf.mul(value, tf.sub(1, tf.mul(lr!, decay!)));
    m.assign(first);
    v.assign(second);
    value.assign(tf.sub(kept, tf.mul(lr!, direction)));
  });
}

import * as tf from '@tensorflow/tfjs';

/** A function made by {@link compile}. */
export type Compiled<F extends (...args: never[]) => unknown> = F & {
  /** Frees what was compiled; the function cannot be called afterwards. */
  dispose: () => void;
};

/**
 * On an eager backend: runs `fn` in a tidy.
 *
 * @param fn - A pure function of nests of tensors and static values.
 */
export function compile<F extends (...args: never[]) => unknown>(
  fn: F,
  options: { name?: string } = {},
): Compiled<F> {
  void options;
  const call = (...args: never[]) => tf.tidy(() => fn(...args) as tf.TensorContainer);
  return Object.assign(call as unknown as F, { dispose: () => undefined });
}

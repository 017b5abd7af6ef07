import { tf } from '../tfjs.js';
import { OrtBackend } from '../backend.ts';
import { ADAM_CONTROL_SIZE } from './adam.ts';
import type { RowGradient } from './rowGradients.ts';

/** One table and what {@link lazyAdamUpdate} needs to move it. */
export interface LazyAdamUpdate {
  /** The table, [V, D]. */
  value: tf.Variable;
  /** First moment, same shape. */
  m: tf.Variable;
  /** Second moment, same shape. */
  v: tf.Variable;
  /** The rows that were read, from `rowGrads`; ids outside [0, V) are dropped. */
  gradient: RowGradient;
  /** float32 [10], see {@link adamControl}; its weight decay must be 0. */
  control: tf.Tensor;
}

/**
 * One update of lazy Adam, in place: the rows that have a gradient, and their moments, move as torch.optim.SparseAdam
 * moves them, `value -= lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + epsilon)`; gradients of the same row are added up first.
 * All other rows, and their moments, stay as they are. Dense Adam instead lets the moments of every row decay at every
 * step and moves rows on by what is left of them, so a row that was read once goes on moving for some tens of steps
 * there, and here not at all.
 *
 * In a compiled function on `ort` it is one host kernel whose work is that of the rows; elsewhere, and where the table lies
 * on a device, it is computed over the whole table.
 */
export function lazyAdamUpdate({ value, m, v, gradient, control }: LazyAdamUpdate): void {
  const { ids, rows } = gradient;
  if (control.size !== ADAM_CONTROL_SIZE)
    throw new Error(
      `lazyAdamUpdate: control must have ${ADAM_CONTROL_SIZE} numbers (adamControl), got ${control.size}`,
    );
  const [count, width] = value.shape;
  if (value.rank !== 2 || ids.dtype !== 'int32' || rows.shape[0] !== ids.size || rows.shape[1] !== width)
    throw new Error(
      `lazyAdamUpdate: a table [V, D] needs int32 ids [n] and rows [n, D], got [${value.shape.join(', ')}], ` +
        `${ids.dtype} [${ids.shape.join(', ')}] and [${rows.shape.join(', ')}]`,
    );
  const backend = tf.backend();
  if (backend instanceof OrtBackend && backend.trace && !backend.device) {
    const inputs = { value, m, v, rows, ids, control };
    const [next, first, second] = tf.engine().runKernel('LazyAdamUpdate', inputs) as unknown as tf.Tensor[];
    value.assign(next!);
    m.assign(first!);
    v.assign(second!);
    return;
  }
  tf.tidy(() => {
    const sum = (x: tf.Tensor): tf.Tensor =>
      tf.getBackend() === 'wasm'
        ? tf.matMul(tf.cast(tf.oneHot(ids, count), 'float32'), x, true)
        : tf.unsortedSegmentSum(x, ids, count);
    const [lr, beta1, rest1, beta2, rest2, epsilon, , correction1, correction2, factor] = tf.unstack(control);
    const g = tf.mul(sum(rows), factor!);
    const touched = tf.greater(sum(tf.ones([ids.size, 1])), 0); // [V, 1]
    const first = tf.add(tf.mul(m, beta1!), tf.mul(g, rest1!));
    const second = tf.add(tf.mul(v, beta2!), tf.mul(tf.square(g), rest2!));
    const size = tf.div(tf.mul(lr!, tf.sqrt(correction2!)), correction1!);
    const moved = tf.sub(value, tf.mul(size, tf.div(first, tf.add(tf.sqrt(second), epsilon!))));
    const keep = (next: tf.Tensor, old: tf.Variable): tf.Tensor => tf.where(touched, next, old);
    const [nextM, nextV, nextValue] = [keep(first, m), keep(second, v), keep(moved, value)];
    m.assign(nextM);
    v.assign(nextV);
    value.assign(nextValue);
  });
}

import { tf } from '../tfjs.js';
import { HalfTable } from './halfTable.ts';
import { Int8Table } from './int8Table.ts';

/**
 * `x Wᵀ + b`, over the last axis of x. Packed tables of weights have no gradient.
 *
 * @param x - [..., I]
 * @param weight - [O, I], PyTorch's layout.
 * @param bias - [O], or none.
 * @returns [..., O]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor | Int8Table | HalfTable, bias?: tf.Tensor): tf.Tensor {
  const inputs = x.shape.at(-1);
  const [outputs, width] = weight.shape;
  if (weight.shape.length !== 2 || inputs !== width)
    throw new Error(
      `linear: weight must be [O, ${inputs ?? '?'}] for x [${x.shape.join(', ')}], got [${weight.shape.join(', ')}]`,
    );
  const rows = tf.reshape(x, [-1, inputs!]);
  const shape = [...x.shape.slice(0, -1), outputs];
  if (weight instanceof Int8Table) return tf.reshape(weight.product(rows, bias), shape);
  const product = tf.matMul(rows, weight instanceof HalfTable ? weight.floats() : weight, false, true);
  const shifted = bias ? tf.add(product, bias) : product;
  return tf.reshape(shifted, shape);
}

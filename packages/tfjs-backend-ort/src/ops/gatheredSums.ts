import { tf } from '../tfjs.js';
import { customGradient } from './customGradient.ts';
import { embedding } from './embedding.ts';
import { hostIsNear } from './hostIsNear.ts';

/** Elements of gathered rows up to which they are simply gathered. */
const GATHER_WHOLE = 2 ** 20;

/**
 * Weighted sums of table rows, `out[r] = Σ_k weights[r, k] table[ids[r, k]]`: neighbours of a node in a graph where every
 * node has as many. Where there are many, the gathered rows [R, K, D] are never whole on `ort` (execution provider cpu):
 * host kernels read them where they lie. Differentiable in weights and table; rows that share an id are added in order,
 * so every run has the same bits.
 *
 * @param weights - [R, K]
 * @param table - [V, D]
 * @param ids - int32 [R, K], each in [0, V).
 * @returns [R, D]
 * @throws RangeError naming an id outside [0, V), when it runs.
 */
export function gatheredSums(weights: tf.Tensor, table: tf.Tensor, ids: tf.Tensor): tf.Tensor2D {
  const [R, K] = ids.shape as [number, number];
  const [count, D] = table.shape as [number, number];
  if (weights.rank !== 2 || weights.shape[0] !== R || weights.shape[1] !== K || table.rank !== 2)
    throw new Error(
      `gatheredSums: weights and ids must be [R, K] and table [V, D], got [${weights.shape.join(', ')}], ` +
        `[${ids.shape.join(', ')}] and [${table.shape.join(', ')}]`,
    );
  if (ids.dtype !== 'int32') throw new Error(`gatheredSums: ids must be int32, got ${ids.dtype}`);
  if (R * K * D <= GATHER_WHOLE || !hostIsNear())
    return tf.reshape(tf.matMul(tf.reshape(weights, [R, 1, K]), embedding(table, ids)), [R, D]);
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap = {}): tf.Tensor =>
    tf.engine().runKernel<tf.Tensor>(name, inputs, attributes);
  return customGradient([weights, table], ([w, t], save) => {
    save([w!, t!, ids]);
    return {
      value: run('GatheredSums', { weights: w!, table: t!, ids }),
      gradient: (dy, [sw, st, sids]) => [
        run('GatheredProducts', { queries: dy, table: st!, ids: sids! }),
        run('ScatteredSums', { weights: sw!, rows: dy, ids: sids! }, { count }),
      ],
    };
  }) as tf.Tensor2D;
}

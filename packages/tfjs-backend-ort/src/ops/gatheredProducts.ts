import { tf } from '../tfjs.js';
import { after, orderToken } from './after.ts';
import { customGradient } from './customGradient.ts';
import { embedding, sumOfRows } from './embedding.ts';
import { hostIsNear } from './hostIsNear.ts';
import { gatherFor } from './indices.ts';

/** Elements of gathered rows up to which they are simply gathered. */
const GATHER_WHOLE = 2 ** 20;
/** Elements of the rows that are gathered at a time where there are more: 16 MiB. */
const BLOCK_ELEMENTS = 2 ** 22;

/**
 * Inner products of each query with table rows of its own, `out[r, k] = queries[r] · table[ids[r, k]]`: the scores of
 * sampled softmax. Where there are many, the gathered rows [R, K, D] are never whole, neither forward nor backward: on
 * `ort` (execution provider cpu) host kernels read them where they lie, elsewhere they are gathered in blocks of
 * queries, and again in the backward pass. Differentiable in queries and table; rows that share an id are added in
 * order, so every run has the same bits.
 *
 * @param queries - [R, D]
 * @param table - [V, D]
 * @param ids - int32 [R, K], each in [0, V).
 * @param elements - Gathers rows in blocks of so many elements, whatever the backend. Default: as said, 4 Mi elements
 *   at a time.
 * @returns [R, K]
 * @throws RangeError naming an id outside [0, V), when it runs.
 */
export function gatheredProducts(
  queries: tf.Tensor2D,
  table: tf.Tensor,
  ids: tf.Tensor,
  elements?: number,
): tf.Tensor2D {
  const [R, D] = queries.shape;
  const [count, width] = table.shape;
  if (queries.rank !== 2 || table.rank !== 2 || width !== D || ids.rank !== 2 || ids.shape[0] !== R)
    throw new Error(
      `gatheredProducts: queries must be [R, D], table [V, D] and ids [R, K], got [${queries.shape.join(', ')}], ` +
        `[${table.shape.join(', ')}] and [${ids.shape.join(', ')}]`,
    );
  if (ids.dtype !== 'int32') throw new Error(`gatheredProducts: ids must be int32, got ${ids.dtype}`);
  const K = ids.shape[1]!;
  if (R * K * D <= (elements ?? GATHER_WHOLE)) return products(queries, embedding(table, ids));
  return customGradient([queries, table], ([q, t], save) => {
    // Ids made inside the differentiated function would be gone by the time the gradient reads them.
    save([q!, t!, ids]);
    const size = Math.max(1, Math.floor((elements ?? BLOCK_ELEMENTS) / (K * D)));
    const near = elements === undefined && hostIsNear();
    const { value, gradients } = near ? hostKernels(count) : inBlocks(count, R, size);
    return {
      value: value(q as tf.Tensor2D, t!, ids),
      gradient: (dy, [sq, st, sids]) => gradients(dy, sq as tf.Tensor2D, st!, sids!),
    };
  }) as tf.Tensor2D;
}

/** [R, D] with [R, K, D] of each row's own: [R, K]. */
function products(queries: tf.Tensor2D, rows: tf.Tensor): tf.Tensor2D {
  const [R, K, D] = rows.shape as [number, number, number];
  return tf.reshape(tf.matMul(rows, tf.reshape(queries, [R, D, 1])), [R, K]);
}

/** The value and both gradients. */
interface Way {
  value: (queries: tf.Tensor2D, table: tf.Tensor, ids: tf.Tensor) => tf.Tensor;
  gradients: (
    dy: tf.Tensor,
    queries: tf.Tensor2D,
    table: tf.Tensor,
    ids: tf.Tensor,
  ) => [tf.Tensor, tf.Tensor];
}

function hostKernels(count: number): Way {
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap = {}): tf.Tensor =>
    tf.engine().runKernel<tf.Tensor>(name, inputs, attributes);
  return {
    value: (queries, table, ids) => run('GatheredProducts', { queries, table, ids }),
    gradients: (dy, queries, table, ids) => [
      run('GatheredSums', { weights: dy, table, ids }),
      run('ScatteredSums', { weights: dy, rows: queries, ids }, { count }),
    ],
  };
}

function inBlocks(count: number, R: number, size: number): Way {
  const starts = Array.from({ length: Math.ceil(R / size) }, (_, i) => i * size);
  const cut = <T extends tf.Tensor>(x: T, start: number): T =>
    tf.slice(x, [start, 0], [Math.min(size, R - start), x.shape[1]!]);
  return {
    value: (queries, table, ids) => {
      let token: tf.Tensor1D | undefined;
      const parts = starts.map((start) => {
        const own = after(cut(ids, start), token);
        const part = tf.tidy(() => products(cut(queries, start), gatherFor('gatheredProducts', table, own)));
        token = orderToken([part]);
        return part;
      });
      return tf.concat(parts, 0);
    },
    gradients: (dy, queries, table, ids) => {
      let token: tf.Tensor1D = orderToken([dy]);
      let sum: tf.Tensor = tf.zeros([count, queries.shape[1]]);
      const parts = starts.map((start) => {
        const own = after(cut(ids, start), token);
        const [B, K] = own.shape as [number, number];
        const slope = tf.reshape(cut(dy, start), [B, 1, K]);
        const [part, next] = tf.tidy(() => {
          const rows = gatherFor('gatheredProducts', table, own); // [B, K, D]
          const query = tf.reshape(cut(queries, start), [B, 1, -1]);
          const outer = tf.reshape(tf.matMul(slope, query, true), [B * K, -1]);
          const more = sumOfRows('gatheredProducts', outer, tf.reshape(own, [-1]), count);
          return [tf.reshape(tf.matMul(slope, rows), [B, -1]), tf.add(sum, more)] as [tf.Tensor, tf.Tensor];
        });
        sum = next;
        token = orderToken([part, sum]);
        return part;
      });
      return [tf.concat(parts, 0), sum];
    },
  };
}

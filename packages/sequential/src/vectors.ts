import { embedding, tf } from '@ferry/engine';
import type { ItemVectors, ModelTypes, Queries, Step, Which } from './types.ts';

/**
 * Rows of an item table.
 *
 * @param table - [V, D]
 * @param which - See {@link Which}.
 * @returns [V, D], [V - 1, D], [C, D] or [R, K, D].
 */
export function pickRows(table: tf.Tensor, which: Which): tf.Tensor {
  if (which === 'all') return table;
  if (which === 'items') return tf.slice(table, [1, 0], [table.shape[0] - 1, table.shape[1]!]);
  return embedding(table, which);
}

/**
 * Inner products of queries with candidates.
 *
 * @param queries - [R, D]
 * @param candidates - [C, D] that all rows share, or [R, K, D] of each row's own.
 * @returns [R, C] or [R, K]
 */
export function innerProducts(queries: tf.Tensor2D, candidates: tf.Tensor): tf.Tensor2D {
  if (candidates.rank === 2) return tf.matMul(queries, candidates, false, true);
  const [R, K, D] = candidates.shape as [number, number, number];
  const products = tf.matMul(candidates, tf.reshape(queries, [R, D, 1])); // [R, K, 1]
  return tf.reshape(products, [R, K]);
}

/** What says that a model's score is the inner product of a query and an item vector, and what follows from it. */
export const innerProduct = {
  /** See the contract. */
  product: true,
  /** The items' vectors. */
  candidates: (_step: Step<ModelTypes>, items: ItemVectors, which: Which): ItemVectors => ({
    vectors: pickRows(items.vectors, which),
  }),
  /** Inner products. */
  scores: (_step: Step<ModelTypes>, queries: Queries, candidates: ItemVectors): tf.Tensor2D =>
    innerProducts(queries.vectors, candidates.vectors),
} as const;

import { type RandomStream, tf } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters, init } from '@ferry/nn';
import { type Catalogue, pickRows, type Queries, type Which } from '@ferry/sequential';

/** Biases of candidates that begin at 0: [N + 1, 1]. */
export function createItemBiases(catalogue: Catalogue, random: RandomStream): EmbeddingParameters {
  return createEmbedding(
    { count: catalogue.items + 1, width: 1, init: init.zeros },
    random.split('outputBias'),
  );
}

// A bias of each item is one more number of its vector, beside a 1 in every query: scores are inner products still.

/** Query vectors for candidates with these biases, if any: [R, D] or [R, D + 1]. */
export function biasedQueries(rows: tf.Tensor, bias: tf.Tensor | undefined): Queries {
  return { vectors: (bias ? tf.concat([rows, tf.ones([rows.shape[0], 1])], 1) : rows) as tf.Tensor2D };
}

/** Candidates from the tables of their vectors, [V, D], and of their biases, [V, 1], if any. */
export function biasedCandidates(
  vectors: tf.Tensor,
  bias: tf.Tensor | undefined,
  which: Which,
): { vectors: tf.Tensor } {
  const own = pickRows(vectors, which);
  return { vectors: bias ? tf.concat([own, pickRows(bias, which)], -1) : own };
}

/** What MISSRec's encoder and decoder make of weights and interests alone. Letters as in model.ts. */
import { linear, tf } from '@ferry/engine';
import { splitProjections, type SplitProjections } from './attendOne.ts';
import type { MissRecParameters } from './parameters.ts';

/** Queries, keys and values: of all interests [K + 1, D] each, or of a group's [B, Q, D]. */
export type Projections = [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor];

/** What `encodeSequences` makes of weights and interests alone. */
export type ReadyProjections = {
  /** Queries, keys and values of all interests, [K + 1, D] each; absent with interests `none`. */
  interests?: Projections;
  /** Of the decoder's attention to the history. */
  self: SplitProjections;
  /** Of its attention to the interests. */
  cross: SplitProjections;
};

/**
 * What `encodeSequences` makes of weights and interests alone, to be kept where it reads many batches with the same
 * weights.
 *
 * @param p - Weights.
 * @param interestTable - [K + 1, D]; none with interests `none`.
 */
export function readyProjections(
  p: MissRecParameters,
  interestTable: tf.Tensor | undefined,
): ReadyProjections {
  const { selfAttention, crossAttention } = p.decoder.layers['0']!;
  return {
    ...(interestTable && { interests: projectedInterests(p, interestTable) }),
    self: splitProjections(selfAttention),
    cross: splitProjections(crossAttention),
  };
}

/** Queries, keys and values of all interests. Cut while they are rows of the table, which are few. */
export function projectedInterests(p: MissRecParameters, interestTable: tf.Tensor): Projections {
  const { weight, bias } = p.encoder.layers['0']!.selfAttention.inProjection;
  return tf.split(linear(interestTable, weight, bias), 3, -1) as Projections;
}

import { dropout, embedding, layerNorm, type RandomSource, tf } from '@ferry/engine';
import { causalEncoder, type CausalEncoderOptions } from '@ferry/nn';
import type { SequenceInputs } from '@ferry/sequential';
import type { HistoryEncoderParameters } from './historyEncoder.ts';
import { positionRows } from './positionRows.ts';

/** Choices of {@link causalHistories}. */
export interface CausalHistoryOptions extends Omit<CausalEncoderOptions, 'random' | 'readAt'> {
  /** Side on which short histories are padded. */
  padding: 'left' | 'right';
  /** Rows of the position table. */
  positions: number;
  /** Dropout of the input and of the output of each part of a block. */
  rate: number;
}

/**
 * Tokens of one group of histories, plus positions, normalised, through causal transformer blocks (Kang and McAuley
 * 2018, section III-A to III-C).
 *
 * @param tokens - [B * L, D], item vectors of the group's histories.
 * @param group - The histories.
 * @param onlyLast - Whether the last item of each history alone is read.
 * @returns [B * L, D], or [B, D] with `onlyLast`.
 */
export function causalHistories(
  p: HistoryEncoderParameters,
  { padding, positions, ...blocks }: CausalHistoryOptions,
  tokens: tf.Tensor,
  group: SequenceInputs,
  { random, onlyLast }: { random: RandomSource | undefined; onlyLast: boolean },
): tf.Tensor {
  const [B, L] = group.history.shape as [number, number];
  const width = tokens.shape[1]!;
  const rows = positionRows({ padding, positions }, group);
  const sum = tf.add(tokens, embedding(p.positions.weight, tf.reshape(rows, [-1])));
  const { inputNorm: norm } = p;
  const input = norm ? layerNorm(sum, norm.weight, norm.bias, blocks.epsilon) : sum;
  const out = causalEncoder(p.encoder, tf.reshape(dropout(input, blocks.rate, random), [B, L, width]), {
    ...blocks,
    random,
    readAt: onlyLast ? tf.sub(group.lengths, tf.scalar(1, 'int32')) : undefined,
  });
  return tf.reshape(out, [-1, width]);
}

/** What text families share: token numbers, and the mask that hides padding. */
import { tf } from '@ferry/engine';
import { attentionBias } from '@ferry/nn';
import type { EncoderInputs, Pass } from './family.ts';

/**
 * The token numbers of a pass, which must not be longer than the positions there are.
 *
 * @throws Error if there are none, or too many.
 */
export function tokenIds({ ids }: EncoderInputs, positions: number): tf.Tensor {
  if (ids?.rank !== 2 || ids.dtype !== 'int32')
    throw new Error(
      `encode: a text encoder reads ids, int32 [B, T], got ${ids ? `${ids.dtype} [${ids.shape.join(', ')}]` : 'none'}`,
    );
  if (ids.shape[1]! > positions)
    throw new Error(`encode: texts must have at most ${positions} tokens, got ${ids.shape[1]!}`);
  return ids;
}

/** Hides padding from all tokens of h [B, T, D], and with `causal` from each token those after it. */
export function hidingBias(h: tf.Tensor, { inputs: { mask } }: Pass, causal = false): tf.Tensor | undefined {
  const T = h.shape[1]!;
  const hidden = mask && tf.sub(1, tf.cast(mask, 'float32'));
  return attentionBias(T, T, { hidden, causal });
}

/** The rows of a table for positions 0..T-1, [T, D]: the same for every text. */
export function positionRows(table: tf.Tensor, length: number, offset = 0): tf.Tensor {
  return tf.slice(table, [offset, 0], [length, table.shape[1]!]);
}

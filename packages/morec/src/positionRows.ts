import { tf } from '@ferry/engine';
import type { SequenceInputs } from '@ferry/sequential';

/**
 * int32 [B, L]: the row of the position table for each item of right-padded histories. With left padding the last of n
 * items has the last position, so item l has `positions - n + l`; what stands beyond the history may have any.
 */
export function positionRows(
  { padding, positions }: { padding: 'left' | 'right'; positions: number },
  { history, lengths }: SequenceInputs,
): tf.Tensor {
  const [B, L] = history.shape as [number, number];
  const columns = tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]);
  if (padding === 'right') return tf.tile(columns, [B, 1]);
  const firsts = tf.sub(tf.scalar(positions, 'int32'), tf.reshape(lengths, [B, 1]));
  return tf.minimum(tf.add(firsts, columns), tf.scalar(positions - 1, 'int32'));
}

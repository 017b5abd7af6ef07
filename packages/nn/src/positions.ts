import { tf } from '@ferry/engine';
import type { EmbeddingParameters } from './layers.ts';

/**
 * Adds learned position vectors: position i of every sequence gets row i of the table.
 *
 * @param p - The table, [P, D] with P at least L.
 * @param x - [B, L, D]
 * @returns [B, L, D]
 * @throws Error if the sequences are longer than the table.
 */
export function addPositions(p: EmbeddingParameters, x: tf.Tensor): tf.Tensor3D {
  const [, L, D] = x.shape as [number, number, number];
  const [count, width] = p.weight.shape as [number, number];
  if (x.rank !== 3 || D !== width || L > count)
    throw new Error(
      `addPositions: x must be [B, L, ${width}] with L at most ${count}, got [${x.shape.join(', ')}]`,
    );
  return tf.add(x, tf.slice(p.weight, [0, 0], [L, D]));
}

/**
 * Fixed position vectors (Vaswani et al. 2017, section 3.5): sine in even columns, cosine in odd ones,
 * `angle(i, c) = i / 10000^(2⌊c/2⌋ / D)`.
 *
 * @param length - L
 * @param width - D
 * @returns L * D numbers, row-major.
 */
export function sinusoidalPositions(length: number, width: number): Float32Array {
  const values = new Float32Array(length * width);
  for (let i = 0; i < length; i++)
    for (let c = 0; c < width; c++) {
      const angle = i / 10000 ** ((2 * Math.floor(c / 2)) / width);
      values[i * width + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  return values;
}

/**
 * One position of every sequence, `x[b, positions[b]]`, or Q of each, `x[b, positions[b, q]]`. Written as a product
 * with one-hot rows, so that both directions are exact and need no scatter.
 *
 * @param x - [B, L, D], finite.
 * @param positions - int32 [B] or [B, Q], each in [0, L).
 * @returns [B, 1, D] or [B, Q, D]
 */
export function gatherPositions(x: tf.Tensor, positions: tf.Tensor): tf.Tensor3D {
  const [B, L] = x.shape;
  const { rank, dtype } = positions;
  if (x.rank !== 3 || (rank !== 1 && rank !== 2) || positions.shape[0] !== B || dtype !== 'int32')
    throw new Error(
      `gatherPositions: x must be [B, L, D] and positions int32 [B] or [B, Q], got [${x.shape.join(', ')}] and ` +
        `${dtype} [${positions.shape.join(', ')}]`,
    );
  const columns = tf.tensor(
    Int32Array.from({ length: L! }, (_, i) => i),
    [1, 1, L!],
    'int32',
  );
  const chosen = tf.cast(tf.equal(columns, tf.reshape(positions, [B, -1, 1])), 'float32');
  return tf.matMul(chosen, x);
}

/**
 * Which positions of padded sequences hold nothing: 1 where the id is the padding id, for `hidden` options.
 *
 * @param ids - int32 of any shape.
 * @param padding - The padding id.
 * @returns float32, the same shape.
 */
export function paddingMask(ids: tf.Tensor, padding = 0): tf.Tensor {
  return tf.cast(tf.equal(ids, tf.scalar(padding, 'int32')), 'float32');
}

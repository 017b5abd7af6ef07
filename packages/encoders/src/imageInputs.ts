/** What image families share: pictures, and the patches they are cut into. */
import { tf } from '@ferry/engine';
import type { EncoderInputs } from './family.ts';

/**
 * The pictures of a pass.
 *
 * @param side - What their sides must be multiples of.
 * @returns [B, C, height, width]
 * @throws Error if there are none, or their sides are no multiples.
 */
export function pictures({ pixels }: EncoderInputs, side = 1): tf.Tensor {
  if (pixels?.rank === 4 && pixels.shape.slice(2).every((length) => length % side === 0)) return pixels;
  const sides = side === 1 ? '' : ` with multiples of ${side}`;
  throw new Error(
    `encode: an image encoder reads pixels, [B, 3, height, width]${sides}, got ` +
      (pixels ? `[${pixels.shape.join(', ')}]` : 'none'),
  );
}

/**
 * The patches of pictures, as rows of a convolution's inputs.
 *
 * @returns [B, height / side * width / side, C side²], in the order of a filter [C, side, side].
 */
export function patchRows(inputs: EncoderInputs, side: number): tf.Tensor {
  const pixels = pictures(inputs, side);
  const [B, C, height, width] = pixels.shape as [number, number, number, number];
  const [rows, columns] = [height / side, width / side];
  const cut = tf.reshape(pixels, [B, C, rows, side, columns, side]);
  return tf.reshape(tf.transpose(cut, [0, 2, 4, 1, 3, 5]), [B, rows * columns, C * side * side]);
}

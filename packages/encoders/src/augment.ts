/**
 * What pictures go through in training before they are encoded: a part of each is drawn and enlarged to the whole, and
 * some are mirrored; anew in every step, from the step's random source.
 *
 * B pictures of C channels.
 */
import { type RandomSource, tf } from '@ferry/engine';

/** How pictures are changed in training. */
export interface Augmentation {
  /** Whether every second one is mirrored, left and right exchanged. Default false. */
  readonly flip?: boolean;
  /**
   * Least share of a picture's area that is kept: the share is uniform from here to 1, the sides of the part are to
   * each other between 3/4 and 4/3 times what the picture's are (cut at the picture's), its place is uniform. Default
   * the whole picture.
   */
  readonly crop?: number;
}

/** Log of the widest of a part's proportions. */
const STRETCH = Math.log(4 / 3);

/**
 * Weights that make a side of `length` points of a part of it, by linear interpolation: [B, length, length].
 *
 * @param start - Where the part begins, in points, [B, 1, 1].
 * @param share - How much of the side it is, [B, 1, 1].
 */
function sampling(length: number, start: tf.Tensor, share: tf.Tensor): tf.Tensor {
  const points = tf.range(0, length, 1, 'float32');
  const centres = tf.add(start, tf.sub(tf.mul(tf.add(tf.reshape(points, [1, length, 1]), 0.5), share), 0.5));
  const places = tf.clipByValue(centres, 0, length - 1);
  return tf.relu(tf.sub(1, tf.abs(tf.sub(places, tf.reshape(points, [1, 1, length])))));
}

/**
 * Pictures as a training step sees them.
 *
 * @param pixels - [B, C, height, width]
 */
export function augmented(
  pixels: tf.Tensor,
  { flip = false, crop = 1 }: Augmentation,
  random: RandomSource,
): tf.Tensor {
  if (!flip && crop === 1) return pixels;
  const [B, C, height, width] = pixels.shape as [number, number, number, number];
  const [area, ratio, top, left, mirror] = tf
    .unstack(random.uniform([5, B]))
    .map((row) => tf.reshape(row, [B, 1, 1])) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const share = tf.add(crop, tf.mul(area, 1 - crop));
  const stretch = tf.exp(tf.mul(tf.sub(ratio, 0.5), STRETCH));
  const side = (factor: tf.Tensor): tf.Tensor => tf.minimum(tf.mul(tf.sqrt(share), factor), 1);
  const [high, wide] = crop === 1 ? [undefined, undefined] : [side(tf.div(1, stretch)), side(stretch)];
  const startOf = (place: tf.Tensor, part: tf.Tensor, length: number): tf.Tensor =>
    tf.mul(tf.mul(place, tf.sub(1, part)), length);
  const one = tf.ones([B, 1, 1]);
  const columns = sampling(width, wide ? startOf(left, wide, width) : tf.zeros([B, 1, 1]), wide ?? one);
  const turned = flip ? tf.cast(tf.less(mirror, 0.5), 'float32') : undefined;
  const across = turned
    ? tf.add(tf.mul(turned, tf.reverse(columns, 1)), tf.mul(tf.sub(1, turned), columns))
    : columns;
  const drawn = tf.matMul(tf.reshape(pixels, [B, C * height, width]), across, false, true);
  if (!high) return tf.reshape(drawn, [B, C, height, width]);
  const rows = sampling(height, startOf(top, high, height), high);
  const standing = tf.transpose(tf.reshape(drawn, [B, C, height, width]), [0, 1, 3, 2]);
  const made = tf.matMul(tf.reshape(standing, [B, C * width, height]), rows, false, true);
  return tf.transpose(tf.reshape(made, [B, C, width, height]), [0, 1, 3, 2]);
}

/** Position vectors of pictures of another size than those a checkpoint was trained with. */
import { tf } from '@ferry/engine';
import type { Initializer } from '@ferry/nn';

/** PyTorch's constant of bicubic interpolation. */
const A = -0.75;

/** Weight of a sample at a distance (Keys 1981, eq. 4). */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return x < 2 ? A * (((x - 5) * x + 8) * x - 4) : 0;
}

/**
 * Bicubic interpolation of a row of samples as a matrix, [to, from]; edges repeat, as PyTorch's without aligned
 * corners.
 */
export function cubicMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = ((i + 0.5) * from) / to - 0.5;
    const base = Math.floor(at);
    for (let tap = -1; tap <= 2; tap++) {
      const sample = Math.min(Math.max(base + tap, 0), from - 1);
      matrix[i * from + sample]! += cubic(at - base - tap);
    }
  }
  return matrix;
}

/**
 * Position vectors for a grid of patches: as they are for the grid they were made for, else interpolated (bicubic), as
 * transformers' `interpolate_pos_encoding` does.
 *
 * @param table - [1 + side², D]: of the token in front, then of a square grid.
 * @param height - Patches in a column.
 * @param width - Patches in a row.
 * @returns [1 + height width, D]
 */
export function interpolatedPositions(table: tf.Tensor, height: number, width: number): tf.Tensor {
  const [count, D] = table.shape as [number, number];
  const side = Math.round(Math.sqrt(count - 1));
  if (height === side && width === side) return table;
  const rows = tf.tensor2d(cubicMatrix(side, height), [height, side]);
  const columns = tf.tensor2d(cubicMatrix(side, width), [width, side]);
  const grid = tf.slice(table, [1, 0], [count - 1, D]);
  // [height, side D] -> [side, height D] -> [width, height D] -> [height, width, D]
  const tall = tf.reshape(tf.matMul(rows, tf.reshape(grid, [side, side * D])), [height, side, D]);
  const turned = tf.reshape(tf.transpose(tall, [1, 0, 2]), [side, height * D]);
  const wide = tf.reshape(tf.matMul(columns, turned), [width, height, D]);
  const patches = tf.reshape(tf.transpose(wide, [1, 0, 2]), [height * width, D]);
  return tf.concat([tf.slice(table, [0, 0], [1, D]), patches], 0);
}

/**
 * Fixed position vectors of MAE, [1, 1 + side², D]: zeros for the token in front, then of each patch sine and cosine of
 * its column, then of its row, at D/4 frequencies `10000^(-4f / D)`.
 */
export const gridSinusoids: Initializer = ([, count, D]) => {
  const side = Math.round(Math.sqrt(count! - 1));
  const quarter = D! / 4;
  const values = new Float32Array(count! * D!);
  for (let patch = 0; patch < side * side; patch++)
    [patch % side, Math.floor(patch / side)].forEach((place, half) => {
      for (let f = 0; f < quarter; f++) {
        const angle = place / 10000 ** (f / quarter);
        const at = (patch + 1) * D! + half * 2 * quarter + f;
        values[at] = Math.sin(angle);
        values[at + quarter] = Math.cos(angle);
      }
    });
  return values;
};

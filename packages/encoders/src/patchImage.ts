/**
 * The network of ViT and its kin (Dosovitskiy et al., ICLR 2021): a picture's patches through one linear layer, a token
 * of its own in front, position vectors, then layers that normalise before each block. The families differ in names and
 * in what surrounds the layers.
 */
import { dropout, linear, tf } from '@ferry/engine';
import { interpolatedPositions } from './imagePositions.ts';
import type { Encoded, EncoderInputs, Network } from './family.ts';
import { type LayerOptions, type LayerTable, normalised, transformerLayer } from './layer.ts';
import { firstRow } from './tokens.ts';
import type { Tensors, Weight } from './weights.ts';

/** Weights of {@link patchImage}. */
export type PatchTable = {
  /** [D, 3, patch, patch], and perhaps a bias [D]. */
  readonly patches: { readonly weight: Weight; readonly bias?: Weight };
  /** The token in front, D numbers. */
  readonly cls: Weight;
  /** Of this token and of all patches, (1 + patches) D numbers. */
  readonly positions: Weight;
  /** Layers by number. */
  readonly layers: Readonly<Record<string, LayerTable>>;
};

/** What tells one family from another. */
export interface PatchOptions<P> {
  /** D */
  readonly width: number;
  /** Number of layers. */
  readonly layers: number;
  /** How layers compute. */
  readonly layer: LayerOptions;
  /** Side of a patch, in pixels. */
  readonly patch: number;
  /** Dropout of what the first layer reads. */
  readonly dropout: number;
  /** Normalisation of what the first layer reads (CLIP). */
  readonly before?: (p: P, h: tf.Tensor) => tf.Tensor;
  /** The output from what the last layer gives. */
  readonly finish: (p: P, h: tf.Tensor) => Encoded;
  /** Width of the pooled output. Default D. */
  readonly pooledWidth?: number;
}

/**
 * The patches of pictures, as rows of a convolution's inputs.
 *
 * @returns [B, height / side * width / side, 3 side²], in the order of a filter [3, side, side].
 * @throws Error if there are no pictures, or their sides are no multiple of the patch's.
 */
export function patchRows({ pixels }: EncoderInputs, side: number): tf.Tensor {
  const [B, C, height, width] = pixels?.shape ?? [];
  if (pixels?.rank !== 4 || height! % side !== 0 || width! % side !== 0)
    throw new Error(
      `encode: an image encoder reads pixels, [B, 3, height, width] with multiples of ${side}, got ${pixels ? `[${pixels.shape.join(', ')}]` : 'none'}`,
    );
  const [rows, columns] = [height! / side, width! / side];
  const cut = tf.reshape(pixels, [B!, C!, rows, side, columns, side]);
  return tf.reshape(tf.transpose(cut, [0, 2, 4, 1, 3, 5]), [B!, rows * columns, C! * side * side]);
}

/** The network. */
export function patchImage<P extends Tensors<PatchTable>>(o: PatchOptions<P>): Network<P> {
  const { width: D, patch, before = (_: P, h: tf.Tensor) => h } = o;
  return {
    layers: o.layers,
    width: D,
    poolsFirst: true,
    ...(o.pooledWidth !== undefined && { pooledWidth: o.pooledWidth }),
    embed: (p, { inputs, random }) => {
      const rows = patchRows(inputs, patch);
      const [B, , size] = rows.shape as [number, number, number];
      const tokens = linear(rows, tf.reshape(p.patches.weight, [D, size]), p.patches.bias);
      const first = tf.tile(tf.reshape(p.cls, [1, 1, D]), [B, 1, 1]);
      const [height, width] = [2, 3].map((axis) => inputs.pixels!.shape[axis]! / patch) as [number, number];
      const placed = tf.add(
        tf.concat([first, tokens], 1),
        interpolatedPositions(tf.reshape(p.positions, [-1, D]), height, width),
      );
      return before(p, dropout(placed, o.dropout, random));
    },
    shared: () => ({}),
    layer: (p, i, h, _, { random }, first) =>
      transformerLayer(p.layers[String(i)]!, h, o.layer, { random }, first ? firstRow : undefined),
    finish: (p, h) => o.finish(p, h),
  };
}

/** A normalisation of the table, for {@link PatchOptions}. */
export function normOf(epsilon: number) {
  return (p: Readonly<Record<'weight' | 'bias', tf.Tensor>>, h: tf.Tensor): tf.Tensor =>
    normalised(p, h, epsilon);
}

/**
 * The network of ViT and its kin (Dosovitskiy et al., ICLR 2021): a picture's patches through one linear layer, a token
 * of its own in front, position vectors, then layers that normalise before each block. The families differ in names and
 * in what surrounds the layers.
 */
import { dropout, linear, tf } from '@ferry/engine';
import { init } from '@ferry/nn';
import type { ActivationName } from './activations.ts';
import type { Encoded, Network } from './family.ts';
import { patchRows } from './imageInputs.ts';
import { interpolatedPositions } from './imagePositions.ts';
import { type LayerOptions, type LayerTable, normalised, transformerLayer } from './layer.ts';
import { tokenRow } from './tokens.ts';
import { type Tensors, Weight } from './weights.ts';

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
  readonly pooledWidth?: (p: P) => number;
}

/** Settings that ViT and DINOv2 name alike in `config.json`. */
interface VitSettings {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  image_size: number;
  patch_size: number;
  num_channels: number;
  hidden_act: ActivationName;
  layer_norm_eps: number;
  hidden_dropout_prob: number;
  attention_probs_dropout_prob: number;
}

/** Names of what is before the layers in ViT and DINOv2. */
const vitNames = {
  patches: 'embeddings.patch_embeddings.projection',
  cls: 'embeddings.cls_token',
  positions: 'embeddings.position_embeddings',
};

/** What is before the layers of ViT and its kin. */
export function vitEmbeddings(
  {
    hidden_size: D,
    image_size,
    patch_size: side,
    num_channels,
  }: Pick<VitSettings, 'hidden_size' | 'image_size' | 'patch_size' | 'num_channels'>,
  names = vitNames,
  positions: (theirs: string, shape: readonly number[]) => Weight = (theirs, shape) =>
    new Weight(theirs, shape, init.normal(0.02)),
) {
  const count = 1 + Math.floor(image_size / side) ** 2;
  return {
    patches: {
      weight: new Weight(`${names.patches}.weight`, [D, num_channels, side, side], init.normal(0.02)),
      bias: new Weight(`${names.patches}.bias`, [D], init.zeros),
    },
    cls: new Weight(names.cls, [1, 1, D], init.normal(0.02)),
    positions: positions(names.positions, [1, count, D]),
  };
}

/** How the networks of ViT and its kin compute, up to the output. */
export function vitOptions(o: VitSettings): Omit<PatchOptions<unknown>, 'finish' | 'before'> {
  return {
    width: o.hidden_size,
    layers: o.num_hidden_layers,
    layer: {
      heads: o.num_attention_heads,
      epsilon: o.layer_norm_eps,
      activation: o.hidden_act,
      normFirst: true,
      dropout: o.hidden_dropout_prob,
      attentionDropout: o.attention_probs_dropout_prob,
    },
    patch: o.patch_size,
    dropout: o.hidden_dropout_prob,
  };
}

/** The network. */
export function patchImage<P extends Tensors<PatchTable>>(o: PatchOptions<P>): Network<P> {
  const { width: D, patch, before = (_: P, h: tf.Tensor) => h } = o;
  return {
    layers: o.layers,
    width: D,
    poolsFirst: true,
    ...(o.pooledWidth && { pooledWidth: o.pooledWidth }),
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
    layer: (p, i, h, _, { random }, only) =>
      transformerLayer(
        p.layers[String(i)]!,
        h,
        o.layer,
        { random },
        only === undefined ? undefined : (x) => tokenRow(x, only),
      ),
    finish: (p, h) => o.finish(p, h),
  };
}

/** A normalisation of the table, for {@link PatchOptions}. */
export function normOf(epsilon: number) {
  return (p: Readonly<Record<'weight' | 'bias', tf.Tensor>>, h: tf.Tensor): tf.Tensor =>
    normalised(p, h, epsilon);
}

/**
 * Swin (Liu et al., ICCV 2021): patches attend within windows, every second block within windows shifted by half of
 * one, with a trained number for each head and relative place; between stages four neighbouring patches become one of
 * twice the width.
 *
 * B pictures, S patches on a side, w patches on a side of a window, n windows, C width of the stage.
 */
import { dropout, embedding, linear, type RandomSource, tf } from '@ferry/engine';
import { init } from '@ferry/nn';
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, type Network, only, rate } from '../family.ts';
import { feedForward, type LayerNames, layerTable, normalised, selfAttention } from '../layer.ts';
import { patchRows } from '../imageInputs.ts';
import { matrix, norm, numbered, type Tensors, Weight } from '../weights.ts';

const options = z
  .object({
    image_size: count.default(224),
    patch_size: count.default(4),
    num_channels: count.default(3),
    embed_dim: count.default(96),
    depths: z.array(count).min(1).default([2, 2, 6, 2]),
    num_heads: z.array(count).min(1).default([3, 6, 12, 24]),
    window_size: count.default(7),
    mlp_ratio: z.number().positive().default(4),
    hidden_act: z.enum(activationNames).default('gelu'),
    layer_norm_eps: z.number().positive().default(1e-5),
    hidden_dropout_prob: rate.default(0),
    attention_probs_dropout_prob: rate.default(0),
    drop_path_rate: rate.default(0.1),
    qkv_bias: only(true),
    use_absolute_embeddings: only(false),
  })
  .refine(({ depths, num_heads: heads }) => depths.length === heads.length, {
    error: 'depths and num_heads must be as many',
  })
  .refine((o) => sideOf(o, o.depths.length - 1) >= o.window_size, {
    error: 'window_size must not exceed the patches on a side of the last stage',
  });

type Options = z.output<typeof options>;

/** S of a stage. */
function sideOf(o: { image_size: number; patch_size: number }, stage: number): number {
  let side = Math.floor(o.image_size / o.patch_size);
  for (let i = 0; i < stage; i++) side = Math.ceil(side / 2);
  return side;
}

/** Parts of a block, below `encoder.layers.$.blocks.$.`. */
const layerNames: LayerNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  norm1: 'layernorm_before',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'layernorm_after',
};

/** A block: layers are numbered through all stages. */
interface Block {
  readonly theirs: string;
  readonly width: number;
  readonly heads: number;
  readonly side: number;
  readonly shift: number;
  /** Probability that what it adds is left out for a picture (stochastic depth, Huang et al. 2016). */
  readonly rate: number;
  /** The stage whose end it is, if another follows. */
  readonly merges: string | undefined;
}

function blocksOf(o: Options): Block[] {
  const total = o.depths.reduce((a, b) => a + b, 0);
  let number = 0;
  return o.depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i): Block => {
      const side = sideOf(o, stage);
      const odd = i % 2 === 1 && side > o.window_size;
      const last = i === depth - 1 && stage < o.depths.length - 1;
      return {
        theirs: `encoder.layers.${stage}.blocks.${i}.`,
        width: o.embed_dim * 2 ** stage,
        heads: o.num_heads[stage]!,
        side,
        shift: odd ? Math.floor(o.window_size / 2) : 0,
        rate: total > 1 ? (o.drop_path_rate * number++) / (total - 1) : 0,
        merges: last ? `encoder.layers.${stage}.downsample` : undefined,
      };
    }),
  );
}

function weights(o: Options) {
  const { embed_dim: D, patch_size: side } = o;
  const blocks = blocksOf(o);
  const patches = 'embeddings.patch_embeddings.projection';
  return {
    patches: {
      weight: new Weight(`${patches}.weight`, [D, o.num_channels, side, side], init.normal(0.02)),
      bias: new Weight(`${patches}.bias`, [D], init.zeros),
    },
    norm: norm('embeddings.norm', D),
    layers: numbered(blocks.length, (b) => {
      const { theirs, width: C, heads, merges } = blocks[b]!;
      const places = (2 * o.window_size - 1) ** 2;
      return {
        ...layerTable(theirs, layerNames, C, Math.trunc(C * o.mlp_ratio)),
        relative: matrix(`${theirs}attention.self.relative_position_bias_table`, places, heads, init.zeros),
        merge:
          merges === undefined
            ? undefined
            : {
                norm: norm(`${merges}.norm`, 4 * C),
                reduction: matrix(`${merges}.reduction.weight`, 2 * C, 4 * C),
              },
      };
    }),
    final: norm('layernorm', D * 2 ** (o.depths.length - 1)),
  };
}

type SwinTensors = Tensors<ReturnType<typeof weights>>;

/** [B, S, S, C] moved by so many rows and columns, what leaves on one side coming back on the other. */
function rolled(x: tf.Tensor, by: number): tf.Tensor {
  if (by === 0) return x;
  return [1, 2].reduce((y, axis) => {
    const size = y.shape[axis]!;
    const at = (((size - by) % size) + size) % size;
    const [head, end] = tf.split(y, [at, size - at], axis) as [tf.Tensor, tf.Tensor];
    return tf.concat([end, head], axis);
  }, x);
}

/** [B, S, S, C] as windows [B n, w w, C]. */
function windows(x: tf.Tensor, w: number): tf.Tensor {
  const [B, S, , C] = x.shape as [number, number, number, number];
  const cut = tf.transpose(tf.reshape(x, [B, S / w, w, S / w, w, C]), [0, 1, 3, 2, 4, 5]);
  return tf.reshape(cut, [(B * S * S) / (w * w), w * w, C]);
}

/** What {@link windows} cut, [B, S, S, C]. */
function unwindowed(x: tf.Tensor, w: number, S: number): tf.Tensor {
  const C = x.shape[2]!;
  const B = (x.shape[0] * w * w) / (S * S);
  const joined = tf.transpose(tf.reshape(x, [B, S / w, S / w, w, w, C]), [0, 1, 3, 2, 4, 5]);
  return tf.reshape(joined, [B, S, S, C]);
}

/** For each pair of places in a window, the row of the table of relative places. Int32 [w⁴]. */
function relativeRows(w: number): Int32Array {
  const places = w * w;
  return Int32Array.from({ length: places * places }, (_, at) => {
    const [a, b] = [Math.floor(at / places), at % places];
    const rows = Math.floor(a / w) - Math.floor(b / w) + w - 1;
    return rows * (2 * w - 1) + (a % w) - (b % w) + w - 1;
  });
}

/**
 * After a shift, windows at the border hold patches that were no neighbours: hides them from each other. [n, w w, w
 * w].
 */
function shiftMask(S: number, w: number, shift: number): Float32Array {
  const region = (i: number): number => (i >= S - w ? 1 : 0) + (i >= S - shift ? 1 : 0);
  const [along, places] = [S / w, w * w];
  const regions = Array.from({ length: along * along }, (_, window) =>
    Array.from({ length: places }, (__, i) => {
      const row = Math.floor(window / along) * w + Math.floor(i / w);
      return region(row) * 3 + region((window % along) * w + (i % w));
    }),
  );
  return Float32Array.from(
    regions.flatMap((own) => own.flatMap((a) => own.map((b) => (a === b ? 0 : -100)))),
  );
}

/** What a block adds, left out for some pictures and larger for the others. */
function stochastic(x: tf.Tensor, probability: number, random: RandomSource | undefined): tf.Tensor {
  if (!random || probability === 0) return x;
  return tf.mul(x, random.keepMask([x.shape[0], 1, 1], probability));
}

function network(o: Options): Network<SwinTensors> {
  const blocks = blocksOf(o);
  const { window_size: w, layer_norm_eps: epsilon } = o;
  const activation = { activation: o.hidden_act };

  /** Attention within windows, [B, S S, C]. */
  const attended = (
    p: SwinTensors['layers'][string],
    x: tf.Tensor,
    { side, shift, heads }: Block,
    random: RandomSource | undefined,
  ): tf.Tensor => {
    const [B, , C] = x.shape as [number, number, number];
    const S = Math.ceil(side / w) * w;
    const grid = tf.reshape(x, [B, side, side, C]);
    const padded =
      S === side
        ? grid
        : tf.pad(grid, [
            [0, 0],
            [0, S - side],
            [0, S - side],
            [0, 0],
          ]);
    const places = w * w;
    const numbers = embedding(p.relative, tf.tensor1d(relativeRows(w), 'int32'));
    const offsets = tf.expandDims(tf.transpose(tf.reshape(numbers, [places, places, heads]), [2, 0, 1]), 0);
    const n = (S / w) ** 2;
    const mask =
      shift > 0
        ? tf.reshape(tf.tile(tf.tensor3d(shiftMask(S, w, shift), [n, places, places]), [B, 1, 1]), [
            B * n,
            1,
            places,
            places,
          ])
        : undefined;
    const own = { heads, attentionDropout: o.attention_probs_dropout_prob };
    const made = selfAttention(p.attention, windows(rolled(padded, -shift), w), own, {
      offsets,
      bias: mask,
      random,
    });
    const back = rolled(unwindowed(made, w, S), shift);
    const cropped = S === side ? back : tf.slice(back, [0, 0, 0, 0], [B, side, side, C]);
    return tf.reshape(cropped, [B, side * side, C]);
  };

  return {
    layers: blocks.length,
    width: o.embed_dim * 2 ** (o.depths.length - 1),
    embed: (p, { inputs, random }) => {
      const sides = inputs.pixels?.shape.slice(2) ?? [];
      if (sides.some((side) => side !== o.image_size))
        throw new Error(
          `encode: this encoder reads pictures of ${o.image_size} x ${o.image_size}, got ${sides.join(' x ')}`,
        );
      const rows = patchRows(inputs, o.patch_size);
      const made = linear(rows, tf.reshape(p.patches.weight, [o.embed_dim, rows.shape[2]!]), p.patches.bias);
      return dropout(normalised(p.norm, made, epsilon), o.hidden_dropout_prob, random);
    },
    shared: () => ({}),
    layer: (p, i, x, _, { random }) => {
      const block = blocks[i]!;
      const own = p.layers[String(i)]!;
      const drop = (y: tf.Tensor) => dropout(y, o.hidden_dropout_prob, random);
      const mixed = drop(attended(own, normalised(own.norm1, x, epsilon), block, random));
      const h = tf.add(x, stochastic(mixed, block.rate, random));
      const y = tf.add(h, drop(feedForward(own, normalised(own.norm2, h, epsilon), activation)));
      return own.merge ? merged(own.merge, y, block.side) : y;
    },
    finish: (p, h) => {
      const hidden = normalised(p.final, h, epsilon);
      return { hidden, pooled: tf.mean(hidden, 1) };
    },
  };
}

/** Four neighbouring patches as one of twice the width: [B, S S, C] to [B, ⌈S/2⌉², 2C]. */
function merged(
  p: NonNullable<SwinTensors['layers'][string]['merge']>,
  x: tf.Tensor,
  side: number,
): tf.Tensor {
  const [B, , C] = x.shape as [number, number, number];
  const half = Math.ceil(side / 2);
  const odd = 2 * half - side;
  const grid = tf.reshape(x, [B, side, side, C]);
  const even =
    odd === 0
      ? grid
      : tf.pad(grid, [
          [0, 0],
          [0, odd],
          [0, odd],
          [0, 0],
        ]);
  // Rows change faster than columns among the four.
  const cut = tf.transpose(tf.reshape(even, [B, half, 2, half, 2, C]), [0, 1, 3, 4, 2, 5]);
  const joined = tf.reshape(cut, [B, half * half, 4 * C]);
  return linear(normalised(p.norm, joined, 1e-5), p.reduction);
}

/** Swin. */
export const swin = family({
  name: 'swin',
  types: { swin: 'SwinModel' },
  modality: 'image',
  options,
  weights,
  prefixes: ['swin.'],
  ignored: ['classifier.**', '**.relative_position_index'],
  network,
  pooling: 'pooled',
});

/**
 * ViT (Dosovitskiy et al., ICLR 2021), and the encoder of MAE (He et al., CVPR 2022), which is a ViT with fixed
 * positions and without a pooler.
 */
import { tf } from '@ferry/engine';
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, only, rate } from '../family.ts';
import { gridSinusoids } from '../imagePositions.ts';
import { affine, type LayerNames, layerTable } from '../layer.ts';
import { normOf, patchImage, vitEmbeddings, vitOptions } from '../patchImage.ts';
import { firstToken } from '../tokens.ts';
import { dense, norm, numbered, type Tensors, Weight } from '../weights.ts';

/** What ViT and MAE read of `config.json`. */
const options = z.object({
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  image_size: count.default(224),
  patch_size: count.default(16),
  num_channels: count.default(3),
  hidden_act: z.enum(activationNames).default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: rate.default(0),
  attention_probs_dropout_prob: rate.default(0),
  qkv_bias: only(true),
  pooler_act: only('tanh'),
});

type Options = z.output<typeof options>;

/** Parts of a layer, below `encoder.layer.$.`. */
const layerNames: LayerNames = {
  query: 'attention.attention.query',
  key: 'attention.attention.key',
  value: 'attention.attention.value',
  output: 'attention.output.dense',
  norm1: 'layernorm_before',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'layernorm_after',
};

function tableOf(o: Options, positions?: (theirs: string, shape: readonly number[]) => Weight) {
  return {
    ...vitEmbeddings(o, undefined, positions),
    layers: numbered(o.num_hidden_layers, (i) =>
      layerTable(`encoder.layer.${i}.`, layerNames, o.hidden_size, o.intermediate_size),
    ),
    final: norm('layernorm', o.hidden_size),
  };
}

function vitWeights(o: Options, has: (theirs: string) => boolean) {
  const pooler = has('pooler.dense.weight') ? dense('pooler.dense', o.hidden_size, o.hidden_size) : undefined;
  return { ...tableOf(o), pooler };
}

type VitTensors = Tensors<ReturnType<typeof vitWeights>>;

function network(o: Options) {
  const normalise = normOf(o.layer_norm_eps);
  return patchImage<VitTensors>({
    ...vitOptions(o),
    finish: ({ final, pooler }, h) => {
      const hidden = normalise(final, h);
      return { hidden, pooled: pooler && tf.tanh(affine(pooler, firstToken(hidden))) };
    },
  });
}

/** ViT. */
export const vit = family({
  name: 'vit',
  types: { vit: 'ViTModel' },
  modality: 'image',
  options,
  weights: vitWeights,
  prefixes: ['vit.'],
  ignored: ['classifier.**', 'decoder.**', 'embeddings.mask_token'],
  network,
  pooledOnly: ['pooler.**'],
  pooling: 'cls',
});

/** MAE's encoder, on whole pictures: no patch is masked. */
export const mae = family({
  name: 'mae',
  types: { vit_mae: 'ViTMAEModel' },
  modality: 'image',
  options,
  weights: (o) => ({
    ...tableOf(o, (theirs, shape) => new Weight(theirs, shape, gridSinusoids, true)),
    pooler: undefined,
  }),
  prefixes: ['vit.'],
  ignored: ['decoder.**'],
  // What is saved is read as it is used here.
  savedConfig: (config) => ({ ...config, mask_ratio: 0 }),
  network,
  pooling: 'cls',
});

/**
 * DINOv2 (Oquab et al., TMLR 2024): a ViT whose blocks are scaled by trained factors (LayerScale, Touvron et al.
 * 2021), without SwiGLU.
 */
import { init } from '@ferry/nn';
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, only, rate } from '../family.ts';
import { type LayerNames, layerTable } from '../layer.ts';
import { normOf, patchImage, vitEmbeddings, vitOptions } from '../patchImage.ts';
import { firstToken } from '../tokens.ts';
import { norm, numbered, type Tensors, Weight } from '../weights.ts';

/** Parts of a layer, below `encoder.layer.$.`. */
const layerNames: LayerNames = {
  query: 'attention.attention.query',
  key: 'attention.attention.key',
  value: 'attention.attention.value',
  output: 'attention.output.dense',
  norm1: 'norm1',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
  norm2: 'norm2',
};

const options = z.object({
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  mlp_ratio: z.number().positive().default(4),
  image_size: count.default(224),
  patch_size: count.default(14),
  num_channels: count.default(3),
  hidden_act: z.enum(activationNames).default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-6),
  layerscale_value: z.number().default(1),
  hidden_dropout_prob: rate.default(0),
  attention_probs_dropout_prob: rate.default(0),
  qkv_bias: only(true),
  drop_path_rate: only(0),
  use_swiglu_ffn: only(false),
});

function weights(o: z.output<typeof options>, has: (theirs: string) => boolean) {
  const { hidden_size: D } = o;
  const scale = (theirs: string) =>
    new Weight(theirs, [D], (shape, random) => init.ones(shape, random).fill(o.layerscale_value));
  return {
    ...vitEmbeddings(o),
    mask: has('embeddings.mask_token') ? new Weight('embeddings.mask_token', [1, D], init.zeros) : undefined,
    layers: numbered(o.num_hidden_layers, (i) => {
      const prefix = `encoder.layer.${i}.`;
      return {
        ...layerTable(prefix, layerNames, D, Math.trunc(D * o.mlp_ratio)),
        scale1: scale(`${prefix}layer_scale1.lambda1`),
        scale2: scale(`${prefix}layer_scale2.lambda1`),
      };
    }),
    final: norm('layernorm', D),
  };
}

/** DINOv2. */
export const dinov2 = family({
  name: 'dinov2',
  types: { dinov2: 'Dinov2Model' },
  modality: 'image',
  options,
  weights,
  prefixes: ['dinov2.'],
  ignored: ['classifier.**'],
  // Only pre-training with masked patches reads it.
  unread: ['mask'],
  network: (o) => {
    const normalise = normOf(o.layer_norm_eps);
    return patchImage<Tensors<ReturnType<typeof weights>>>({
      ...vitOptions(o),
      finish: (p, h) => {
        const hidden = normalise(p.final, h);
        return { hidden, pooled: firstToken(hidden) };
      },
    });
  },
  pooling: 'cls',
});

/**
 * BLIP (Li et al., ICML 2022): a ViT, and a BERT whose layers may look at the picture's tokens between attention and
 * the feed-forward block. Each tower is an encoder of its own. Both forms of transformers are read: `BlipModel`, and
 * `BlipForImageTextRetrieval`, which projects otherwise and scores whether a text and a picture belong together. The
 * text decoder of captioning and of answering questions is passed over.
 */
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, type Network, rate } from '../family.ts';
import { affine, type DenseTable, type LayerNames, layerTable } from '../layer.ts';
import { normOf, patchImage, vitEmbeddings, vitOptions } from '../patchImage.ts';
import { postNormText } from '../postNormText.ts';
import { firstToken } from '../tokens.ts';
import { dense, matrix, norm, numbered, type Tensors } from '../weights.ts';
import { bertLayer, bertNames } from './bert.ts';

/** What both towers read of their section. */
const tower = {
  hidden_size: count.default(768),
  intermediate_size: count.default(3072),
  num_hidden_layers: count.default(12),
  hidden_act: z.enum(activationNames).default('gelu'),
  projection_dim: count.default(512),
  image_text_hidden_size: count.default(256),
};

const textOptions = z.object({
  ...tower,
  vocab_size: count.default(30524),
  encoder_hidden_size: count.default(768),
  num_attention_heads: count.default(8),
  max_position_embeddings: count.default(512),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: rate.default(0),
  attention_probs_dropout_prob: rate.default(0),
});

const imageOptions = z.object({
  ...tower,
  num_attention_heads: count.default(12),
  image_size: count.default(384),
  patch_size: count.default(16),
  num_channels: count.default(3),
  layer_norm_eps: z.number().positive().default(1e-5),
  attention_dropout: rate.default(0),
});

type TextOptions = z.output<typeof textOptions>;
type ImageOptions = z.output<typeof imageOptions>;
type Has = (theirs: string) => boolean;

/** Settings that stand beside both sections. */
const beside = ['projection_dim', 'image_text_hidden_size'];

/** What projects the first token: of retrieval with a bias, of `BlipModel` without; some checkpoints have neither. */
function projectionOf(
  o: TextOptions | ImageOptions,
  has: Has,
  [retrieval, model]: [string, string],
): DenseTable | undefined {
  if (has(`${retrieval}.weight`)) return dense(retrieval, o.hidden_size, o.image_text_hidden_size);
  if (!has(`${model}.weight`)) return undefined;
  return { weight: matrix(`${model}.weight`, o.projection_dim, o.hidden_size), bias: undefined };
}

/** Attention to the picture, between the two blocks of a layer. */
function crossTable(prefix: string, { hidden_size: D, encoder_hidden_size: F }: TextOptions) {
  return {
    attention: {
      query: dense(`${prefix}self.query`, D, D),
      key: dense(`${prefix}self.key`, F, D),
      value: dense(`${prefix}self.value`, F, D),
      output: dense(`${prefix}output.dense`, D, D),
    },
    norm: norm(`${prefix}output.LayerNorm`, D),
  };
}

function textWeights(o: TextOptions, has: Has) {
  const { hidden_size: D } = o;
  const retrieval = has('text_proj.weight');
  return {
    words: matrix('embeddings.word_embeddings.weight', o.vocab_size, D),
    positions: matrix('embeddings.position_embeddings.weight', o.max_position_embeddings, D),
    types: undefined,
    norm: norm('embeddings.LayerNorm', D),
    layers: numbered(o.num_hidden_layers, (i) => {
      const cross = `encoder.layer.${i}.crossattention.`;
      return {
        ...layerTable(`encoder.layer.${i}.`, bertNames, D, o.intermediate_size),
        cross: has(`${cross}self.query.weight`) ? crossTable(cross, o) : undefined,
      };
    }),
    pooler: !retrieval && has('pooler.dense.weight') ? dense('pooler.dense', D, D) : undefined,
    projection: projectionOf(o, has, ['text_proj', 'text_projection']),
    matching: has('itm_head.weight') ? dense('itm_head', D, 2) : undefined,
  };
}

function textNetwork(o: TextOptions): Network<Tensors<ReturnType<typeof textWeights>>> {
  const base = postNormText<Tensors<ReturnType<typeof textWeights>>>({
    width: o.hidden_size,
    layers: o.num_hidden_layers,
    layer: bertLayer(o),
    longest: o.max_position_embeddings,
  });
  return {
    ...base,
    pooledWidth: ({ projection }) => projection?.weight.shape[0] ?? o.hidden_size,
    finish: (p, h, pass) => {
      const { hidden, pooled } = base.finish(p, h, pass);
      const first = firstToken(hidden);
      return {
        hidden,
        pooled: p.projection ? affine(p.projection, pooled ?? first) : pooled,
        matching: p.matching && pass.inputs.picture && affine(p.matching, first),
      };
    },
  };
}

/** BLIP's text tower. */
export const blipText = family({
  name: 'blip',
  types: { blip: 'BlipTextModel', blip_text_model: 'BlipTextModel' },
  modality: 'text',
  options: textOptions,
  section: { name: 'text_config', beside, type: 'blip_text_model' },
  weights: textWeights,
  prefixes: ['text_model.', 'text_encoder.'],
  ignored: [
    ...['vision_model.**', 'visual_projection.**', 'vision_proj.**', 'text_decoder.**', 'logit_scale'],
    '**.position_ids',
  ],
  network: textNetwork,
  pooledOnly: ['pooler.**', 'projection.**'],
  unread: ['layers.*.cross.**', 'matching.**'],
  pooling: 'pooled',
});

/** Parts of a layer of the vision tower, below `encoder.layers.$.`. */
const visionNames: LayerNames = {
  joint: 'self_attn.qkv',
  output: 'self_attn.projection',
  norm1: 'layer_norm1',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
  norm2: 'layer_norm2',
};

function visionWeights(o: ImageOptions, has: Has) {
  return {
    ...vitEmbeddings(o, {
      patches: 'embeddings.patch_embedding',
      cls: 'embeddings.class_embedding',
      positions: 'embeddings.position_embedding',
    }),
    layers: numbered(o.num_hidden_layers, (i) =>
      layerTable(`encoder.layers.${i}.`, visionNames, o.hidden_size, o.intermediate_size),
    ),
    final: norm('post_layernorm', o.hidden_size),
    projection: projectionOf(o, has, ['vision_proj', 'visual_projection']),
  };
}

/** BLIP's vision tower. */
export const blipVision = family({
  name: 'blip',
  types: { blip: 'BlipVisionModel', blip_vision_model: 'BlipVisionModel' },
  modality: 'image',
  options: imageOptions,
  section: { name: 'vision_config', beside, type: 'blip_vision_model' },
  weights: visionWeights,
  prefixes: ['vision_model.'],
  ignored: [
    ...['text_model.**', 'text_encoder.**', 'text_decoder.**', 'text_projection.**', 'text_proj.**'],
    ...['itm_head.**', 'logit_scale', '**.position_ids'],
  ],
  network: (o) => {
    const normalise = normOf(o.layer_norm_eps);
    return patchImage<Tensors<ReturnType<typeof visionWeights>>>({
      ...vitOptions({ ...o, hidden_dropout_prob: 0, attention_probs_dropout_prob: o.attention_dropout }),
      finish: ({ final, projection }, h) => {
        const hidden = normalise(final, h);
        const first = firstToken(hidden);
        // Retrieval's projection has a bias, and reads the token as it is; all else is normalised a second time.
        if (projection?.bias) return { hidden, pooled: affine(projection, first) };
        const pooled = normalise(final, first);
        return { hidden, pooled: projection ? affine(projection, pooled) : pooled };
      },
      pooledWidth: ({ projection }) => projection?.weight.shape[0] ?? o.hidden_size,
    });
  },
  pooledOnly: ['projection.**'],
  pooling: 'pooled',
});

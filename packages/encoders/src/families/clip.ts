/**
 * CLIP (Radford et al., ICML 2021): a causal text encoder whose vector is that of the end token, and a ViT whose vector
 * is that of the token in front, each through a projection into one space. Each tower is an encoder of its own; the
 * other tower and the temperature are passed over.
 */
import { embedding, linear, tf } from '@ferry/engine';
import { gatherPositions, init } from '@ferry/nn';
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, type Network, rate } from '../family.ts';
import { type LayerNames, type LayerOptions, layerTable, normalised, transformerLayer } from '../layer.ts';
import { normOf, patchImage } from '../patchImage.ts';
import { hidingBias, positionRows, tokenIds } from '../textInputs.ts';
import { firstToken } from '../tokens.ts';
import { matrix, norm, numbered, type Tensors, Weight } from '../weights.ts';

/** Parts of a layer, below `encoder.layers.$.`. */
const layerNames: LayerNames = {
  query: 'self_attn.q_proj',
  key: 'self_attn.k_proj',
  value: 'self_attn.v_proj',
  output: 'self_attn.out_proj',
  norm1: 'layer_norm1',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
  norm2: 'layer_norm2',
};

/** What both towers read of their section. */
const tower = {
  num_hidden_layers: count.default(12),
  hidden_act: z.enum(activationNames).default('quick_gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  attention_dropout: rate.default(0),
  projection_dim: count.default(512),
};

const textOptions = z.object({
  ...tower,
  vocab_size: count.default(49408),
  hidden_size: count.default(512),
  intermediate_size: count.default(2048),
  num_attention_heads: count.default(8),
  max_position_embeddings: count.default(77),
  eos_token_id: z.int().min(0).default(49407),
});

const imageOptions = z.object({
  ...tower,
  hidden_size: count.default(768),
  intermediate_size: count.default(3072),
  num_attention_heads: count.default(12),
  image_size: count.default(224),
  patch_size: count.default(32),
  num_channels: count.default(3),
});

type TextOptions = z.output<typeof textOptions>;
type ImageOptions = z.output<typeof imageOptions>;

function layerOptions(o: TextOptions | ImageOptions): LayerOptions {
  return {
    heads: o.num_attention_heads,
    epsilon: o.layer_norm_eps,
    activation: o.hidden_act,
    normFirst: true,
    dropout: 0,
    attentionDropout: o.attention_dropout,
  };
}

function layersOf(prefix: string, o: TextOptions | ImageOptions) {
  return numbered(o.num_hidden_layers, (i) =>
    layerTable(`${prefix}.encoder.layers.${i}.`, layerNames, o.hidden_size, o.intermediate_size),
  );
}

/** A projection without bias, if the checkpoint has one. */
function projectionOf(theirs: string, o: TextOptions | ImageOptions, has: (theirs: string) => boolean) {
  return has(theirs) ? matrix(theirs, o.projection_dim, o.hidden_size) : undefined;
}

function textWeights(o: TextOptions, has: (theirs: string) => boolean) {
  return {
    words: matrix('text_model.embeddings.token_embedding.weight', o.vocab_size, o.hidden_size),
    positions: matrix(
      'text_model.embeddings.position_embedding.weight',
      o.max_position_embeddings,
      o.hidden_size,
    ),
    layers: layersOf('text_model', o),
    final: norm('text_model.final_layer_norm', o.hidden_size),
    projection: projectionOf('text_projection.weight', o, has),
  };
}

/** The place of each text's end token, int32 [B]: old files, which name 2, mean the largest number. */
function endOf(ids: tf.Tensor, end: number): tf.Tensor {
  return tf.argMax(end === 2 ? ids : tf.cast(tf.equal(ids, tf.scalar(end, 'int32')), 'int32'), 1);
}

function textNetwork(o: TextOptions): Network<Tensors<ReturnType<typeof textWeights>>> {
  const layer = layerOptions(o);
  return {
    layers: o.num_hidden_layers,
    width: o.hidden_size,
    pooledWidth: ({ projection }) => projection?.shape[0] ?? o.hidden_size,
    embed: (p, { inputs }) => {
      const ids = tokenIds(inputs, o.max_position_embeddings);
      return tf.add(embedding(p.words, ids), positionRows(p.positions, ids.shape[1]!));
    },
    shared: (_, h, pass) => ({ bias: hidingBias(h, pass, true) }),
    layer: (p, i, h, { bias }, { random }) =>
      transformerLayer(p.layers[String(i)]!, h, layer, { bias, random }),
    finish: (p, h, { inputs }) => {
      const hidden = normalised(p.final, h, o.layer_norm_eps);
      const end = gatherPositions(hidden, endOf(tokenIds(inputs, o.max_position_embeddings), o.eos_token_id));
      const pooled = tf.reshape(end, [hidden.shape[0], o.hidden_size]);
      return { hidden, pooled: p.projection ? linear(pooled, p.projection) : pooled };
    },
  };
}

/** Names of a file of one tower alone, which may lack the tower's name. */
function within(prefix: string): (name: string) => string {
  return (name) =>
    /^(embeddings|encoder|final_layer_norm|pre_layrnorm|post_layernorm)\./.test(name) ? prefix + name : name;
}

/** CLIP's text tower. */
export const clipText = family({
  name: 'clip',
  types: { clip: 'CLIPTextModelWithProjection', clip_text_model: 'CLIPTextModelWithProjection' },
  modality: 'text',
  options: textOptions,
  section: { name: 'text_config', beside: ['projection_dim'], type: 'clip_text_model' },
  weights: textWeights,
  ignored: ['vision_model.**', 'visual_projection.weight', 'logit_scale', '**.position_ids'],
  rename: within('text_model.'),
  network: textNetwork,
  pooledOnly: ['projection'],
  pooling: 'pooled',
});

function visionWeights(o: ImageOptions, has: (theirs: string) => boolean) {
  const { hidden_size: D, patch_size: side } = o;
  const patches = Math.floor(o.image_size / side) ** 2;
  const drawn = init.normal(0.02);
  const embeddings = 'vision_model.embeddings';
  return {
    patches: {
      weight: new Weight(`${embeddings}.patch_embedding.weight`, [D, o.num_channels, side, side], drawn),
    },
    cls: new Weight(`${embeddings}.class_embedding`, [D], drawn),
    positions: matrix(`${embeddings}.position_embedding.weight`, patches + 1, D),
    // The checkpoints' own spelling.
    before: norm('vision_model.pre_layrnorm', D),
    layers: layersOf('vision_model', o),
    final: norm('vision_model.post_layernorm', D),
    projection: projectionOf('visual_projection.weight', o, has),
  };
}

/** CLIP's vision tower. */
export const clipVision = family({
  name: 'clip',
  types: { clip: 'CLIPVisionModelWithProjection', clip_vision_model: 'CLIPVisionModelWithProjection' },
  modality: 'image',
  options: imageOptions,
  section: { name: 'vision_config', beside: ['projection_dim'], type: 'clip_vision_model' },
  weights: visionWeights,
  ignored: ['text_model.**', 'text_projection.weight', 'logit_scale', '**.position_ids'],
  rename: within('vision_model.'),
  network: (o) => {
    const normalise = normOf(o.layer_norm_eps);
    return patchImage<Tensors<ReturnType<typeof visionWeights>>>({
      width: o.hidden_size,
      layers: o.num_hidden_layers,
      layer: layerOptions(o),
      patch: o.patch_size,
      dropout: 0,
      before: (p, h) => normalise(p.before, h),
      // Tokens come out as they are; only the vector in front is normalised and projected.
      finish: (p, hidden) => {
        const first = normalise(p.final, firstToken(hidden));
        return { hidden, pooled: p.projection ? linear(first, p.projection) : first };
      },
      pooledWidth: ({ projection }) => projection?.shape[0] ?? o.hidden_size,
    });
  },
  pooledOnly: ['projection', 'final.**'],
  pooling: 'pooled',
});

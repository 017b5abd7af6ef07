/**
 * OPT (Zhang et al. 2022) as an encoder: a causal transformer that normalises before each block, positions counted from
 * row 2. Sizes that normalise after each block (350M) are refused.
 */
import { embedding, tf } from '@ferry/engine';
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, type Network, only, rate } from '../family.ts';
import { type LayerNames, layerTable, normalised, transformerLayer } from '../layer.ts';
import { prompted, promptLength } from '../prompts.ts';
import { hidingBias, positionRows, tokenIds } from '../textInputs.ts';
import { matrix, norm, numbered, type Tensors } from '../weights.ts';

const options = z
  .object({
    vocab_size: count.default(50272),
    hidden_size: count.default(768),
    num_hidden_layers: count.default(12),
    num_attention_heads: count.default(12),
    ffn_dim: count.default(3072),
    max_position_embeddings: count.default(2048),
    word_embed_proj_dim: count.nullish(),
    activation_function: z.enum(activationNames).default('relu'),
    dropout: rate.default(0.1),
    attention_dropout: rate.default(0),
    do_layer_norm_before: only(true),
    enable_bias: only(true),
    layer_norm_elementwise_affine: only(true),
    _remove_final_layer_norm: only(false),
  })
  .refine(({ word_embed_proj_dim: own, hidden_size: D }) => (own ?? D) === D, {
    error: 'word_embed_proj_dim must be hidden_size',
  });

type Options = z.output<typeof options>;

/** Parts of a layer, below `decoder.layers.$.`. */
const layerNames: LayerNames = {
  query: 'self_attn.q_proj',
  key: 'self_attn.k_proj',
  value: 'self_attn.v_proj',
  output: 'self_attn.out_proj',
  norm1: 'self_attn_layer_norm',
  up: 'fc1',
  down: 'fc2',
  norm2: 'final_layer_norm',
};

/** Rows of the table of positions before that of the first token. */
const OFFSET = 2;

function weights(o: Options) {
  const { hidden_size: D } = o;
  return {
    words: matrix('decoder.embed_tokens.weight', o.vocab_size, D),
    positions: matrix('decoder.embed_positions.weight', o.max_position_embeddings + OFFSET, D),
    layers: numbered(o.num_hidden_layers, (i) =>
      layerTable(`decoder.layers.${i}.`, layerNames, D, o.ffn_dim),
    ),
    final: norm('decoder.final_layer_norm', D),
  };
}

/** PyTorch's, which OPT does not change. */
const EPSILON = 1e-5;

function network(o: Options): Network<Tensors<ReturnType<typeof weights>>> {
  const layer = {
    heads: o.num_attention_heads,
    epsilon: EPSILON,
    activation: o.activation_function,
    normFirst: true,
    dropout: o.dropout,
    attentionDropout: o.attention_dropout,
  };
  return {
    layers: o.num_hidden_layers,
    width: o.hidden_size,
    embed: (p, { inputs }) => {
      const ids = tokenIds(inputs, o.max_position_embeddings - promptLength(p));
      const words = prompted(p, embedding(p.words, ids));
      return tf.add(words, positionRows(p.positions, words.shape[1]!, OFFSET));
    },
    shared: (_, h, pass) => ({ bias: hidingBias(h, pass, true) }),
    layer: (p, i, h, { bias }, { random }) =>
      transformerLayer(p.layers[String(i)]!, h, layer, { bias, random }),
    finish: (p, h) => ({ hidden: normalised(p.final, h, EPSILON) }),
  };
}

/** OPT. */
export const opt = family({
  name: 'opt',
  types: { opt: 'OPTModel' },
  modality: 'text',
  options,
  weights,
  prefixes: ['model.'],
  ignored: ['lm_head.**'],
  network,
  pooling: 'mean',
});

/** DistilBERT (Sanh et al. 2019): BERT without types and pooler, under names of its own. */
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, rate } from '../family.ts';
import { type LayerNames, layerTable } from '../layer.ts';
import { postNormText } from '../postNormText.ts';
import { matrix, norm, numbered } from '../weights.ts';

const layerNames: LayerNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  output: 'attention.out_lin',
  norm1: 'sa_layer_norm',
  up: 'ffn.lin1',
  down: 'ffn.lin2',
  norm2: 'output_layer_norm',
};

/** DistilBERT. */
export const distilbert = family({
  name: 'distilbert',
  types: { distilbert: 'DistilBertModel' },
  modality: 'text',
  options: z.object({
    vocab_size: count.default(30522),
    dim: count.default(768),
    n_layers: count.default(6),
    n_heads: count.default(12),
    hidden_dim: count.default(3072),
    max_position_embeddings: count.default(512),
    activation: z.enum(activationNames).default('gelu'),
    dropout: rate.default(0.1),
    attention_dropout: rate.default(0.1),
  }),
  weights: (o) => ({
    words: matrix('embeddings.word_embeddings.weight', o.vocab_size, o.dim),
    positions: matrix('embeddings.position_embeddings.weight', o.max_position_embeddings, o.dim),
    types: undefined,
    norm: norm('embeddings.LayerNorm', o.dim),
    layers: numbered(o.n_layers, (i) =>
      layerTable(`transformer.layer.${i}.`, layerNames, o.dim, o.hidden_dim),
    ),
    pooler: undefined,
  }),
  prefixes: ['distilbert.'],
  ignored: ['vocab_*.**', 'pre_classifier.**', 'classifier.**', 'qa_outputs.**', '**.position_ids'],
  network: (o) =>
    postNormText({
      width: o.dim,
      layers: o.n_layers,
      layer: {
        heads: o.n_heads,
        epsilon: 1e-12,
        activation: o.activation,
        normFirst: false,
        dropout: o.dropout,
        attentionDropout: o.attention_dropout,
      },
      longest: o.max_position_embeddings,
    }),
  pooling: 'cls',
});

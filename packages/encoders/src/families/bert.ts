/**
 * BERT (Devlin et al., NAACL 2019) as transformers' `BertModel`, in all sizes from tiny to large; also MiniLM, which
 * is BERT with narrow layers.
 */
import { z } from 'zod';
import { activationNames } from '../activations.ts';
import { count, family, only, rate } from '../family.ts';
import { type LayerNames, type LayerOptions, layerTable } from '../layer.ts';
import { postNormText } from '../postNormText.ts';
import { dense, matrix, norm, numbered } from '../weights.ts';

/** What BERT and RoBERTa read of `config.json`. */
export const bertOptions = z.object({
  vocab_size: count.default(30522),
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  max_position_embeddings: count.default(512),
  type_vocab_size: z.int().min(0).default(2),
  hidden_act: z.enum(activationNames).default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  position_embedding_type: only('absolute'),
  is_decoder: only(false),
  add_cross_attention: only(false),
});

/** Settings of BERT. */
export type BertOptions = z.output<typeof bertOptions>;

/** Parts of a layer of BERT and its kin, below `encoder.layer.$.`. */
export const bertNames: LayerNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  norm1: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'output.LayerNorm',
};

/** The weights of BERT and of RoBERTa. */
export function bertWeights(o: BertOptions, has: (theirs: string) => boolean) {
  const { hidden_size: D, intermediate_size: F, type_vocab_size: types } = o;
  return {
    words: matrix('embeddings.word_embeddings.weight', o.vocab_size, D),
    positions: matrix('embeddings.position_embeddings.weight', o.max_position_embeddings, D),
    types: types > 0 ? matrix('embeddings.token_type_embeddings.weight', types, D) : undefined,
    norm: norm('embeddings.LayerNorm', D),
    layers: numbered(o.num_hidden_layers, (i) => layerTable(`encoder.layer.${i}.`, bertNames, D, F)),
    pooler: has('pooler.dense.weight') ? dense('pooler.dense', D, D) : undefined,
  };
}

/** How the layers of BERT and its kin compute. */
export function bertLayer(
  o: Pick<
    BertOptions,
    | 'num_attention_heads'
    | 'layer_norm_eps'
    | 'hidden_act'
    | 'hidden_dropout_prob'
    | 'attention_probs_dropout_prob'
  >,
): LayerOptions {
  return {
    heads: o.num_attention_heads,
    epsilon: o.layer_norm_eps,
    activation: o.hidden_act,
    normFirst: false,
    dropout: o.hidden_dropout_prob,
    attentionDropout: o.attention_probs_dropout_prob,
  };
}

/** Heads of pre-training, and a buffer. */
export const bertIgnored = ['cls.**', 'classifier.**', '**.position_ids', '**.token_type_ids'] as const;

/** BERT. */
export const bert = family({
  name: 'bert',
  types: { bert: 'BertModel' },
  modality: 'text',
  options: bertOptions,
  weights: bertWeights,
  prefixes: ['bert.'],
  ignored: bertIgnored,
  // Checkpoints of TensorFlow's time.
  rename: (name) =>
    name.replace(/LayerNorm\.gamma$/, 'LayerNorm.weight').replace(/LayerNorm\.beta$/, 'LayerNorm.bias'),
  network: (o) =>
    postNormText({
      width: o.hidden_size,
      layers: o.num_hidden_layers,
      layer: bertLayer(o),
      longest: o.max_position_embeddings,
    }),
  pooledOnly: ['pooler.**'],
  pooling: 'cls',
});

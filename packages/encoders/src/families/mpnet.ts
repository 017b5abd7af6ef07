/**
 * MPNet (Song et al., NeurIPS 2020), the base of many sentence encoders: BERT without types, with positions counted as
 * RoBERTa's, and a trained number for each head and each of 32 classes of distances, added to the scores of all layers
 * (Raffel et al. 2020, section 2.1).
 */
import { embedding, tf } from '@ferry/engine';
import { z } from 'zod';
import { family } from '../family.ts';
import { type LayerNames, layerTable } from '../layer.ts';
import { countedPositions, postNormText } from '../postNormText.ts';
import { dense, matrix, norm, numbered, type Tensors } from '../weights.ts';
import { bertIgnored, bertLayer, bertOptions } from './bert.ts';

const options = bertOptions.extend({
  vocab_size: z.int().min(1).default(30527),
  relative_attention_num_buckets: z.int().min(4).default(32),
});

const layerNames: LayerNames = {
  query: 'attention.attn.q',
  key: 'attention.attn.k',
  value: 'attention.attn.v',
  output: 'attention.attn.o',
  norm1: 'attention.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'output.LayerNorm',
};

/** Number of the padding token, and of its position. */
const PADDING = 1;

function weights(o: z.output<typeof options>, has: (theirs: string) => boolean) {
  const { hidden_size: D, intermediate_size: F, num_attention_heads: H } = o;
  return {
    words: matrix('embeddings.word_embeddings.weight', o.vocab_size, D),
    positions: matrix('embeddings.position_embeddings.weight', o.max_position_embeddings, D),
    types: undefined,
    norm: norm('embeddings.LayerNorm', D),
    relative: matrix('encoder.relative_attention_bias.weight', o.relative_attention_num_buckets, H),
    layers: numbered(o.num_hidden_layers, (i) => layerTable(`encoder.layer.${i}.`, layerNames, D, F)),
    pooler: has('pooler.dense.weight') ? dense('pooler.dense', D, D) : undefined,
  };
}

/** From here on all distances are one class. */
const FARTHEST = 128;

/**
 * The class of a distance: half of the classes for keys before the query, half for keys after it; in each the first
 * half for single distances, the rest for ranges that grow by a constant factor up to 128.
 *
 * @param distance - Position of the query less that of the key.
 * @param classes - How many there are.
 */
export function distanceClass(distance: number, classes: number): number {
  const half = Math.floor(classes / 2);
  const exact = Math.floor(half / 2);
  const n = Math.abs(distance);
  const side = distance < 0 ? half : 0;
  if (n < exact) return side + n;
  // In float32, as PyTorch computes it: at a border the last digit decides.
  const share = Math.fround(Math.fround(Math.log(Math.fround(n / exact))) / Math.log(FARTHEST / exact));
  return side + Math.min(exact + Math.floor(Math.fround(share * (half - exact))), half - 1);
}

/** MPNet. */
export const mpnet = family({
  name: 'mpnet',
  types: { mpnet: 'MPNetModel' },
  modality: 'text',
  options,
  weights,
  prefixes: ['mpnet.'],
  ignored: [...bertIgnored, 'lm_head.**'],
  network: (o) =>
    postNormText<Tensors<ReturnType<typeof weights>>>({
      width: o.hidden_size,
      layers: o.num_hidden_layers,
      layer: bertLayer(o),
      longest: o.max_position_embeddings - PADDING - 1,
      positionsOf: countedPositions(PADDING),
      offsets: ({ relative }, T) => {
        const classes = Int32Array.from({ length: T * T }, (_, i) =>
          distanceClass(Math.floor(i / T) - (i % T), o.relative_attention_num_buckets),
        );
        // [T, T, H] -> [1, H, T, T]
        const values = embedding(relative, tf.tensor2d(classes, [T, T], 'int32'));
        return tf.expandDims(tf.transpose(values, [2, 0, 1]), 0);
      },
    }),
  pooledOnly: ['pooler.**'],
  pooling: 'mean',
});

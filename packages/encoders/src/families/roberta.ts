/**
 * RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al., ACL 2020): BERT whose positions are counted from after the
 * padding token's number.
 */
import { z } from 'zod';
import { count, family } from '../family.ts';
import { countedPositions, postNormText } from '../postNormText.ts';
import { bertIgnored, bertLayer, bertOptions, bertWeights } from './bert.ts';

/** RoBERTa and XLM-R. */
export const roberta = family({
  name: 'roberta',
  types: { roberta: 'RobertaModel', 'xlm-roberta': 'XLMRobertaModel', camembert: 'CamembertModel' },
  modality: 'text',
  options: bertOptions.extend({
    vocab_size: count.default(50265),
    pad_token_id: z.int().min(0).default(1),
  }),
  weights: (o, has) => bertWeights(o, has),
  prefixes: ['roberta.'],
  ignored: [...bertIgnored, 'lm_head.**'],
  network: (o) =>
    postNormText({
      width: o.hidden_size,
      layers: o.num_hidden_layers,
      layer: bertLayer(o),
      longest: o.max_position_embeddings - o.pad_token_id - 1,
      positionsOf: countedPositions(o.pad_token_id),
    }),
  pooledOnly: ['pooler.**'],
  pooling: 'cls',
});

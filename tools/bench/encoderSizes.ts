import { tf } from '@ferry/engine';

/** A `config.json` without dropout, and a batch. */
export interface EncoderSize {
  config: Record<string, unknown>;
  inputs: () => Record<string, tf.Tensor>;
}

/** What is measured. */
export const encoderSizes: Readonly<Record<string, EncoderSize>> = {
  'bert-base': {
    config: { model_type: 'bert', hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 },
    inputs: () => ({ ids: tf.randomUniform([16, 30], 1000, 30000, 'int32'), mask: tf.ones([16, 30]) }),
  },
  'bert-small': {
    config: {
      model_type: 'bert',
      hidden_size: 512,
      num_hidden_layers: 4,
      num_attention_heads: 8,
      intermediate_size: 2048,
      hidden_dropout_prob: 0,
      attention_probs_dropout_prob: 0,
    },
    inputs: () => ({ ids: tf.randomUniform([64, 30], 1000, 30000, 'int32'), mask: tf.ones([64, 30]) }),
  },
  'vit-tiny': {
    config: {
      model_type: 'vit',
      hidden_size: 192,
      num_hidden_layers: 12,
      num_attention_heads: 3,
      intermediate_size: 768,
    },
    inputs: () => ({ pixels: tf.randomNormal([16, 3, 224, 224]) }),
  },
};

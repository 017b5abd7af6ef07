/** What `ferry pretrain-encoder` reads. */
import { z } from 'zod';
import { imageEncoderSchema, textEncoderSchema } from './encoders.ts';
import { domains, optimiser, place, rate, seed, whole } from './parts.ts';

const { from, config, vocabulary, length, pooling } = textEncoderSchema.shape;
const image = imageEncoderSchema.shape;

/** Settings of the training of encoders on what the items of domains are, without interactions. */
export const encoderPretrainingSchema = z.strictObject({
  task: z
    .enum(['masked', 'contrastive'])
    .describe(
      'masked: hidden tokens of texts are found again; contrastive: texts find their pictures, and back',
    ),
  domains: domains.min(1).describe('domains: directories, $FERRY_DATA/…, or sample-world:<name>'),
  seed,
  ...place,
  text: z.strictObject({ from, config, vocabulary, length, pooling }).prefault({}),
  image: z
    .strictObject({ from: image.from, config: image.config, size: image.size, pooling: image.pooling })
    .optional()
    .describe('contrastive: the encoder of pictures'),
  hidden: rate.default(0.15).describe('masked: share of the tokens that are hidden'),
  width: whole(1).default(64).describe('contrastive: numbers of the space that texts and pictures share'),
  training: z
    .strictObject({
      epochs: whole(1).default(20).describe('epochs'),
      batchSize: whole(2).default(64).describe('B: texts, or pairs'),
      ...optimiser,
      checkpointEvery: whole(1).optional().describe('steps between checkpoints within an epoch'),
    })
    .prefault({}),
});

/** Settings of the training of encoders. */
export type EncoderPretraining = z.output<typeof encoderPretrainingSchema>;

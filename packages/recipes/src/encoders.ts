/** The sections of a recipe about encoders that are trained with its model. */
import { z } from 'zod';

const from = z
  .string()
  .min(1)
  .optional()
  .describe(
    "folder of Hugging Face's layout, or $FERRY_DATA/…; default: an encoder that begins from nothing",
  );

const config = z.looseObject({
  model_type: z.string().min(1).describe('the family, as Hugging Face names it; other keys are its settings'),
});

const pooling = z.enum(['cls', 'mean', 'max', 'last', 'pooled']).optional();

const tunings = [
  z.enum(['all', 'bitfit', 'none']),
  z.strictObject({ layers: z.int().min(1) }),
  z.strictObject({
    lora: z.strictObject({
      rank: z.int().min(1),
      alpha: z.number().gt(0).optional(),
      targets: z.array(z.string().min(1)).min(1).optional(),
    }),
  }),
  z.strictObject({ adapters: z.strictObject({ width: z.int().min(1) }) }),
] as const;

const tunes =
  'what of it is trained: all, bitfit (biases), none, { layers: n } (the last n), { lora: { rank } }, or ' +
  '{ adapters: { width } } (bottlenecks behind the blocks)';

const tuning = z.union(tunings).default('all').describe(tunes);

const textTuning = z
  .union([...tunings, z.strictObject({ prompt: z.strictObject({ length: z.int().min(1) }) })])
  .default('all')
  .describe(`${tunes}, or { prompt: { length } } (vectors before a text's tokens)`);

const learningRate = z
  .number()
  .gt(0)
  .optional()
  .describe('learning rate of the encoder; default that of the training');

const layerDecay = z
  .number()
  .gt(0)
  .max(1)
  .optional()
  .describe('factor of the learning rate from each layer to the one below it, embeddings last; default 1');

const warmup = z
  .int()
  .min(1)
  .optional()
  .describe("updates over which the encoder's learning rate rises evenly from nothing; default none");

const recompute = z
  .int()
  .min(1)
  .optional()
  .describe(
    'layers of a segment that is computed again for the gradient: less memory, about a third more time; default ' +
      'all is kept',
  );

const microBatch = z
  .int()
  .min(1)
  .optional()
  .describe(
    'items that pass the encoder at a time in a training step, their gradients added up: less memory, the same step; ' +
      'default all items of the step',
  );

/** A text encoder that is trained with the model. */
export const textEncoderSchema = z.strictObject({
  from,
  config: config
    .default({
      model_type: 'bert',
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 128,
    })
    .describe('of an encoder from nothing: its family and sizes, as in config.json'),
  vocabulary: z
    .int()
    .min(100)
    .default(4000)
    .describe(
      'of an encoder from nothing: most tokens, the letters and the most frequent words of the texts',
    ),
  length: z.int().min(3).default(30).describe('most tokens of a text, the special ones included'),
  pooling: pooling.describe(
    'how tokens become a vector; default what the folder or its family says, from nothing mean',
  ),
  tuning: textTuning,
  learningRate,
  layerDecay,
  warmup,
  recompute,
  microBatch,
});

/** Settings of a text encoder that is trained with the model. */
export type TextEncoderSettings = z.output<typeof textEncoderSchema>;

/** An image encoder that is trained with the model. */
export const imageEncoderSchema = z.strictObject({
  from,
  config: config
    .default({
      model_type: 'vit',
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 128,
      patch_size: 8,
    })
    .describe('of an encoder from nothing: its family and sizes, as in config.json'),
  size: z
    .int()
    .min(8)
    .default(32)
    .describe('of an encoder from nothing: width and height that pictures are resized to'),
  pooling: pooling.describe(
    'how patches become a vector; default what the family says, or cls where a folder has no pooled output',
  ),
  statistics: z
    .enum(['frozen', 'running'])
    .optional()
    .describe(
      "what ResNet's batch normalisation goes by in training: the statistics of the folder, which stay, or the " +
        'batch, which moves them; default frozen, from nothing running',
    ),
  augment: z
    .strictObject({
      flip: z.boolean().optional().describe('whether every second picture is mirrored; default false'),
      crop: z
        .number()
        .gt(0)
        .max(1)
        .optional()
        .describe('least share of a picture that is drawn and enlarged to the whole; default all of it'),
    })
    .optional()
    .describe('what pictures go through in training, anew in every step; default nothing'),
  tuning,
  learningRate,
  layerDecay,
  warmup,
  recompute,
  microBatch,
});

/** Settings of an image encoder that is trained with the model. */
export type ImageEncoderSettings = z.output<typeof imageEncoderSchema>;

/** The features section as far as encoders go. */
interface Encoders {
  text: string;
  image: string;
  shuffle?: number;
  textEncoder?: TextEncoderSettings;
  imageEncoder?: ImageEncoderSettings;
}

/** Reports settings of encoders that would be passed over. */
export function checkEncoders(
  features: Encoders,
  problem: (path: (string | number)[], message: string) => void,
): void {
  for (const modality of ['text', 'image'] as const) {
    const key = `${modality}Encoder` as const;
    const settings = features[key];
    if (settings !== undefined && features[modality] !== 'trained')
      problem(['features', key], `is for features.${modality}: trained, got ${features[modality]}`);
    for (const rate of ['learningRate', 'layerDecay', 'warmup'] as const)
      if (settings?.tuning === 'none' && settings[rate] !== undefined)
        problem(
          ['features', key, rate],
          `is for an encoder that is trained, and features.${key}.tuning is none: leave it out`,
        );
    if (features.shuffle !== undefined && features[modality] === 'trained')
      problem(
        ['features', 'shuffle'],
        `is for features that are extracted, and features.${modality} is trained: leave it out`,
      );
  }
  const { augment, tuning: tuned } = features.imageEncoder ?? {};
  const changes = augment?.flip === true || (augment?.crop ?? 1) < 1;
  if (changes && (tuned === 'none' || (typeof tuned === 'object' && 'layers' in tuned)))
    problem(
      ['features', 'imageEncoder', 'augment'],
      'is for encoders that are trained from their first layer: what frozen layers make of a picture is computed ' +
        'once; say {}',
    );
}

import { z } from 'zod';
import { commonDefects, defectsSetting } from '../defects.ts';
import { newsEncoderSettings } from '../encoders/newsEncoderOptions.ts';
import { textsSetting } from '../settings.ts';

const whole = (least: number): z.ZodInt => z.int().min(least);

/** Defects that can be switched on. */
export const recTransformerDefects = [
  'shared-mask',
  'raw-logit',
  'long-history',
  'mean-over-padding',
  ...commonDefects,
] as const;

/** A recipe's settings of the thesis's ranker. */
export const recTransformerSettings = z.strictObject({
  ...newsEncoderSettings,
  encoder: newsEncoderSettings.encoder
    .unwrap()
    .default('vectors')
    .describe(newsEncoderSettings.encoder.description!),
  tokeniser: newsEncoderSettings.tokeniser
    .unwrap()
    .default('segmenter')
    .describe('how titles become words: segmenter or recommenders'),
  titleWords: newsEncoderSettings.titleWords
    .unwrap()
    .default(30)
    .describe(newsEncoderSettings.titleWords.description!),
  wordWidth: whole(1).default(300).describe('numbers of a word vector, where news are known by words'),
  queryWidth: whole(1)
    .default(200)
    .describe("width of the additive attentions' queries, where news are known by words"),
  width: whole(1).default(768).describe('D: numbers of the vector of a news'),
  layers: whole(1).default(4).describe('layers of the transformer'),
  heads: whole(1).default(8).describe('heads of its attention; divides the width'),
  feedForward: whole(1).default(1024).describe('inner width of its feed-forward blocks'),
  headWidths: z
    .array(whole(1))
    .default([256, 16])
    .describe(
      'widths between the mean of the sequence and the two logits; nothing but linear maps lies between them',
    ),
  dropout: z.number().min(0).lt(1).default(0.1).describe('dropout'),
  texts: textsSetting,
  history: whole(1)
    .default(49)
    .describe(
      'H: newest clicks of a history that are read; the candidate comes behind them (thesis: 50 together)',
    ),
  defects: defectsSetting(recTransformerDefects),
});

/** Complete settings of the thesis's ranker. */
export type RecTransformerOptions = z.output<typeof recTransformerSettings>;

import { z } from 'zod';
import { commonDefects, defectsSetting } from '../defects.ts';
import {
  type Completed,
  emptyHistorySetting,
  historySetting,
  textsSetting,
  withPreset,
} from '../settings.ts';
import { newsEncoderSettings } from '../encoders/newsEncoderOptions.ts';

/** What published forms of NRMS chose. */
const presets = {
  // Wu et al., EMNLP 2019, section 3.1.
  paper: {
    tokeniser: 'segmenter',
    titleWords: 30,
    wordWidth: 300,
    heads: 16,
    headWidth: 16,
    queryWidth: 200,
    projected: false,
    wordDropout: 0.2,
    newsDropout: 0,
  },
  // recommenders' NRMS for MIND.
  recommenders: {
    tokeniser: 'recommenders',
    titleWords: 30,
    wordWidth: 300,
    heads: 20,
    headWidth: 20,
    queryWidth: 200,
    projected: false,
    wordDropout: 0.2,
    newsDropout: 0.2,
  },
  // The head on the thesis's encoders of experiment 3; word vectors stand for BERT's hidden states.
  thesis: {
    tokeniser: 'segmenter',
    titleWords: 30,
    wordWidth: 768,
    heads: 8,
    headWidth: 96,
    queryWidth: 256,
    projected: true,
    wordDropout: 0,
    newsDropout: 0,
  },
} as const;

const whole = (least: number): z.ZodInt => z.int().min(least);
const rate = z.number().min(0).lt(1);

/** Defects that can be switched on. */
export const nrmsDefects = ['unmasked-padding', 'attention-across-users', ...commonDefects] as const;

/** A recipe's settings of NRMS. */
export const nrmsSettings = z.strictObject({
  preset: z
    .enum(['paper', 'recommenders', 'thesis'])
    .default('paper')
    .describe(
      "whose choices the settings that are not given follow: the paper's, recommenders', or the thesis's head",
    ),
  ...newsEncoderSettings,
  wordWidth: whole(1)
    .optional()
    .describe('numbers of a word vector (300; thesis 768); with vectors from elsewhere what they have'),
  heads: whole(1).optional().describe('heads of each self-attention (paper 16, recommenders 20, thesis 8)'),
  headWidth: whole(1)
    .optional()
    .describe('width of a head (paper 16, recommenders 20, thesis 96); D = heads x headWidth'),
  queryWidth: whole(1).optional().describe("width of the additive attentions' queries (200; thesis 256)"),
  projected: z
    .boolean()
    .optional()
    .describe('whether projections have biases and the joined heads are projected once more (thesis)'),
  wordDropout: rate.optional().describe('dropout of word vectors (0.2; thesis 0)'),
  newsDropout: rate
    .optional()
    .describe("dropout behind the self-attention of a news' words (recommenders 0.2, else 0)"),
  texts: textsSetting,
  history: historySetting,
  userEncoder: z
    .enum(['attention', 'additive'])
    .default('attention')
    .describe(
      'what makes a user of the clicked news: self-attention and additive attention (NRMS), or the latter alone ' +
        "(NAML's), whose vector can follow the clicks one by one",
    ),
  emptyHistory: emptyHistorySetting,
  defects: defectsSetting(nrmsDefects),
});

/** Complete settings of NRMS. */
export type NrmsOptions = Completed<z.output<typeof nrmsSettings>>;

/** Settings of a recipe with what the preset says of the rest. */
export const completeNrms = (given: object): NrmsOptions => withPreset(presets, given) as NrmsOptions;

/**
 * NAML (Wu et al., IJCAI 2019): news from several views, title and abstract by a convolution and additive attention each,
 * category and subcategory by a dense layer, joined by attention over the views; users by additive attention over what
 * they clicked; the score is the inner product.
 */
import { z } from 'zod';
import type { NewsModel } from '../contract.ts';
import { commonDefects, defectsSetting } from '../defects.ts';
import {
  createNewsEncoder,
  encodeNews,
  newsEncoderRows,
  type NewsEncoderParameters,
  type NewsEncoderSizes,
} from '../encoders/newsEncoder.ts';
import {
  checkNewsEncoder,
  convolutionSettings,
  modalitiesRead,
  newsEncoderSettings,
  wordReading,
} from '../encoders/newsEncoderOptions.ts';
import { createUserPooling, poolUsers, type UserPoolingParameters } from '../encoders/users.ts';
import { newsEvaluation } from '../evaluation.ts';
import { softmaxObjective } from '../objectives.ts';
import {
  type Completed,
  emptyHistorySetting,
  historySetting,
  textsSetting,
  withPreset,
} from '../settings.ts';
import { pooledStates } from '../userStates.ts';

/** What published forms of NAML chose; sizes are the same in both. */
const presets = { paper: { tokeniser: 'segmenter' }, recommenders: { tokeniser: 'recommenders' } } as const;

const settings = z.strictObject({
  preset: z
    .enum(['paper', 'recommenders'])
    .default('paper')
    .describe("whose choices the settings that are not given follow: the paper's or recommenders'"),
  ...newsEncoderSettings,
  views: newsEncoderSettings.views
    .unwrap()
    .default(['title', 'abstract', 'category', 'subcategory'])
    .describe(newsEncoderSettings.views.description!),
  titleWords: newsEncoderSettings.titleWords
    .unwrap()
    .default(30)
    .describe(newsEncoderSettings.titleWords.description!),
  ...convolutionSettings,
  filters: z.int().min(1).default(400).describe('D: filters of the convolution'),
  texts: textsSetting,
  history: historySetting,
  emptyHistory: emptyHistorySetting,
  defects: defectsSetting(['unmasked-padding', ...commonDefects]),
});

/** Complete settings of NAML. */
export type NamlOptions = Completed<z.output<typeof settings>>;

/** Weights of NAML. */
export type NamlParameters = NewsEncoderParameters & UserPoolingParameters;

const sizesOf = (o: NamlOptions): NewsEncoderSizes => ({
  ...{ ...o, width: o.filters, projected: false },
  // Of cross-attention between text and picture alone.
  heads: 1,
});

/** NAML. */
export const naml: NewsModel<NamlOptions, NamlParameters> = {
  kind: 'news',
  name: 'naml',
  title: 'NAML',
  paper: 'Wu et al.: Neural news recommendation with attentive multi-view learning. IJCAI 2019',
  options: settings,
  complete: (given) => withPreset(presets, given) as NamlOptions,
  evaluation: newsEvaluation,
  modalities: modalitiesRead,
  check: (given, facts, problem) => {
    checkNewsEncoder(given as NamlOptions, facts, problem);
  },
  words: wordReading,
  views: ({ encoder, views }) => (encoder === 'words' ? views : []),
  objectives: { softmax: softmaxObjective },
  weights: { tune: {}, rows: newsEncoderRows },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, catalogue, random) => ({
    ...createNewsEncoder(sizesOf(o), catalogue, random),
    ...createUserPooling({ ...o, width: o.filters, projected: false, attends: false }, random),
  }),
  news: ({ p, options, random }, inputs) => encodeNews(p, sizesOf(options), inputs, random),
  scoring: {
    kind: 'product',
    users: poolUsers,
    states: (p, { history: most }) => pooledStates(p, { most }),
  },
};

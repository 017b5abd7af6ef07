/**
 * NRMS (Wu et al., EMNLP 2019): news from words, users from news, each by multi-head self-attention and additive
 * attention; the score is the inner product of both vectors. Users and news have no positions.
 */
import type { NewsModel } from '../contract.ts';
import {
  createNewsEncoder,
  encodeNews,
  newsEncoderRows,
  type NewsEncoderParameters,
  type NewsEncoderSizes,
} from '../encoders/newsEncoder.ts';
import { checkNewsEncoder, modalitiesRead, wordReading } from '../encoders/newsEncoderOptions.ts';
import { newsEvaluation } from '../evaluation.ts';
import { softmaxObjective } from '../objectives.ts';
import { createUserPooling, poolUsers, type UserPoolingParameters } from '../encoders/users.ts';
import { pooledStates } from '../userStates.ts';
import { completeNrms, type NrmsOptions, nrmsSettings } from './nrmsOptions.ts';

/** Weights of NRMS. */
export type NrmsParameters = NewsEncoderParameters & UserPoolingParameters;

const sizesOf = (o: NrmsOptions): NewsEncoderSizes => ({ ...o, width: o.heads * o.headWidth });

/** NRMS. */
export const nrms: NewsModel<NrmsOptions, NrmsParameters> = {
  kind: 'news',
  name: 'nrms',
  title: 'NRMS',
  paper: 'Wu et al.: Neural news recommendation with multi-head self-attention. EMNLP-IJCNLP 2019',
  options: nrmsSettings,
  complete: completeNrms,
  evaluation: newsEvaluation,
  modalities: modalitiesRead,
  check: (settings, facts, problem) => {
    checkNewsEncoder(settings as NrmsOptions, facts, problem);
  },
  words: wordReading,
  views: ({ encoder, views }) => (encoder === 'words' ? views : []),
  objectives: { softmax: softmaxObjective },
  weights: { tune: {}, rows: newsEncoderRows },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, catalogue, random) => {
    const sizes = sizesOf(o);
    const users = { ...o, width: sizes.width, attends: o.userEncoder === 'attention' };
    return { ...createNewsEncoder(sizes, catalogue, random), ...createUserPooling(users, random) };
  },
  news: ({ p, options, random }, inputs) => encodeNews(p, sizesOf(options), inputs, random),
  scoring: {
    kind: 'product',
    users: (step, clicks) => poolUsers(step, clicks, step.options.heads),
    states: (p, { heads, history: most }) => pooledStates(p, { heads, most }),
  },
};

/**
 * NRMS (Wu et al., EMNLP 2019): news from words, users from news, each by multi-head self-attention and additive
 * attention; the score is the inner product of both vectors. Users and news have no positions.
 */
import { tf } from '@ferry/engine';
import { init, parameter } from '@ferry/nn';
import type { Clicks, NewsModel, NewsStep } from '../contract.ts';
import {
  createNewsEncoder,
  encodeNews,
  type NewsEncoderParameters,
  type NewsEncoderSizes,
} from '../encoders/newsEncoder.ts';
import { checkNewsEncoder, modalitiesRead, wordReading } from '../encoders/newsEncoderOptions.ts';
import { newsEvaluation } from '../evaluation.ts';
import { softmaxObjective } from '../objectives.ts';
import {
  createPoolingEncoder,
  poolAcross,
  type PoolingEncoderParameters,
  poolSequence,
} from '../encoders/words.ts';
import { completeNrms, type NrmsOptions, nrmsSettings } from './nrmsOptions.ts';

/** Weights of NRMS. */
export type NrmsParameters = NewsEncoderParameters & {
  /** Makes a vector of the news that a user clicked. */
  readonly user: PoolingEncoderParameters;
  /** Vector of a user without clicks, [D], if it is learned. */
  readonly nobody?: tf.Variable;
};

const sizesOf = (o: NrmsOptions): NewsEncoderSizes => ({ ...o, width: o.heads * o.headWidth });

type Step = NewsStep<NrmsOptions, NrmsParameters>;

/** Vectors of users from what they clicked. */
function users(step: Step, clicks: Clicks): tf.Tensor2D {
  const { p, options: o, training } = step;
  const masked = !o.defects.includes('unmasked-padding');
  const options = { heads: o.heads, ...(masked && { hidden: clicks.hidden }) };
  // A test of one user at a time hides this defect, so that training and test differ.
  const pool = training && o.defects.includes('attention-across-users') ? poolAcross : poolSequence;
  const pooled = pool(p.user, clicks.vectors, options);
  if (!p.nobody) return pooled;
  // A history begins with its oldest click: one whose first place is hidden is empty.
  const empty = tf.slice(clicks.hidden, [0, 0], [-1, 1]);
  return tf.add(tf.mul(pooled, tf.sub(1, empty)), tf.mul(tf.reshape(p.nobody, [1, -1]), empty));
}

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
  weights: { tune: {} },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, catalogue, random) => {
    const sizes = sizesOf(o);
    const { width, queryWidth, projected } = sizes;
    return {
      ...createNewsEncoder(sizes, catalogue, random),
      user: createPoolingEncoder(
        { inputs: width, width, queryWidth, projected, attends: o.userEncoder === 'attention' },
        random.split('user'),
      ),
      ...(o.emptyHistory === 'learned' && {
        nobody: parameter(init.normal(0.1)([width], random.split('nobody')), [width]),
      }),
    };
  },
  news: ({ p, options, random }, inputs) => encodeNews(p, sizesOf(options), inputs, random),
  scoring: { kind: 'product', users },
};

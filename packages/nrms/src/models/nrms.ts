/**
 * NRMS (Wu et al., EMNLP 2019): news from words, users from news, each by multi-head self-attention and additive
 * attention; the score is the inner product of both vectors. Users and news have no positions.
 */
import { embedding, tf } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters, init, parameter } from '@ferry/nn';
import type { Clicks, NewsInputs, NewsModel, NewsStep } from '../contract.ts';
import { newsEvaluation } from '../evaluation.ts';
import { softmaxObjective } from '../objectives.ts';
import {
  createPoolingEncoder,
  encodeWords,
  poolAcross,
  type PoolingEncoderParameters,
  poolSequence,
} from '../encoders/words.ts';
import { createWordTable } from '../encoders/wordTable.ts';
import { completeNrms, type NrmsOptions, nrmsSettings } from './nrmsOptions.ts';

/** Weights of NRMS. */
export type NrmsParameters = {
  /** Vectors of words, [V, W]; row 0 is padding. */
  readonly words?: EmbeddingParameters;
  /** Makes a vector of a title's words. */
  readonly title?: PoolingEncoderParameters;
  /** Vectors of news known by number, [N + 1, D]. */
  readonly ids?: EmbeddingParameters;
  /** Makes a vector of the news that a user clicked. */
  readonly user: PoolingEncoderParameters;
  /** Vector of a user without clicks, [D], if it is learned. */
  readonly nobody?: tf.Variable;
};

const widthOf = ({ heads, headWidth }: NrmsOptions): number => heads * headWidth;

type Step = NewsStep<NrmsOptions, NrmsParameters>;

/** Vectors of titles, group by group, in the order of the step's news. */
function titles({ p, options: o, random }: Step, { titles: texts }: NewsInputs): tf.Tensor2D {
  const { heads, wordDropout: wordRate, newsDropout: rate, defects } = o;
  const masked = !defects.includes('unmasked-padding');
  const parts = texts!.groups.map((words) =>
    encodeWords(p.title!, p.words!.weight, words, { heads, wordRate, rate, random, masked }),
  );
  const all = parts.length === 1 ? parts[0]! : tf.concat(parts, 0);
  return embedding(all, texts!.places) as tf.Tensor2D;
}

/** News by number; the empty news is the zero vector. */
function identities({ p }: Step, { numbers }: NewsInputs): tf.Tensor2D {
  const known = tf.cast(tf.greater(numbers, tf.scalar(0, 'int32')), 'float32');
  return tf.mul(embedding(p.ids!.weight, numbers), tf.expandDims(known, 1));
}

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
  modalities: () => [],
  words: ({ encoder, tokeniser, titleWords, leastCount, vectors }) =>
    encoder === 'words' ? { tokeniser, titleWords, leastCount, vectors } : undefined,
  objectives: { softmax: softmaxObjective },
  weights: { tune: {} },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, { count, words }, random) => {
    const { queryWidth, projected } = o;
    const width = widthOf(o);
    const encoder = (inputs: number, name: string): PoolingEncoderParameters =>
      createPoolingEncoder({ inputs, width, queryWidth, projected }, random.split(name));
    return {
      ...(words && {
        words: createWordTable(words, o, random.split('words')),
        title: encoder(words.vectors?.width ?? o.wordWidth, 'title'),
      }),
      ...(!words && {
        ids: createEmbedding(
          { count: count + 1, width, init: init.normal(0.1), padding: 0 },
          random.split('ids'),
        ),
      }),
      user: encoder(width, 'user'),
      ...(o.emptyHistory === 'learned' && {
        nobody: parameter(init.normal(0.1)([width], random.split('nobody')), [width]),
      }),
    };
  },
  news: (step, inputs) => (step.p.words ? titles(step, inputs) : identities(step, inputs)),
  users,
};

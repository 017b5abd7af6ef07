/**
 * RecTransformer, the ranker of the thesis's experiments 1 and 2: history and candidate are one sequence of news, which a
 * transformer reads; two logits of the mean over it say whether the candidate is clicked. The score is the difference of
 * the logits, and the mean is over what there is; what the thesis's code does otherwise are defects to switch on.
 */
import { dropout, linear, type RandomStream, tf } from '@ferry/engine';
import { type BiasedLinearParameters, createLinear, init, sinusoidalPositions } from '@ferry/nn';
import type { Clicks, NewsModel, NewsStep } from '../contract.ts';
import {
  createNewsEncoder,
  encodeNews,
  newsEncoderRows,
  type NewsEncoderParameters,
  type NewsEncoderSizes,
} from '../encoders/newsEncoder.ts';
import { checkNewsEncoder, modalitiesRead, wordReading } from '../encoders/newsEncoderOptions.ts';
import { createPreNormEncoder, preNormEncoder, type PreNormEncoderParameters } from '../encoders/preNorm.ts';
import { newsEvaluation } from '../evaluation.ts';
import { clickObjective } from '../objectives.ts';
import { type RecTransformerOptions, recTransformerSettings } from './recTransformerOptions.ts';

/** Weights of the ranker. */
export type RecTransformerParameters = NewsEncoderParameters & {
  /** Reads the sequence. */
  readonly encoder: PreNormEncoderParameters;
  /** Linear maps from the mean to the logits, '0' first. */
  readonly head: Readonly<Record<string, BiasedLinearParameters>>;
};

const sizesOf = (o: RecTransformerOptions): NewsEncoderSizes => ({
  ...o,
  projected: true,
  wordDropout: o.dropout,
  newsDropout: 0,
});

type Step = NewsStep<RecTransformerOptions, RecTransformerParameters>;

/** Linear maps without anything between them. */
function createHead(widths: readonly number[], random: RandomStream): Record<string, BiasedLinearParameters> {
  return Object.fromEntries(
    widths
      .slice(1)
      .map((outputs, i) => [
        String(i),
        createLinear({ inputs: widths[i]!, outputs, init: init.xavierUniform }, random.split('layer', i)),
      ]),
  );
}

/** History and candidate as one sequence: the candidate stands behind the last click, and padding behind it. */
function sequences({ vectors, hidden }: Clicks, candidates: tf.Tensor3D): Clicks {
  const [B, C, D] = candidates.shape;
  const H = vectors.shape[1];
  const repeated = tf.tile(tf.expandDims(vectors, 1), [1, C, 1, 1]);
  const there = tf.sub(1, tf.reshape(tf.tile(tf.expandDims(hidden, 1), [1, C, 1]), [B * C, H]));
  const length = tf.sum(there, 1, true);
  const places = tf.tensor2d(
    Float32Array.from({ length: H + 1 }, (_, at) => at),
    [1, H + 1],
  );
  const own = tf.cast(tf.equal(places, length), 'float32');
  const clicks = tf.mul(tf.reshape<tf.Rank.R3>(repeated, [B * C, H, D]), tf.expandDims(there, 2));
  const room = tf.zeros<tf.Rank.R3>([B * C, 1, D]);
  const candidate = tf.mul(tf.expandDims(own, 2), tf.reshape(candidates, [B * C, 1, D]));
  return {
    vectors: tf.add(tf.concat([clicks, room], 1), candidate),
    hidden: tf.cast(tf.greater(places, length), 'float32') as tf.Tensor2D,
  };
}

/** What attention is told of padding: in defect E2 that of the last sequence in training, and nothing in the test. */
function attended({ options, training }: Step, hidden: tf.Tensor2D): tf.Tensor2D | undefined {
  if (!options.defects.includes('shared-mask')) return hidden;
  const [rows, L] = hidden.shape;
  return training ? tf.tile(tf.slice(hidden, [rows - 1, 0], [1, L]), [rows, 1]) : undefined;
}

/** Scores of candidates behind a history, [B, C]. */
function scores(step: Step, clicks: Clicks, candidates: tf.Tensor3D): tf.Tensor2D {
  const { p, options, training, random } = step;
  const { heads, dropout: rate, defects } = options;
  const [B, C, D] = candidates.shape;
  const { vectors, hidden } = sequences(clicks, candidates);
  const L = vectors.shape[1];
  const positions = tf.tensor3d(sinusoidalPositions(L, D), [1, L, D]);
  const read = preNormEncoder(p.encoder, dropout(tf.add(vectors, positions), rate, random), {
    ...{ heads, rate, random },
    hidden: attended(step, hidden),
  });
  const weights = defects.includes('mean-over-padding') ? tf.onesLike(hidden) : tf.sub(1, hidden);
  const sum = tf.sum(tf.mul(read, tf.expandDims(weights, 2)), 1);
  let logits: tf.Tensor = tf.div(sum, tf.sum(weights, 1, true));
  for (const { weight, bias } of Object.values(p.head)) logits = linear(logits, weight, bias);
  const [no, yes] = tf.split(logits, 2, 1) as [tf.Tensor, tf.Tensor];
  // The loss has both logits in either case; what is ranked by differs.
  const raw = !training && defects.includes('raw-logit');
  return tf.reshape(raw ? yes : tf.sub(yes, no), [B, C]);
}

/** The thesis's ranker. */
export const recTransformer: NewsModel<RecTransformerOptions, RecTransformerParameters> = {
  kind: 'news',
  name: 'rec-transformer',
  title: 'RecTransformer',
  paper: 'Zhao: Multimodal news recommendation system. Bachelor’s thesis, East China Normal University 2024',
  options: recTransformerSettings,
  complete: (settings) => settings as RecTransformerOptions,
  evaluation: newsEvaluation,
  modalities: modalitiesRead,
  check: (settings, facts, problem) => {
    const own = settings as RecTransformerOptions;
    checkNewsEncoder(own, facts, problem);
    if (own.width % own.heads !== 0)
      problem(['heads'], `must divide model.width (${own.width}), got ${own.heads}`);
  },
  words: wordReading,
  views: ({ encoder, views }) => (encoder === 'words' ? views : []),
  objectives: { clicks: clickObjective },
  weights: { tune: {}, rows: newsEncoderRows },
  frozen: ({ trainWords }) => (trainWords ? [] : ['words.weight']),
  init: (o, catalogue, random) => ({
    ...createNewsEncoder(sizesOf(o), catalogue, random),
    encoder: createPreNormEncoder(o, random.split('encoder')),
    head: createHead([o.width, ...o.headWidths, 2], random.split('head')),
  }),
  news: ({ p, options, random }, inputs) => encodeNews(p, sizesOf(options), inputs, random),
  scoring: { kind: 'pairs', scores },
};

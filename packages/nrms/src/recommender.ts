import { RandomStream, type tf } from '@ferry/engine';
import { disposeParameters, flattenParameters, matchGlob, type Parameters } from '@ferry/nn';
import { encoderParameters, frozenEncoderWeights, type StateArray } from '@ferry/training';
import type { AnyNewsModel, NewsCatalogue, NewsInputs, NewsOptions, NewsStep } from './contract.ts';
import { withEncoded } from './encoded.ts';
import { newsInputs } from './inputs.ts';
import { decodeVocabulary, encodeVocabulary, type Vocabulary } from './words/vocabulary.ts';

/** Name of the vocabulary among what a checkpoint holds. */
const VOCABULARY = 'vocabulary';

/** A news model on its news: what is trained and ranked with. */
export interface NewsRecommender {
  /** What it is. */
  readonly model: AnyNewsModel;
  /** Its complete settings. */
  readonly options: NewsOptions;
  /** The news. */
  readonly catalogue: NewsCatalogue;
  /** Weights as a tree. */
  readonly parameters: Parameters;
  /** Weights by name. */
  weights(): Map<string, tf.Variable>;
  /** Those that are trained. */
  trained(): Map<string, tf.Variable>;
  /** What else a checkpoint must hold: the vocabulary of a model of words. */
  buffers(): Map<string, StateArray>;
  /**
   * Takes back what {@link NewsRecommender.buffers} returned.
   *
   * @throws Error if the vocabulary is another: the weights belong to that.
   */
  restoreBuffers(arrays: ReadonlyMap<string, StateArray>): void;
  /**
   * Inputs of some news as tensors of the caller's own.
   *
   * @param content - Whether what encoders read is wanted. Default true.
   */
  inputs(numbers: Int32Array, content?: boolean): NewsInputs;
  /** Vectors of the news of a step, [n, D], through the encoders that are trained with the model. */
  news(step: NewsStep, inputs: NewsInputs): tf.Tensor2D;
  /** Frees everything. */
  dispose(): void;
}

/** What {@link createNewsRecommender} is made of. */
export interface NewsRecommenderSettings {
  /** Complete settings of the model. */
  options: NewsOptions;
  /** The news. */
  catalogue: NewsCatalogue;
  /** Seed of the first weights. */
  seed: number;
}

/** A model with fresh weights. */
export function createNewsRecommender(
  model: AnyNewsModel,
  { options, catalogue, seed }: NewsRecommenderSettings,
): NewsRecommender {
  const random = RandomStream.fromSeed(seed).split('init');
  const { words, encoded } = catalogue;
  const parameters: Parameters = {
    ...(model.init(options, catalogue, random) as Parameters),
    ...encoderParameters(encoded?.encoders),
  };
  const frozen = model.frozen?.(options) ?? [];
  return {
    model,
    options,
    catalogue,
    parameters,
    weights: () => flattenParameters(parameters),
    trained: () => {
      const weights = flattenParameters(parameters);
      const still = frozenEncoderWeights(encoded?.encoders, weights.keys());
      return new Map(
        [...weights].filter(
          ([name]) => !still.has(name) && !frozen.some((pattern) => matchGlob(pattern, name)),
        ),
      );
    },
    buffers: () => {
      if (!words) return new Map();
      const data = encodeVocabulary(words.vocabulary);
      return new Map([[VOCABULARY, { data, shape: [data.length] }]]);
    },
    restoreBuffers: (arrays) => {
      const kept = vocabularyIn(arrays);
      if (words && kept && kept.words.some((word, i) => word !== words.vocabulary.words[i]))
        throw new Error('restoreBuffers: the weights must belong to the same vocabulary, got another');
    },
    inputs: (numbers, content) => newsInputs(catalogue, numbers, options, content),
    news: (step, inputs) => model.news(step, withEncoded(catalogue, step.p, inputs, step.random)),
    dispose: () => {
      disposeParameters(parameters);
    },
  };
}

/** The vocabulary that a checkpoint holds; undefined for a model without words. */
export function vocabularyIn(
  arrays: ReadonlyMap<string, Readonly<{ data: unknown }>>,
): Vocabulary | undefined {
  const kept = arrays.get(VOCABULARY);
  return kept && decodeVocabulary(kept.data as Uint8Array);
}

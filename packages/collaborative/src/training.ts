import { targetsByUser, type Domain, type Sequences } from '@ferry/data';
import { compile, randomSource, tf } from '@ferry/engine';
import type { UserRanking } from '@ferry/evaluation';
import {
  optimizerFor,
  type OptimizerSettings,
  runStep,
  type Split,
  type TrainableModel,
  updateWeights,
} from '@ferry/training';
import type { Parameters } from '@ferry/nn';
import type { Step } from './contract.ts';
import { objectiveOf, type TripleObjective } from './objectives.ts';
import { evaluateUsers, type UserEvaluation } from './ranking.ts';
import type { TrainedParts, UserItemRecommender } from './recommender.ts';
import { relevantTargets } from './relevance.ts';
import { drawTriples, tripleCount, type Triples } from './sampler.ts';

/** A batch: triples, or nothing where a model is fitted at once. */
export type TripleBatch =
  | (Triples & {
      /** What was drawn for the epoch. */
      readonly epoch?: Float32Array;
      /** Whether it is the first of an epoch, for a model that finds something. */
      readonly first?: boolean;
    })
  | undefined;

/** What {@link createUserItemTraining} needs. */
export interface UserItemTrainingSettings extends OptimizerSettings {
  /** The recommender, made of this domain's training interactions. */
  recommender: UserItemRecommender;
  /** The domain; without validation rows there is no choice of an epoch. */
  domain: Pick<Domain, 'sequences' | 'training' | 'valid' | 'test'>;
  /** B. Default 1024. */
  batchSize?: number;
  /** How triples are drawn, and how the learning rate falls. Default as the model says. */
  objective?: Partial<TripleObjective>;
  /** How to evaluate. */
  evaluation?: UserEvaluation;
  /**
   * Whether a user's validation items are candidates in the test (Elliot, LightGCN, MMRec) or not (RecBole). Default
   * `keep`.
   */
  validationItems?: 'keep' | 'mask';
  /** Split that `evaluate('valid')` ranks. Default `valid`; `test` for a curve where there is no validation part. */
  curve?: Split;
  /** Told what every evaluation found. */
  onRanked?: (split: Split, result: UserRanking) => void;
}

/** A user-item model in training. */
export interface UserItemTraining extends TrainableModel<TripleBatch> {
  /** The recommender. */
  readonly recommender: UserItemRecommender;
  /** Ranks a split with the present weights. */
  rank(split: Split): Promise<UserRanking>;
  /** Frees optimiser and compiled functions, not the recommender. */
  dispose(): void;
}

/** A training step of a model that is trained. */
function trainedSteps(
  { recommender, ...settings }: UserItemTrainingSettings,
  { model, p, inputs }: TrainedParts,
): Pick<
  UserItemTraining,
  'optimizerState' | 'beforeEpoch' | 'batches' | 'batchCount' | 'counted' | 'trainStep' | 'counts' | 'dispose'
> {
  const { options, data } = recommender;
  const { batchSize = 1024 } = settings;
  const { decay, optimizer: kind, ...sampling } = objectiveOf(model, settings.objective);
  const weights = recommender.weights();
  const lazy = kind === 'lazy-adam' ? (model.tables ?? []).filter((name) => weights.has(name)) : [];
  const steps = Math.ceil(tripleCount(data.interactions, sampling) / batchSize);
  const schedule = decay && ((step: number) => decay.factor ** (Math.floor(step / steps) / decay.epochs));
  const optimizer = optimizerFor({ ...settings, lazy, ...(schedule && { schedule }) }, weights);
  const { users: U } = data.interactions;
  const step = compile(
    (
      users: tf.Tensor1D,
      positives: tf.Tensor1D,
      negatives: tf.Tensor1D,
      key: tf.Tensor,
      more: Pick<Step<object, Parameters, object>, 'epoch' | 'found' | 'first'>,
    ) =>
      updateWeights(
        weights,
        optimizer,
        () => {
          const own = { p, options, inputs, users: U, random: randomSource(key), ...more };
          const terms = model.loss(own, { users, positives, negatives });
          return { loss: terms.loss, report: [terms.loss, ...model.terms.map((term) => terms[term]!)] };
        },
        lazy,
      ),
    { name: `${model.name}.train` },
  );
  return {
    optimizerState: () => optimizer.state(),
    ...(model.find && {
      beforeEpoch: () => {
        recommender.find();
      },
    }),
    batches: function* (_epoch, random) {
      const epoch = model.epochValues?.(options, data, random.split('epoch'));
      const triples = drawTriples(data.interactions, sampling, random);
      for (let from = 0; from < triples.users.length; from += batchSize) {
        const cut = (all: Int32Array): Int32Array => all.subarray(from, from + batchSize);
        yield {
          users: cut(triples.users),
          positives: cut(triples.positives),
          negatives: cut(triples.negatives),
          epoch,
          first: model.find ? from === 0 : undefined,
        };
      }
    },
    batchCount: () => steps,
    counted: 'triples',
    trainStep: async (batch, context) => {
      const tensors = [batch!.users, batch!.positives, batch!.negatives].map((ids) =>
        tf.tensor1d(ids, 'int32'),
      );
      const [users, positives, negatives] = tensors as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
      const epoch = batch!.epoch && tf.tensor1d(batch!.epoch);
      const found = recommender.found();
      const more = { epoch, found, first: batch!.first };
      const [loss, ...terms] = await runStep(context.random, context.step, optimizer, (key) =>
        step(users, positives, negatives, key, more),
      );
      tf.dispose([...tensors, ...(epoch ? [epoch] : [])]);
      return {
        loss: loss!,
        examples: batch!.users.length,
        ...(terms.length > 0 && {
          scalars: Object.fromEntries(model.terms.map((term, i) => [term, terms[i]!])),
        }),
      };
    },
    counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    dispose: () => {
      step.dispose();
      optimizer.dispose();
    },
  };
}

/** The one step of a model that is fitted. */
function fittedStep({
  recommender,
}: UserItemTrainingSettings): Pick<
  UserItemTraining,
  'optimizerState' | 'batches' | 'batchCount' | 'counted' | 'trainStep' | 'dispose'
> {
  return {
    optimizerState: () => new Map(),
    batches: () => [undefined],
    batchCount: () => 1,
    counted: 'users',
    trainStep: async (_batch, { random }) => {
      await recommender.fit(random);
      return { loss: 0, examples: recommender.data.interactions.users };
    },
    dispose: () => undefined,
  };
}

/** Two parts of each user's items as one. */
function both(a: Sequences, rows: Domain['valid']): Sequences {
  const more = targetsByUser(rows);
  const own = Array.from(a.starts, (start, user) => [...a.items.subarray(start, a.ends[user])]);
  more.users.forEach((user, r) => {
    const relevant = more.relevant.subarray(more.relevantEnds[r - 1] ?? 0, more.relevantEnds[r]);
    own[user] = [...own[user]!, ...relevant];
  });
  const ends = new Int32Array(own.length);
  own.forEach((items, user) => (ends[user] = (ends[user - 1] ?? 0) + items.length));
  const starts = ends.map((_, user) => ends[user - 1] ?? 0);
  return { items: Int32Array.from(own.flat()), starts, ends };
}

/** Makes a user-item model trainable: a compiled step on triples, or one step that fits it. */
export function createUserItemTraining(settings: UserItemTrainingSettings): UserItemTraining {
  const { recommender, domain, evaluation, validationItems = 'keep', curve = 'valid' } = settings;
  const parts = recommender.trained ? trainedSteps(settings, recommender.trained) : fittedStep(settings);
  const seen = validationItems === 'mask' ? both(domain.training, domain.valid) : domain.training;
  const rank = (split: Split): Promise<UserRanking> =>
    evaluateUsers(
      recommender,
      relevantTargets(targetsByUser(domain[split]), domain.sequences, evaluation?.relevance),
      split === 'test' ? seen : domain.training,
      evaluation,
    );
  return {
    ...parts,
    recommender,
    rank,
    parameters: () => recommender.weights(),
    buffers: () => recommender.buffers(),
    restoreBuffers: (arrays) => {
      recommender.restoreBuffers(arrays);
    },
    evaluate: async (split) => {
      const result = await rank(split === 'valid' ? curve : split);
      settings.onRanked?.(split, result);
      return result.metrics;
    },
  };
}

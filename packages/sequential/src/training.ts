import { type Batch, batchCount, batches, type Rows } from '@ferry/data';
import { compile, disposeNest, randomSource, tf } from '@ferry/engine';
import type { RankingResult } from '@ferry/evaluation';
import {
  createMicroBatches,
  optimizerFor,
  type OptimizerSettings,
  runStep,
  type Split,
  tableTensors,
  type TrainableModel,
  updateWeights,
} from '@ferry/training';
import type { Catalogue, ItemInputs } from './catalogue.ts';
import type { Objective, Preparation } from './contract.ts';
import { batchGrouping, lengthHistogram, type LengthHistogram } from './groups.ts';
import { createRanking, evaluateRecommender, type EvaluateOptions, type Ranking } from './ranking.ts';
import { encodeItems } from './itemEncoders.ts';
import { feedOf, type Recommender, trainedWeights } from './recommender.ts';
import { everyInteraction, historyLengths, latestItems, longestHistory, wholeSequences } from './rows.ts';
import { sourceBatches, type SourceBatch } from './sources.ts';
import type { ModelTypes, Step } from './types.ts';

/** What {@link createTraining} needs. */
export interface TrainingSettings<T extends ModelTypes> extends OptimizerSettings {
  /** The recommender; of several sources, on their joint catalogue. */
  recommender: Recommender<T>;
  /** What it is trained by. */
  objective: Objective<T>;
  /** Rows to train on: of one domain, or of each source of the catalogue in its order. */
  train: Rows | readonly Rows[];
  /** Share of a source in the batches: its rows to this power. Default: the objective's. */
  balance?: number;
  /** Rows to validate on; without them there is no early stopping. */
  valid?: Rows;
  /** Rows of the final test. */
  test?: Rows;
  /** B. Default 512. */
  batchSize?: number;
  /** What is trained: `all`, or one of the model's own. Default `all`. */
  tuning?: string;
  /** How to evaluate. */
  evaluation?: EvaluateOptions;
  /** Told what every evaluation found row by row. */
  onRanked?: (split: Split, result: RankingResult) => void;
}

/** A recommender in training. */
export interface RecommenderTraining<T extends ModelTypes = ModelTypes> extends TrainableModel<
  Batch | SourceBatch
> {
  /** The recommender. */
  readonly recommender: Recommender<T>;
  /** The ranking functions evaluations use. */
  readonly ranking: Ranking<T>;
  /** What is trained, by name. */
  readonly trained: ReadonlyMap<string, tf.Variable>;
  /** Frees optimiser and compiled functions, not the recommender. */
  dispose(): void;
}

/** The rows of an epoch: where they come from, how they are cut into batches, how long they are. */
interface Epochs {
  histogram: LengthHistogram;
  longest: number;
  count: number;
  batches: TrainableModel<Batch | SourceBatch>['batches'];
}

/** Epochs over one domain: every row once, the last batch smaller. */
function domainEpochs(rows: Rows, positions: number, size: number): Epochs {
  const cut = latestItems(rows, positions);
  const order = Int32Array.from(cut.targets.keys());
  return {
    histogram: lengthHistogram(historyLengths(cut)),
    longest: longestHistory(cut),
    count: batchCount(cut.targets.length, size),
    batches: (_epoch, random) =>
      batches(cut, { size, order: random.shuffle(order.slice()), lengths: 'longest' }),
  };
}

/** Epochs over several domains, whose batches mix them. */
function sourceEpochs(
  all: readonly Rows[],
  offsets: readonly number[],
  { positions, size, balance }: { positions: number; size: number; balance: number },
): Epochs {
  const sources = all.map((rows, d) => ({ rows: latestItems(rows, positions), offset: offsets[d]! }));
  // Batches are drawn from the sources in these shares, not from all rows alike.
  let histogram: LengthHistogram | undefined;
  for (const { rows } of sources)
    histogram = lengthHistogram(historyLengths(rows), rows.targets.length ** (balance - 1), histogram);
  const total = sources.reduce((sum, { rows }) => sum + rows.targets.length, 0);
  return {
    histogram: histogram!,
    longest: Math.max(...sources.map(({ rows }) => longestHistory(rows))),
    count: Math.floor(total / Math.min(size, total)),
    batches: (_epoch, random) => sourceBatches(sources, { size, balance }, random),
  };
}

/**
 * Makes a recommender trainable: one compiled step from the batch to the updated weights, whatever the model and the
 * objective. A batch holds the rows that a shuffle gives it; rows of similar length share their padding. What the model
 * finds between epochs is found before each.
 */
export function createTraining<T extends ModelTypes>(settings: TrainingSettings<T>): RecommenderTraining<T> {
  const { recommender, objective, valid, test, batchSize = 512, tuning = 'all', evaluation } = settings;
  const { model, options, parameters, catalogue } = recommender;
  const given = Array.isArray(settings.train)
    ? (settings.train as readonly Rows[])
    : [settings.train as Rows];
  if (given.length !== catalogue.offsets.length)
    throw new Error(
      `createTraining: rows must be given for each of the catalogue's ${catalogue.offsets.length} domains, got ` +
        `${given.length}`,
    );
  const words = catalogue.inputs.words !== undefined;
  objective.check?.({ options, items: catalogue.items, words });
  const balance = settings.balance ?? objective.balance ?? 1;
  const examplesOf = {
    prefixes: (own: Rows) => own,
    sequences: wholeSequences,
    interactions: everyInteraction,
  };
  const rows = given.map(examplesOf[objective.examples]);
  const positions = model.positions(options);
  const epochs = Array.isArray(settings.train)
    ? sourceEpochs(rows, catalogue.offsets, { positions, size: batchSize, balance })
    : domainEpochs(rows[0]!, positions, batchSize);
  const group = batchGrouping(epochs.histogram);
  const weights = trainedWeights(recommender, tuning);
  const optimizer = optimizerFor({ noDecay: model.weights.noDecay, ...settings }, weights);
  const ranking = createRanking(recommender);

  type Inputs = [
    all: ItemInputs,
    inputs: object,
    numbers: tf.Tensor1D | undefined,
    T['held'],
    key: tf.Tensor,
  ];
  const lossOf = (...[all, inputs, numbers, held, key]: Inputs): { loss: tf.Scalar; report: tf.Scalar[] } => {
    const own: Step<T> = { p: parameters, options, held, random: randomSource(key) };
    const raw = numbers ? pickItems(all, numbers) : all;
    // Each item of the step passes its encoders once, however often it is read.
    const picked = encodeItems(catalogue.encoders, parameters, raw, own.random);
    let made: T['items'] | undefined;
    const items = (): T['items'] => (made ??= model.items(own, picked));
    const step = { ...own, model, inputs: picked, items, count: catalogue.items };
    const terms = objective.loss(step, inputs);
    return { loss: terms.loss, report: [terms.loss, ...objective.terms.map((term) => terms[term]!)] };
  };
  const name = `${model.name}.train`;
  const step = compile((...given: Inputs) => updateWeights(weights, optimizer, () => lossOf(...given)), {
    name,
  });
  const byParts = createMicroBatches<Inputs>({
    ...{ encoders: catalogue.encoders, content: catalogue.content },
    ...{ parameters, weights, optimizer, name },
    objective: (content, all, ...rest) => lossOf({ ...all, content }, ...rest),
  });
  const content = stepContent(catalogue);
  let counts: Float64Array | undefined;
  let seen: ReadonlyMap<number, ReadonlySet<number>> | undefined;
  let whole: ReadonlyMap<number, ReadonlySet<number>> | undefined;
  return {
    recommender,
    ranking,
    trained: weights,
    parameters: () => recommender.weights(),
    optimizerState: () => optimizer.state(),
    buffers: () => recommender.buffers(),
    restoreBuffers: (buffers) => {
      recommender.restoreBuffers(buffers);
    },
    ...(model.state && { beforeEpoch: (_epoch, random) => recommender.refresh(random) }),
    batches: epochs.batches,
    batchCount: () => epochs.count,
    trainStep: async (batch, context) => {
      const preparation: Preparation<T> = {
        options,
        items: catalogue.items,
        words,
        counts: () => (counts ??= countItems(given, catalogue.offsets, catalogue.items)),
        seen: (user, heldOut = false) =>
          (heldOut
            ? (whole ??= itemsOfUsers(given[0]!, valid, test))
            : (seen ??= itemsOfUsers(given[0]!))
          ).get(user)!,
        random: context.random.split('augmentation', context.step),
        group,
        feed: (groups, place = {}) =>
          feedOf(recommender, groups, recommender.state(), { ...place, longest: epochs.longest }),
      };
      const prepared = objective.prepare(batch, preparation);
      // Word-dropped text is read by few steps, and those that do not must not pay for it.
      const { words: text, ...plain } = catalogue.inputs;
      const all = prepared.words && text ? { ...plain, words: text } : plain;
      const [loss, ...terms] = await runStep(context.random, context.step, optimizer, (key) => {
        const numbers = prepared.numbers && tf.tensor1d(prepared.numbers, 'int32');
        const parted = byParts && (prepared.numbers ?? allRows(catalogue));
        if (parted && parted.length > byParts.size) {
          const given: Inputs = [all, prepared.inputs, numbers, recommender.held(), key];
          const report = byParts.step(parted, context.random, context.step, given);
          numbers?.dispose();
          return report;
        }
        const read = content.read(prepared.numbers);
        const report = step(
          read ? { ...all, content: read } : all,
          prepared.inputs,
          numbers,
          recommender.held(),
          key,
        );
        numbers?.dispose();
        if (numbers) disposeNest(read);
        return report;
      });
      disposeNest(prepared.inputs);
      return {
        loss: loss!,
        examples: batch.lengths.length,
        ...(terms.length > 0 && {
          scalars: Object.fromEntries(objective.terms.map((term, i) => [term, terms[i]!])),
        }),
      };
    },
    ...(valid && {
      evaluate: async (split) => {
        const chosen = split === 'valid' ? valid : test;
        if (!chosen) throw new Error('evaluate: no test rows were given');
        const result = await evaluateRecommender(ranking, recommender, chosen, evaluation);
        settings.onRanked?.(split, result);
        return result.metrics;
      },
    }),
    counts: () => ({ trainable: [...weights.values()].reduce((sum, { size }) => sum + size, 0) }),
    dispose: () => {
      content.dispose();
      step.dispose();
      byParts?.dispose();
      ranking.dispose();
      optimizer.dispose();
    },
  };
}

/** What the encoders of a catalogue read of the items of a step, or of all items. */
function stepContent({ content, items }: Catalogue): {
  /** Those of these items are the caller's to dispose, those of all are kept for the next step. */
  read(numbers: Int32Array | undefined): Record<string, tf.Tensor> | undefined;
  dispose(): void;
} {
  let whole: Record<string, tf.Tensor> | undefined;
  return {
    read: (numbers) => {
      if (!content) return undefined;
      if (numbers) return tableTensors(content, numbers);
      return (whole ??= tableTensors(content, allRows({ items })));
    },
    dispose: () => {
      disposeNest(whole);
    },
  };
}

/** All rows of the item tables, padding first. */
function allRows({ items }: Pick<Catalogue, 'items'>): Int32Array {
  return Int32Array.from({ length: items + 1 }, (_, i) => i);
}

/** The items of a step, picked from the catalogue inside the step. */
function pickItems(all: ItemInputs, numbers: tf.Tensor1D): ItemInputs {
  const pick = (table: tf.Tensor): tf.Tensor => tf.gather(table, numbers);
  const picked = (tables: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> =>
    Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, pick(table)]));
  return {
    features: picked(all.features),
    present: picked(all.present),
    ...(all.words && { words: pick(all.words) }),
    // These rows alone were read.
    ...(all.content && { content: all.content }),
    numbers,
  };
}

/** Interactions of each item in the training sequences. Float64 [N + 1]. */
function countItems(all: readonly Rows[], offsets: readonly number[], items: number): Float64Array {
  const counts = new Float64Array(items + 1);
  all.forEach((rows, d) => {
    const whole = wholeSequences(rows);
    whole.targets.forEach((target, r) => {
      counts[target + offsets[d]!]!++;
      for (const item of whole.items.subarray(whole.starts[r], whole.ends[r])) counts[item + offsets[d]!]!++;
    });
  });
  return counts;
}

/** Every item of each user's training sequence, and the targets of further rows. */
function itemsOfUsers(train: Rows, ...others: (Rows | undefined)[]): Map<number, Set<number>> {
  const { users, targets, items, starts, ends } = wholeSequences(train);
  const own = new Map(
    Array.from(users, (user, r) => [user, new Set(items.subarray(starts[r], ends[r])).add(targets[r]!)]),
  );
  for (const rows of others) rows?.targets.forEach((target, r) => own.get(rows.users[r]!)?.add(target));
  return own;
}

import type { Rows } from '@ferry/data';
import { compile, randomSource, type RandomStream, tf } from '@ferry/engine';
import {
  batchGrouping,
  drawMarks,
  dropItems,
  historyLengths,
  type ItemInputs,
  latestItems,
  type LengthHistogram,
  lengthHistogram,
  longestHistory,
  optimizerFor,
  type OptimizerSettings,
  replacedWords,
  roundedUp,
  runStep,
  type SourceBatch,
  sourceBatches,
  updateWeights,
} from '@ferry/sequential';
import { disposeFeed, feedOf, type FeedGroup } from './feeds.ts';
import { pretrainObjective, type PretrainInputs } from './objectives.ts';
import type { MissRecOptions } from './options.ts';
import { trainableWeights } from './parameters.ts';
import type { MissRecModel } from './session.ts';
import { type MissRecTraining, sharedMembers } from './training.ts';

/** What {@link createPretraining} needs. */
export interface PretrainSettings extends OptimizerSettings {
  /** The model, on the joint catalogue of the sources, in their order. */
  model: MissRecModel;
  /** Training rows of each source. */
  sources: readonly Rows[];
  /** B. Default 1,024 (the released code asks for 4,096 over its GPUs). */
  batchSize?: number | undefined;
}

/** The distinct items of a step: their numbers, padding first, and the row of each. */
function distinctItems(groups: readonly FeedGroup[], targets: Int32Array, items: number) {
  const rowOf = new Int32Array(items + 1);
  const numbers = [0];
  const see = (item: number): void => {
    if (item === 0 || rowOf[item] !== 0) return;
    rowOf[item] = numbers.length;
    numbers.push(item);
  };
  for (const group of groups) {
    group.history.forEach(see);
    group.images?.forEach(see);
  }
  targets.forEach(see);
  const padded = new Int32Array(Math.min(roundedUp(numbers.length), items + 1));
  padded.set(numbers);
  return { numbers: padded, rowOf };
}

/** The augmented view of a batch, in the groups of the batch (spec 4). */
function augment(
  options: MissRecOptions,
  groups: readonly FeedGroup[],
  words: boolean,
  random: RandomStream,
): FeedGroup[] {
  const share = options.itemDropShare ?? (words ? 0.9 : 1);
  const byItems = random.uniform() < share;
  return groups.map((group) => {
    const marks = drawMarks(group.history.length, options.dropRatio, random);
    if (!byItems) return { ...group, replaced: replacedWords(group.history, marks) };
    const dropped = dropItems(group.history, group.lengths, marks, options.dropRule);
    return {
      ...group,
      ...dropped,
      images:
        options.augmentedImages === 'original' && options.featureWidths.image !== undefined
          ? group.history
          : undefined,
    };
  });
}

/**
 * Multi-domain pre-training (spec 4): sequence-item and sequence-sequence contrast with in-batch negatives and the interest regulariser, without IDs.
 * Interests are discovered anew before every epoch, over all sources together. Only the distinct items of a batch pass the adapters.
 *
 * @param settings - Data and optimiser.
 * @throws Error if word drop is asked for and there is no word-dropped text.
 */
export function createPretraining(settings: PretrainSettings): MissRecTraining<SourceBatch> {
  const { model, batchSize = 1024 } = settings;
  const { options, parameters, catalogue } = model;
  if (options.ids) throw new Error('createPretraining: ids must be false: sources share no items');
  if (settings.sources.length !== catalogue.offsets.length)
    throw new Error(
      `createPretraining: rows must be given for each of the catalogue's ${catalogue.offsets.length} domains, got ${settings.sources.length}`,
    );
  const words = catalogue.inputs.words !== undefined;
  if (!words && (options.itemDropShare ?? 1) < 1)
    throw new Error(
      `createPretraining: word drop needs word-dropped text features of every source, got none; set itemDropShare to 1, got ${options.itemDropShare ?? 1}`,
    );
  const sources = settings.sources.map((rows, d) => ({
    rows: latestItems(rows, options.positions),
    offset: catalogue.offsets[d]!,
  }));
  const longest = Math.max(...sources.map(({ rows }) => longestHistory(rows)));
  // Batches are drawn from the sources in these shares, not from all rows alike.
  let histogram: LengthHistogram | undefined;
  for (const { rows } of sources) {
    const count = rows.targets.length;
    histogram = lengthHistogram(historyLengths(rows), count ** (options.domainBalance - 1), histogram);
  }
  const group = batchGrouping(histogram!);
  const total = sources.reduce((sum, { rows }) => sum + rows.targets.length, 0);
  const weights = trainableWeights(parameters, options, 'all');
  const optimizer = optimizerFor(settings, weights);
  const shared = sharedMembers(model, weights, optimizer);
  const step = compile(
    (all: ItemInputs, inputs: Omit<PretrainInputs, 'items'>, numbers: tf.Tensor1D, key: tf.Tensor) => {
      const pick = (table: tf.Tensor): tf.Tensor => tf.gather(table, numbers);
      const picked = <T extends ItemInputs['features']>(tables: T): T =>
        Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, pick(table)])) as T;
      const items: ItemInputs = {
        features: picked(all.features),
        present: picked(all.present),
        ...(all.words && { words: pick(all.words) }),
        numbers,
      };
      return updateWeights(weights, optimizer, () => {
        const terms = pretrainObjective(parameters, options, { ...inputs, items }, randomSource(key));
        const { loss, sequenceItem, sequenceSequence, regulariser } = terms;
        return { loss, report: [loss, sequenceItem, sequenceSequence, regulariser] };
      });
    },
    { name: 'missrec.pretrain' },
  );
  return {
    ...shared,
    batches: (_epoch, random) =>
      sourceBatches(sources, { size: batchSize, balance: options.domainBalance }, random),
    batchCount: () => Math.floor(total / Math.min(batchSize, total)),
    trainStep: async (batch, context) => {
      const { groups, targets } = group(batch);
      const augmented = augment(options, groups, words, context.random.split('augmentation', context.step));
      const { numbers, rowOf } = distinctItems([...groups, ...augmented], targets, catalogue.items);
      const place = { longest, rowOf: (item: number) => rowOf[item]! };
      const feed = feedOf(options, groups, model.interests(), place);
      const view = feedOf(options, augmented, model.interests(), place);
      // Word drop needs the word-dropped text in the step; item drop must not pay for it.
      const { words: text, ...plain } = catalogue.inputs;
      const all = text && augmented.some(({ replaced }) => replaced) ? { ...plain, words: text } : plain;
      const [loss, sequenceItem, sequenceSequence, regulariser] = await runStep(
        context.random,
        context.step,
        optimizer,
        (key) => {
          const ids = tf.tensor1d(numbers, 'int32');
          const labels = tf.tensor1d(targets.map(place.rowOf), 'int32');
          const table = model.interestTable();
          const terms = step(
            all,
            {
              groups: feed.groups,
              augmented: view.groups,
              targets: labels,
              ...(table && { interestTable: table }),
              ...(feed.slots && { slots: feed.slots }),
              ...(feed.packed && { packed: feed.packed }),
              ...(view.packed && { augmentedPacked: view.packed }),
              ...(view.slots && { augmentedSlots: view.slots }),
            },
            ids,
            key,
          );
          tf.dispose([ids, labels]);
          return terms;
        },
      );
      disposeFeed(feed);
      disposeFeed(view);
      return {
        loss: loss!,
        sequences: batch.lengths.length,
        scalars: {
          sequenceItem: sequenceItem!,
          sequenceSequence: sequenceSequence!,
          regulariser: regulariser!,
        },
      };
    },
    dispose: () => {
      step.dispose();
      shared.dispose();
    },
  };
}

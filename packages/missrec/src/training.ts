/**
 * What MISSRec is trained by: from the rows of a batch to the tensors a step reads (host), and to the loss (compiled).
 */
import { type RandomStream, tf } from '@ferry/engine';
import {
  type Adjusted,
  adjustmentOf,
  distinctItems,
  drawMarks,
  dropItems,
  type Objective,
  type ObjectiveDefinition,
  replacedWords,
} from '@ferry/sequential';
import type { z } from 'zod';
import type { MissRecFeed, ViewGroup } from './feeds.ts';
import { finetuneObjective, pretrainObjective } from './objectives.ts';
import { finetuneSchema, type MissRecOptions, pretrainSchema } from './options.ts';
import type { MissRecTypes } from './types.ts';

/** What a fine-tuning step reads. */
type FinetuneFeed = { feed: MissRecFeed; targets: tf.Tensor } & Adjusted;

/** What a pre-training step reads. */
type PretrainFeed = Omit<FinetuneFeed, 'adjustment'> & { augmented: MissRecFeed };

/**
 * Fine-tuning, or training from scratch, on one domain: full softmax over the catalogue and the interest regulariser
 * (spec 4). A batch holds the same rows as in the released code.
 *
 * @param options - Weight of the regulariser.
 * @param logitAdjustment - τ of `adjustmentOf`; MISSRec's own is 0.
 */
export function finetuning(options: MissRecOptions, logitAdjustment = 0): Objective<MissRecTypes> {
  return {
    examples: 'prefixes',
    terms: ['crossEntropy', 'regulariser'],
    prepare: (examples, preparation) => {
      const { groups, targets } = preparation.group(examples);
      const inputs: FinetuneFeed = {
        feed: preparation.feed(groups),
        targets: tf.tensor1d(targets, 'int32'),
        ...adjustmentOf(logitAdjustment, preparation.counts),
      };
      return { inputs };
    },
    loss: ({ p, held, inputs: items, random }, inputs) =>
      finetuneObjective(p, options, { ...(inputs as FinetuneFeed), items, ...tableOf(held) }, random),
  };
}

/**
 * Multi-domain pre-training (spec 4): sequence-item and sequence-sequence contrast with in-batch negatives and the
 * interest regulariser, without IDs. Interests are discovered over all sources together. Only the distinct items of a
 * batch pass the adapters.
 *
 * @param options - Weights of the terms, augmentation, balance of the sources.
 */
export function pretraining(options: MissRecOptions): Objective<MissRecTypes> {
  return {
    examples: 'prefixes',
    terms: ['sequenceItem', 'sequenceSequence', 'regulariser'],
    balance: options.domainBalance,
    check: ({ words }) => {
      if (options.ids) throw new Error('pretraining: ids must be false: sources share no items');
      if (!words && (options.itemDropShare ?? 1) < 1)
        throw new Error(
          'pretraining: word drop needs word-dropped text features of every source, got none; set itemDropShare to ' +
            `1, got ${options.itemDropShare ?? 1}`,
        );
    },
    prepare: (examples, preparation) => {
      const { groups, targets } = preparation.group(examples);
      const views = augment(options, groups, preparation.words, preparation.random);
      const lists = [...groups, ...views].flatMap(({ history, images }: ViewGroup) =>
        images ? [history, images] : [history],
      );
      const { numbers, rowOf } = distinctItems([...lists, targets], preparation.items);
      const place = { rowOf: (item: number) => rowOf[item]! };
      const inputs: PretrainFeed = {
        feed: preparation.feed(groups, place),
        augmented: preparation.feed(views, place),
        targets: tf.tensor1d(targets.map(place.rowOf), 'int32'),
      };
      return { inputs, numbers, words: views.some(({ replaced }) => replaced) };
    },
    loss: ({ p, held, inputs: items, random }, inputs) =>
      pretrainObjective(p, options, { ...(inputs as PretrainFeed), items, ...tableOf(held) }, random),
  };
}

/** The interests of a step, under the name the objectives know them by. */
function tableOf({ centres }: MissRecTypes['held']): { interestTable?: tf.Tensor } {
  return centres ? { interestTable: centres } : {};
}

/** The augmented view of a batch, in the groups of the batch (spec 4). */
function augment(
  options: MissRecOptions,
  groups: readonly ViewGroup[],
  words: boolean,
  random: RandomStream,
): ViewGroup[] {
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

/** {@link finetuning} and its settings. */
export const finetuningDefinition: ObjectiveDefinition<MissRecTypes> = {
  description: 'full softmax over the catalogue and the interest regulariser',
  options: finetuneSchema,
  create: (settings, options) => {
    const { logitAdjustment, ...own } = settings as z.output<typeof finetuneSchema>;
    return finetuning({ ...options, ...own }, logitAdjustment);
  },
};

/** {@link pretraining} and its settings. */
export const pretrainingDefinition: ObjectiveDefinition<MissRecTypes> = {
  description: 'contrast of sequences with items and with augmented views, and the interest regulariser',
  options: pretrainSchema,
  check: (settings, { modalities }, problem) => {
    if ((settings as z.output<typeof pretrainSchema>).wordDropShare && !modalities.includes('text'))
      problem(['wordDropShare'], 'needs a text encoder, got features.text none');
  },
  words: (settings) => ((settings as z.output<typeof pretrainSchema>).wordDropShare ?? 0) > 0,
  create: (settings, options) => {
    const { wordDropShare, ...own } = settings as z.output<typeof pretrainSchema>;
    return pretraining({
      ...options,
      ...own,
      domainBalance: own.domainBalance ?? options.domainBalance,
      ...(wordDropShare !== undefined && { itemDropShare: 1 - wordDropShare }),
    });
  },
};

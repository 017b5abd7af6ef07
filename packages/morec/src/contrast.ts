/** The pre-training of UniSRec: histories against items, and against augmented views of themselves. */
import { type RandomStream, tf } from '@ferry/engine';
import { infoNce, sameItems } from '@ferry/nn';
import {
  distinctItems,
  drawMarks,
  dropItems,
  type Feed,
  type FeedGroup,
  type ItemVectors,
  type ModelTypes,
  type ObjectiveDefinition,
  replacedWords,
} from '@ferry/sequential';
import { z } from 'zod';

/** A group of rows, in which words may be dropped. */
export interface ViewGroup extends FeedGroup {
  /** [B * L], 1 where words are dropped. */
  replaced?: Float32Array;
}

const options = z.strictObject({
  sequenceWeight: z.number().min(0).default(1e-3).describe('λ: weight of the sequence-sequence loss'),
  dropRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe('share of items that an augmented view loses, or whose words are dropped'),
  wordDropShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'share of the batches whose augmented view drops words of texts instead of items (paper .1). The texts ' +
        'are encoded a second time, each word dropped with probability .15; with stored features, .feat2CLS',
    ),
  domainBalance: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('share of a source in the batches: its rows to this power; 1 = as large as it is'),
});

/** What a step reads. */
type Inputs = {
  feed: Feed;
  augmented: Feed;
  /** int32 [B], rows of the item tables. */
  targets: tf.Tensor;
};

/** The augmented view of a batch, in its groups: items dropped or words. */
function augmented(
  groups: readonly FeedGroup[],
  { dropRatio, wordDropShare }: z.output<typeof options>,
  random: RandomStream,
): ViewGroup[] {
  const words = random.uniform() < wordDropShare;
  return groups.map((group) => {
    const marks = drawMarks(group.history.length, dropRatio, random);
    return words
      ? { ...group, replaced: replacedWords(group.history, marks) }
      : { ...group, ...dropItems(group.history, group.lengths, marks, 'own') };
  });
}

/**
 * Sequence-item and sequence-sequence contrast (Hou et al. 2022, eq. 6 to 8), `L = L_item + λ L_sequence`, negatives
 * from the batch, which mixes the domains; rows of the same target are none. For models whose queries are directions
 * over τ and whose candidates are directions.
 */
export function contrastObjective<
  T extends ModelTypes & { options: { temperature: number } },
>(): ObjectiveDefinition<T> {
  return {
    description: 'contrast of histories with items and with augmented views of themselves',
    options,
    check: (settings, { modalities }, problem) => {
      if ((settings as z.output<typeof options>).wordDropShare > 0 && !modalities.includes('text'))
        problem(['wordDropShare'], 'needs a text encoder, got features.text none');
    },
    words: (settings) => (settings as z.output<typeof options>).wordDropShare > 0,
    create: (given, { temperature }) => {
      const settings = given as z.output<typeof options>;
      return {
        examples: 'prefixes',
        terms: ['sequenceItem', 'sequenceSequence'],
        balance: settings.domainBalance,
        check: ({ words }) => {
          if (settings.wordDropShare > 0 && !words)
            throw new Error('contrast: word drop needs word-dropped text features of every source, got none');
        },
        prepare: (examples, preparation) => {
          const { groups, targets } = preparation.group(examples);
          const views = augmented(groups, settings, preparation.random);
          const lists = [...groups, ...views].map(({ history }) => history);
          const { numbers, rowOf } = distinctItems([...lists, targets], preparation.items);
          const place = { rowOf: (item: number) => rowOf[item]! };
          const inputs: Inputs = {
            feed: preparation.feed(groups, place),
            augmented: preparation.feed(views, place),
            targets: tf.tensor1d(targets.map(place.rowOf), 'int32'),
          };
          return { inputs, numbers, words: views.some(({ replaced }) => replaced) };
        },
        loss: (step, inputs) => {
          const { feed, augmented: views, targets } = inputs as Inputs;
          const { model } = step;
          const items = step.items();
          const own = model.queries(step, items, feed).vectors;
          const others = tf.mul(model.queries(step, items, views).vectors, temperature);
          const { vectors } = model.candidates(step, items, targets) as ItemVectors;
          const sameMask = sameItems(targets);
          const sequenceItem = tf.mean<tf.Scalar>(infoNce(own, vectors, 1, { sameMask }));
          const sequenceSequence = tf.mean<tf.Scalar>(infoNce(own, others, 1, { sameMask }));
          const loss = tf.add<tf.Scalar>(sequenceItem, tf.mul(sequenceSequence, settings.sequenceWeight));
          return { loss, sequenceItem, sequenceSequence };
        },
      };
    },
  };
}

/** The objective of BERT4Rec: items of a sequence are hidden and found again. */
import type { RandomStream } from '@ferry/engine';
import { tf } from '@ferry/engine';
import {
  adjustmentOf,
  catalogueLoss,
  type CatalogueTargets,
  type FeedGroup,
  logitAdjustmentSchema,
  type ModelTypes,
  type ObjectiveDefinition,
  roundedUp,
} from '@ferry/sequential';
import { z } from 'zod';

/** What stands in a history in place of a masked item. */
export const MASK = -1;

const options = z.strictObject({
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.2)
    .describe(
      'ρ: share of the items of a sequence that are masked, at least one (paper: .2 to .6; Beauty .6)',
    ),
  lastShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('share of the sequences whose last item alone is masked, as when recommending'),
  temperature: z.number().gt(0).default(1).describe('divides the scores'),
  logitAdjustment: logitAdjustmentSchema,
});

/** Sequences with masks in them, and what was there. */
export interface MaskedItems {
  /** The groups, {@link MASK} where an item is masked. */
  groups: FeedGroup[];
  /** Places of the masks, numbered through the groups' [B * L]; then copies of the first. Int32 [S]. */
  read: Int32Array;
  /** The items that were there. Int32 [S]. */
  items: Int32Array;
  /** 1 for a mask, 0 for a copy. Float32 [S]. */
  weights: Float32Array;
}

/**
 * Masks items of whole sequences. S is rounded up, so that shapes of compiled steps stay few.
 *
 * @param groups - Histories, to which the targets are appended.
 * @param targets - The item after each history, in the order of the groups.
 * @param shares - `share` of the items, and `lastShare` of the sequences whose last item alone is masked.
 */
export function maskItems(
  groups: readonly FeedGroup[],
  targets: Int32Array,
  { share, lastShare }: { share: number; lastShare: number },
  random: RandomStream,
): MaskedItems {
  const read: number[] = [];
  const items: number[] = [];
  let base = 0;
  let example = 0;
  const masked = groups.map(({ length: shorter, history, lengths, ...rest }) => {
    const length = shorter + 1;
    const sequences = new Int32Array(lengths.length * length);
    lengths.forEach((own, b) => {
      const at = b * length;
      sequences.set(history.subarray(b * shorter, b * shorter + own), at);
      sequences[at + own] = targets[example++]!;
      for (const place of masksOf(own + 1, share, lastShare, random)) {
        read.push(base + at + place);
        items.push(sequences[at + place]!);
        sequences[at + place] = MASK;
      }
    });
    base += sequences.length;
    return { ...rest, length, history: sequences, lengths: lengths.map((own) => own + 1) };
  });
  const size = roundedUp(read.length);
  const filled = (values: number[]): Int32Array =>
    Int32Array.from({ length: size }, (_, i) => values[i] ?? values[0]!);
  return {
    groups: masked,
    read: filled(read),
    items: filled(items),
    weights: new Float32Array(size).fill(1, 0, read.length),
  };
}

/** Which places of a sequence are masked, at least one. */
function masksOf(length: number, share: number, lastShare: number, random: RandomStream): number[] {
  if (random.uniform() < lastShare) return [length - 1];
  const places = Array.from({ length }, (_, place) => place).filter(() => random.uniform() < share);
  return places.length > 0 ? places : [random.integer(length)];
}

/** Masked items among all items (Sun et al. 2019, eq. 8). For models whose feed knows {@link MASK}. */
export function maskedObjective<T extends ModelTypes>(): ObjectiveDefinition<T> {
  return {
    description: 'masked items of a sequence, full softmax over the catalogue',
    options,
    create: (settings) => {
      const { temperature, logitAdjustment, ...shares } = settings as z.output<typeof options>;
      return {
        examples: 'sequences',
        terms: [],
        prepare: (examples, preparation) => {
          const { groups, targets } = preparation.group(examples);
          const found = maskItems(groups, targets, shares, preparation.random);
          return {
            inputs: {
              feed: preparation.feed(found.groups, { read: found.read }),
              items: tf.tensor1d(found.items, 'int32'),
              weights: tf.tensor1d(found.weights),
              ...adjustmentOf(logitAdjustment, preparation.counts),
            },
          };
        },
        loss: (step, inputs) => ({
          loss: catalogueLoss(step, inputs as CatalogueTargets<T['feed']>, temperature),
        }),
      };
    },
  };
}

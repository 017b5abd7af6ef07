import { tf } from '@ferry/engine';
import { type Feed, type FeedGroup, type FeedPlace, roundedUp, type SequenceInputs } from '@ferry/sequential';
import { type GroupInterests, interestsOfGroups } from './interestGroups.ts';
import type { InterestState } from './interests.ts';
import type { MissRecOptions } from './options.ts';

/** A group of histories of one padded length, and the interests they touch. */
export interface MissRecGroup extends SequenceInputs {
  /** int32 [B, Q], rows of the interest table; absent with interests `none`. */
  interests?: tf.Tensor;
  /** [B, Q], 1 where a slot holds an interest. */
  interestMask?: tf.Tensor;
  /** int32 [B, Q]: row of the packed memory for each slot (any row for an empty one); with {@link PackedSlots}. */
  unpack?: tf.Tensor;
  /** int32 [B, L]: other rows for the images, where the released augmentation does not align them. */
  imageHistory?: tf.Tensor;
  /** [B, L], 1 where the word-dropped text takes the text's place. */
  replaced?: tf.Tensor;
}

/**
 * The slots of all groups that hold an interest, one after the other (and some filling): the encoder's row-wise parts,
 * which are most of its work, run over these alone. Groups have about twice as many slots.
 */
export type PackedSlots = {
  /** int32 [S]: slots in the concatenation of the groups' [B * Q]. */
  slots: tf.Tensor;
  /** int32 [S]: their interests. */
  ids: tf.Tensor;
};

/** A group of rows with what only an augmented view has. */
export interface ViewGroup extends FeedGroup {
  /** [B * L] item numbers of the image lookup and tokens, where they are others. */
  images?: Int32Array;
  /** [B * L], 1 where words are dropped. */
  replaced?: Float32Array;
}

/** Groups as tensors, which the caller disposes. */
export interface MissRecFeed extends Feed {
  /** One for each group. */
  groups: readonly MissRecGroup[];
  /**
   * The slots that hold an interest; absent with interests `none` and with the `all-slots` regulariser, which reads
   * empty slots.
   */
  packed?: PackedSlots;
  /** [], slots of the fullest row; only with the `all-slots` regulariser. */
  slots?: tf.Tensor;
}

/**
 * Groups of rows as tensors.
 *
 * @param options - Model options.
 * @param groups - Item numbers, as the lookups know them.
 * @param interests - The present interests; none with interests `none`.
 * @param place - See {@link FeedPlace}.
 */
export function missRecFeed(
  options: MissRecOptions,
  groups: readonly ViewGroup[],
  interests: InterestState | undefined,
  { longest, rowOf, fitted }: FeedPlace,
): MissRecFeed {
  if (!interests && options.interestMethod !== 'none')
    throw new Error('missRecFeed: interests must be discovered first, got none');
  const zero = options.regulariser === 'all-slots' ? 'keep' : 'exclude';
  const found =
    interests &&
    interestsOfGroups(groups, interests.lookups, { zero, longest, count: interests.count, fitted });
  const packing = found && zero === 'exclude' ? packSlots(found.groups) : undefined;
  const rows = (items: Int32Array): Int32Array => (rowOf ? items.map(rowOf) : items);
  return {
    slots: found && zero === 'keep' ? tf.scalar(found.fullest) : undefined,
    packed: packing && {
      slots: tf.tensor1d(packing.slots, 'int32'),
      ids: tf.tensor1d(packing.ids, 'int32'),
    },
    groups: groups.map((group, i): MissRecGroup => {
      const B = group.lengths.length;
      const shape: [number, number] = [B, group.length];
      const own = found?.groups[i];
      return {
        history: tf.tensor2d(rows(group.history), shape, 'int32'),
        lengths: tf.tensor1d(group.lengths, 'int32'),
        interests: own && tf.tensor2d(own.ids, [B, own.slots], 'int32'),
        interestMask: own && tf.tensor2d(own.mask, [B, own.slots]),
        unpack: own && packing && tf.tensor2d(packing.unpack[i]!, [B, own.slots], 'int32'),
        imageHistory: group.images && tf.tensor2d(rows(group.images), shape, 'int32'),
        replaced: group.replaced && tf.tensor2d(group.replaced, shape),
      };
    }),
  };
}

/**
 * Which slots hold an interest, and where each slot's row is among them. Their number is rounded up to few sizes with
 * copies of the first.
 */
function packSlots(groups: readonly GroupInterests[]): {
  slots: Int32Array;
  ids: Int32Array;
  unpack: Int32Array[];
} {
  const count = groups.reduce((sum, { mask }) => sum + mask.reduce((a, b) => a + b, 0), 0);
  const size = roundedUp(count);
  const slots = new Int32Array(size);
  const ids = new Int32Array(size);
  let at = 0;
  let base = 0;
  const unpack = groups.map((group) => {
    const places = new Int32Array(group.mask.length);
    for (let slot = 0; slot < group.mask.length; slot++) {
      if (group.mask[slot] === 0) continue;
      slots[at] = base + slot;
      ids[at] = group.ids[slot]!;
      places[slot] = at++;
    }
    base += group.mask.length;
    return places;
  });
  slots.fill(slots[0]!, at);
  ids.fill(ids[0]!, at);
  return { slots, ids, unpack };
}

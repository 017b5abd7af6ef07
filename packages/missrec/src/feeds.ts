import { tf } from '@ferry/engine';
import { roundedUp, type RowGroup } from '@ferry/sequential';
import { type GroupInterests, interestsOfGroups } from './interestGroups.ts';
import type { InterestState } from './interests.ts';
import type { PackedSlots, SequenceInputs } from './model.ts';
import type { MissRecOptions } from './options.ts';

/** A group of rows with what only an augmented view has. */
export interface FeedGroup extends Pick<RowGroup, 'length' | 'history' | 'lengths'> {
  /** [B * L] item numbers of the image lookup and tokens, where they are others. */
  images?: Int32Array | undefined;
  /** [B * L], 1 where words are dropped. */
  replaced?: Float32Array | undefined;
}

/** Groups as tensors, which the caller disposes. */
export interface Feed {
  /** One for each group. */
  groups: SequenceInputs[];
  /** The slots that hold an interest; absent with interests `none` and with the `all-slots` regulariser, which reads empty slots. */
  packed?: PackedSlots | undefined;
  /** Slots of the fullest row; only with the `all-slots` regulariser. */
  slots?: tf.Scalar | undefined;
}

/**
 * Groups of rows as tensors.
 *
 * @param options - Model options.
 * @param groups - Item numbers, as the lookups know them.
 * @param interests - The present interests; none with interests `none`.
 * @param settings - `longest`: longest history of the data. `rowOf`: row of the step's item tables for an item number; default the number itself.
 */
export function feedOf(
  options: MissRecOptions,
  groups: readonly FeedGroup[],
  interests: InterestState | undefined,
  settings: { longest: number; rowOf?: ((item: number) => number) | undefined },
): Feed {
  if (!interests && options.interestMethod !== 'none')
    throw new Error('feedOf: interests must be discovered first, got none');
  const { longest, rowOf } = settings;
  const zero = options.regulariser === 'all-slots' ? 'keep' : 'exclude';
  const found =
    interests && interestsOfGroups(groups, interests.lookups, { zero, longest, count: interests.count });
  const packing = found && zero === 'exclude' ? packSlots(found.groups) : undefined;
  const rows = (items: Int32Array): Int32Array => (rowOf ? items.map(rowOf) : items);
  return {
    slots: found && zero === 'keep' ? tf.scalar(found.fullest) : undefined,
    packed: packing && {
      slots: tf.tensor1d(packing.slots, 'int32'),
      ids: tf.tensor1d(packing.ids, 'int32'),
    },
    groups: groups.map((group, i): SequenceInputs => {
      const B = group.lengths.length;
      const shape: [number, number] = [B, group.length];
      const own = found?.groups[i];
      return {
        history: tf.tensor2d(rows(group.history), shape, 'int32'),
        lengths: tf.tensor1d(group.lengths, 'int32'),
        ...(own && {
          interests: tf.tensor2d(own.ids, [B, own.slots], 'int32'),
          interestMask: tf.tensor2d(own.mask, [B, own.slots]),
        }),
        ...(own && packing && { unpack: tf.tensor2d(packing.unpack[i]!, [B, own.slots], 'int32') }),
        ...(group.images && { imageHistory: tf.tensor2d(rows(group.images), shape, 'int32') }),
        ...(group.replaced && { replaced: tf.tensor2d(group.replaced, shape) }),
      };
    }),
  };
}

/** Frees a feed. */
export function disposeFeed(feed: Feed): void {
  for (const group of feed.groups) tf.dispose(Object.values(group));
  feed.slots?.dispose();
  if (feed.packed) tf.dispose([feed.packed.slots, feed.packed.ids]);
}

/** Which slots hold an interest, and where each slot's row is among them. Their number is rounded up to few sizes with copies of the first. */
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

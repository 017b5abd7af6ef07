import { tf } from '@ferry/engine';
import { groupByLength, interestsOfGroups, type RowGroup } from './groups.ts';
import type { InterestState } from './interests.ts';
import type { SequenceInputs } from './model.ts';
import type { MissRecOptions } from './options.ts';

/** A group of rows with what only an augmented view has. */
export interface FeedGroup extends Pick<RowGroup, 'length' | 'history' | 'lengths'> {
  /** [B * L] item numbers of the image lookup and tokens, where they are others. */
  images?: Int32Array | undefined;
  /** [B * L]: 1 where words are dropped. */
  replaced?: Float32Array | undefined;
}

/** Groups as tensors, which the caller disposes. */
export interface Feed {
  /** One for each group. */
  groups: SequenceInputs[];
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
  const found = interests && interestsOfGroups(groups, interests.lookups, { zero, longest });
  const rows = (items: Int32Array): Int32Array => (rowOf ? items.map(rowOf) : items);
  return {
    slots: found && zero === 'keep' ? tf.scalar(found.fullest) : undefined,
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
}

/** Groups of a batch and its targets in their order. */
export function groupsOfBatch(
  batch: { history: Int32Array; lengths: Int32Array; targets: Int32Array },
  longest: number,
): { groups: RowGroup[]; targets: Int32Array } {
  const groups = groupByLength(batch.history, batch.lengths, { longest });
  const targets = Int32Array.from(
    groups.flatMap(({ rows }) => Array.from(rows, (row) => batch.targets[row]!)),
  );
  return { groups, targets };
}

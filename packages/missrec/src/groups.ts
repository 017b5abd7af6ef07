import { interestTokens } from '@ferry/interests';

/** Padded lengths a group of rows may have. Powers of two keep compiled shapes few; little is padded because rows are grouped by length. */
const LENGTHS = [1, 2, 4, 8, 16, 32, 50, 64, 100, 128, 200, 256, 512, 1024];

/** Interest slots a group may have. */
const SLOTS = [2, 4, 8, 12, 16, 24, 32, 48, 64, 100, 128, 200, 256, 400, 512, 1024];

/** The smallest rung that holds a number. */
export function rung(ladder: readonly number[], needed: number): number {
  const found = ladder.find((size) => size >= needed);
  if (found === undefined)
    throw new RangeError(`rung: at most ${ladder.at(-1) ?? 0} is supported, got ${needed}`);
  return found;
}

/** Rows of a batch that share a padded length. */
export interface RowGroup {
  /** Which rows of the batch. Int32 [B]. */
  rows: Int32Array;
  /** L */
  length: number;
  /** [B * L] */
  history: Int32Array;
  /** [B] */
  lengths: Int32Array;
}

/**
 * Splits a batch by history length: the shortest half, the next quarter, eighth and so on, each padded only to its own longest row. The batch holds the same rows as without
 * grouping, so its gradient is the same; only padding is saved. Sizes of the groups depend on B alone.
 *
 * @param history - [B * stride], right-padded with 0.
 * @param lengths - [B]
 * @param options - `longest`: cap of padded lengths, the data's longest history. `smallest`: no group has fewer rows than this, unless the batch has. Default 16.
 */
export function groupByLength(
  history: Int32Array,
  lengths: Int32Array,
  options: { longest: number; smallest?: number | undefined },
): RowGroup[] {
  const { longest, smallest = 16 } = options;
  const B = lengths.length;
  const stride = history.length / B;
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const groups: RowGroup[] = [];
  for (let from = 0; from < B;) {
    const half = Math.floor((B - from) / 2);
    const size = half < smallest ? B - from : half;
    const rows = order.slice(from, from + size);
    from += size;
    const needed = lengths[rows[rows.length - 1]!]!;
    // A cap below the need (a history longer than any seen in training) gives way.
    const length = Math.max(Math.min(rung(LENGTHS, needed), longest), needed);
    const padded = new Int32Array(size * length);
    rows.forEach((row, at) => {
      padded.set(history.subarray(row * stride, row * stride + lengths[row]!), at * length);
    });
    groups.push({ rows, length, history: padded, lengths: rows.map((row) => lengths[row]!) });
  }
  return groups;
}

/** Interests of groups of rows, padded to few numbers of slots. */
export interface GroupInterests {
  /** Interest numbers, then 0; [B * Q]. */
  ids: Int32Array;
  /** 1 where a slot holds an interest; [B * Q]. */
  mask: Float32Array;
  /** Q */
  slots: number;
}

/**
 * Interests of each group.
 *
 * @param groups - Histories; `images` are other histories for the image lookup.
 * @param lookups - [N + 1] per modality.
 * @param options - `zero`: `exclude` (paper), or `keep`, the released layout, in which a row shorter than the data's longest lists id 0 first and all
 * groups get as many slots as the fullest row of the batch needs.
 * @returns Interests by group, and the slots of the fullest row before rounding.
 */
export function interestsOfGroups(
  groups: readonly {
    length: number;
    history: Int32Array;
    lengths: Int32Array;
    images?: Int32Array | undefined;
  }[],
  lookups: readonly Int32Array[],
  options: { zero: 'exclude' | 'keep'; longest: number },
): { groups: GroupInterests[]; fullest: number } {
  const { zero, longest } = options;
  const found = groups.map(({ length, history, lengths, images }) => {
    const B = lengths.length;
    // The released code pads all rows to the longest: one more column shows the lookup the zero it would see.
    const extra = zero === 'keep' && length < longest ? 1 : 0;
    const widen = (items: Int32Array): Int32Array => {
      if (extra === 0) return items;
      const wide = new Int32Array(B * (length + 1));
      for (let b = 0; b < B; b++) wide.set(items.subarray(b * length, (b + 1) * length), b * (length + 1));
      return wide;
    };
    const text = widen(history);
    const perModality = lookups.map((_, m) => (images && m === lookups.length - 1 ? widen(images) : text));
    return interestTokens(perModality, B, length + extra, lookups, { zero, multiple: 1 });
  });
  const fullest = Math.max(...found.map(({ longest: most }) => most));
  return {
    fullest,
    groups: found.map(({ ids, mask, Q, longest: most }) => {
      const slots = rung(SLOTS, zero === 'keep' ? fullest : most);
      const B = ids.length / Q;
      const wide: GroupInterests = {
        ids: new Int32Array(B * slots),
        mask: new Float32Array(B * slots),
        slots,
      };
      for (let b = 0; b < B; b++) {
        wide.ids.set(ids.subarray(b * Q, (b + 1) * Q), b * slots);
        wide.mask.set(mask.subarray(b * Q, (b + 1) * Q), b * slots);
      }
      return wide;
    }),
  };
}

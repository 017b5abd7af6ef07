import { interestTokens } from '@ferry/interests';

/** Interest slots a group may have, where they are as many as rows need: few sizes, so that compiled shapes stay few. */
const SLOTS = [2, 4, 8, 12, 16, 24, 32, 48, 64, 100, 128, 200, 256, 400, 512, 1024];

/** The smallest rung that holds a number. */
function rung(ladder: readonly number[], needed: number): number {
  const found = ladder.find((size) => size >= needed);
  if (found === undefined)
    throw new RangeError(`rung: at most ${ladder.at(-1) ?? 0} is supported, got ${needed}`);
  return found;
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
 * @param options - `count`: K. `zero`: `exclude` (paper): a group gets slots for as many interests as its rows could
 *   touch at most, so that shapes do not depend on the clustering; or `keep`, the released layout, in which a row
 *   shorter than the data's longest lists id 0 first and all groups get as many slots as the fullest row of the batch
 *   needs. `fitted`, with `exclude`: each group gets what its own fullest row needs.
 * @returns Interests by group, and the slots of the fullest row before rounding.
 */
export function interestsOfGroups(
  groups: readonly {
    length: number;
    history: Int32Array;
    lengths: Int32Array;
    images?: Int32Array;
  }[],
  lookups: readonly Int32Array[],
  options: { zero: 'exclude' | 'keep'; longest: number; count: number; fitted?: boolean },
): { groups: GroupInterests[]; fullest: number } {
  const { zero, longest, count, fitted = false } = options;
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
    groups: found.map(({ ids, mask, Q }, g) => {
      const most = Math.min(groups[g]!.length * lookups.length, count);
      const needed = fitted ? (SLOTS.find((size) => size >= Q) ?? most) : most;
      const slots = zero === 'keep' ? rung(SLOTS, fullest) : Math.min(needed, most);
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

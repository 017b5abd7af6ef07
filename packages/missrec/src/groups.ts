import { interestTokens } from '@ferry/interests';

/** Interest slots a group may have in the released layout. */
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

/** One group of a {@link planGroups}. */
export interface PlannedGroup {
  /** How many rows. */
  size: number;
  /** L its rows are padded to, unless a batch needs more. */
  length: number;
}

/** How many rows have a history of length l, at index l; weights do as well as counts. */
export type LengthHistogram = Float64Array;

/** The histogram of some lengths, each counted as `weight`. */
export function lengthHistogram(
  lengths: Iterable<number>,
  weight = 1,
  into?: LengthHistogram,
): LengthHistogram {
  const all = [...lengths];
  const longest = all.reduce((a, b) => Math.max(a, b), (into?.length ?? 1) - 1);
  const histogram = new Float64Array(longest + 1);
  histogram.set(into ?? []);
  for (const length of all) histogram[length]! += weight;
  return histogram;
}

/**
 * How a batch of B random rows is split by history length: the shortest half, the next quarter, the next eighth and so on. Each group's padded length is
 * the length that its longest row exceeds about once in a thousand batches, from the data's lengths and the spread of an order
 * statistic; so nearly all batches have the same shapes, and one compiled step serves them.
 *
 * @param histogram - Lengths of the rows batches are drawn from.
 * @param B - Rows of a batch.
 * @param smallest - No group has fewer rows than this, unless the batch has. Default an eighth of B, and at least 16: each group costs as many operations as any other.
 */
export function planGroups(
  histogram: LengthHistogram,
  B: number,
  smallest = Math.max(16, Math.ceil(B / 8)),
): PlannedGroup[] {
  const total = histogram.reduce((a, b) => a + b, 0);
  const quantile = (share: number): number => {
    let sum = 0;
    for (let length = 1; length < histogram.length; length++) {
      sum += histogram[length]!;
      if (sum >= share * total * (1 - 1e-12)) return length;
    }
    return histogram.length - 1;
  };
  const plan: PlannedGroup[] = [];
  for (let from = 0; from < B;) {
    const half = Math.floor((B - from) / 2);
    const size = half < smallest ? B - from : half;
    from += size;
    const share = from / B;
    // The last group holds the longest row there is.
    const length =
      from === B ? quantile(1) : quantile(Math.min(1, share + 3.1 * Math.sqrt((share * (1 - share)) / B)));
    plan.push({ size, length });
  }
  return plan;
}

/**
 * Splits a batch by history length, as planned. The batch holds the same rows as without grouping, so its gradient is the same; only padding is saved.
 *
 * @param history - [B * stride], right-padded with 0.
 * @param lengths - [B]
 * @param plan - Of {@link planGroups} for B. A group whose longest row is longer than planned is padded to the longest history of all.
 */
export function groupByLength(
  history: Int32Array,
  lengths: Int32Array,
  plan: readonly PlannedGroup[],
): RowGroup[] {
  const stride = history.length / lengths.length;
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  let from = 0;
  return plan.map(({ size, length: planned }) => {
    const rows = order.slice(from, from + size);
    from += size;
    const needed = lengths[rows[rows.length - 1]!]!;
    const length = needed <= planned ? planned : Math.max(needed, plan[plan.length - 1]!.length);
    const padded = new Int32Array(size * length);
    rows.forEach((row, at) => {
      padded.set(history.subarray(row * stride, row * stride + lengths[row]!), at * length);
    });
    return { rows, length, history: padded, lengths: rows.map((row) => lengths[row]!) };
  });
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
 * @param options - `count`: K. `zero`: `exclude` (paper): a group gets slots for as many interests as its rows could touch at most, so that shapes do not depend on
 * the clustering; or `keep`, the released layout, in which a row shorter than the data's longest lists id 0 first and all
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
  options: { zero: 'exclude' | 'keep'; longest: number; count: number },
): { groups: GroupInterests[]; fullest: number } {
  const { zero, longest, count } = options;
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
      const slots = zero === 'keep' ? rung(SLOTS, fullest) : most;
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

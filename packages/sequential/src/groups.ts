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
  /** [B], where the batch has them. */
  users?: Int32Array;
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
 * How a batch of B random rows is split by history length: the shortest half, the next quarter, the next eighth and so
 * on. Each group's padded length is the length that its longest row exceeds about once in a thousand batches, from the
 * data's lengths and the spread of an order statistic; so nearly all batches have the same shapes, and one compiled
 * step serves them.
 *
 * @param histogram - Lengths of the rows batches are drawn from.
 * @param B - Rows of a batch.
 * @param smallest - No group has fewer rows than this, unless the batch has. Default an eighth of B, and at least 16:
 *   each group costs as many operations as any other.
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
 * Splits a batch by history length, as planned. The batch holds the same rows as without grouping, so its gradient is
 * the same; only padding is saved.
 *
 * @param history - [B * stride], right-padded with 0.
 * @param lengths - [B]
 * @param plan - Of {@link planGroups} for B. A group whose longest row is longer than planned is padded to the longest
 *   history of all.
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

/** The next of eight sizes an octave: shapes of compiled steps stay few. */
export function roundedUp(count: number): number {
  const unit = 2 ** Math.max(Math.ceil(Math.log2(count)) - 4, 4);
  return Math.ceil(count / unit) * unit;
}

/** Groups of a batch and its targets in their order. */
export interface GroupedBatch {
  /** The groups. */
  groups: RowGroup[];
  /** [B] */
  targets: Int32Array;
  /** [B], where the batch has them. */
  users?: Int32Array;
}

/**
 * Makes the function that groups batches; plans are made once for each batch size.
 *
 * @param histogram - Lengths of the rows batches are drawn from.
 */
export function batchGrouping(
  histogram: LengthHistogram,
): (batch: {
  history: Int32Array;
  lengths: Int32Array;
  targets: Int32Array;
  users?: Int32Array;
}) => GroupedBatch {
  const plans = new Map<number, PlannedGroup[]>();
  return ({ history, lengths, targets, users }) => {
    const B = lengths.length;
    const plan = plans.get(B) ?? planGroups(histogram, B);
    plans.set(B, plan);
    const groups = groupByLength(history, lengths, plan).map((group) => ({
      ...group,
      ...(users && { users: group.rows.map((row) => users[row]!) }),
    }));
    const inOrder = (values: Int32Array): Int32Array =>
      Int32Array.from(groups.flatMap(({ rows }) => Array.from(rows, (row) => values[row]!)));
    return { groups, targets: inOrder(targets), users: users && inOrder(users) };
  };
}

import type { Batch, Rows } from './types.ts';

/**
 * Padded lengths that batches may have, unless the caller gives others: few, so compiled shapes stay few. Where a
 * history is longer than the last, further edges follow, each half as long again.
 */
export const defaultEdges: readonly number[] = [4, 8, 12, 20, 35, 50];

/** How {@link batches} cuts rows into batches. */
export interface BatchOptions {
  /** B: rows in a batch. */
  size: number;
  /** The rows to visit, in this order: a permutation or any selection. Default: all rows, as they are. Int32. */
  order?: Int32Array;
  /**
   * Which rows share a batch. 'given' (the default, for training) takes B consecutive entries of `order`, so every
   * batch holds exactly the rows an unbucketed shuffle would give it. 'grouped' (for evaluation, where the order of
   * rows does not matter) first sorts `order` by history length, stably, so that short histories are padded little.
   */
  grouping?: 'given' | 'grouped';
  /**
   * How far a batch is padded. 'bucket' (the default): to the smallest edge that holds its longest history;
   * 'max': always to the last edge; 'longest': to its longest history exactly (many distinct lengths).
   */
  lengths?: 'bucket' | 'max' | 'longest';
  /** Increasing padded lengths for 'bucket' and 'max'. Default {@link defaultEdges}, and on as far as the rows need. */
  edges?: readonly number[];
  /**
   * The last batch when rows run out: 'keep' (the default) a smaller one, 'fill' it up to B by repeating its last
   * row (see {@link Batch.valid}), 'drop' it.
   */
  last?: 'keep' | 'fill' | 'drop';
}

/** How many batches {@link batches} gives for a number of rows. */
export function batchCount(rows: number, size: number, last: BatchOptions['last'] = 'keep'): number {
  return last === 'drop' ? Math.floor(rows / size) : Math.ceil(rows / size);
}

/** 0, 1, … count - 1. */
function range(count: number): Int32Array {
  const all = new Int32Array(count);
  for (let at = 0; at < count; at++) all[at] = at;
  return all;
}

/** Length of the longest history of some rows. */
function longestOf(rows: Rows, picked: Int32Array): number {
  let longest = 0;
  for (const row of picked) longest = Math.max(longest, rows.ends[row]! - rows.starts[row]!);
  return longest;
}

/** Row indices sorted by history length, ties in the given order. */
function byLength(order: Int32Array, rows: Rows): Int32Array {
  // Counting sort: stable and linear.
  const next = new Int32Array(longestOf(rows, order) + 2);
  for (const row of order) next[rows.ends[row]! - rows.starts[row]! + 1]!++;
  for (let length = 1; length < next.length; length++) next[length]! += next[length - 1]!;
  const sorted = new Int32Array(order.length);
  for (const row of order) sorted[next[rows.ends[row]! - rows.starts[row]!]!++] = row;
  return sorted;
}

/** The default edges as far as the longest of some histories needs. */
function defaultEdgesFor(rows: Rows, picked: Int32Array): readonly number[] {
  const longest = longestOf(rows, picked);
  const edges = [...defaultEdges];
  for (let last = edges.at(-1)!; last < longest; edges.push(last)) last = Math.ceil(1.5 * last);
  return edges;
}

/** Throws if edges are none. */
function checkEdges(edges: readonly number[]): void {
  if (edges.length === 0 || edges.some((edge, at) => !Number.isInteger(edge) || edge <= (edges[at - 1] ?? 0)))
    throw new RangeError(`batches: edges must be increasing positive integers, got [${edges.join(', ')}]`);
}

/**
 * Cuts rows into right-padded batches of few distinct shapes.
 *
 * @param rows - A split of a domain.
 * @param options - Batch size, order, grouping and padding.
 * @returns Batches in order; each has arrays of its own.
 * @throws RangeError if an option is out of range, a row is unknown, or a history is longer than the last edge given.
 */
export function* batches(rows: Rows, options: BatchOptions): Generator<Batch, void, undefined> {
  const { size, grouping = 'given', lengths = 'bucket', last = 'keep' } = options;
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`batches: size must be a positive integer, got ${size}`);
  const given = options.order ?? range(rows.targets.length);
  for (const row of given)
    if (row < 0 || row >= rows.targets.length)
      throw new RangeError(`batches: order must hold rows 0..${rows.targets.length - 1}, got ${row}`);
  if (options.edges) checkEdges(options.edges);
  const edges = options.edges ?? (lengths === 'longest' ? defaultEdges : defaultEdgesFor(rows, given));
  const order = grouping === 'grouped' ? byLength(given, rows) : given;
  const count = batchCount(order.length, size, last);
  for (let index = 0; index < count; index++) {
    const picked = order.subarray(index * size, (index + 1) * size);
    yield padBatch(rows, picked, last === 'fill' ? size : picked.length, { lengths, edges });
  }
}

/** Pads the picked rows to one length, and fills up to `size` rows by repeating the last. */
function padBatch(
  rows: Rows,
  picked: Int32Array,
  size: number,
  { lengths: padding, edges }: { lengths: 'bucket' | 'max' | 'longest'; edges: readonly number[] },
): Batch {
  const longest = longestOf(rows, picked);
  const lastEdge = edges[edges.length - 1]!;
  if (padding !== 'longest' && longest > lastEdge)
    throw new RangeError(
      `batches: histories must not be longer than the last edge ${lastEdge}, got ${longest}`,
    );
  const length =
    padding === 'longest' ? longest : padding === 'max' ? lastEdge : edges.find((edge) => edge >= longest)!;
  const batch: Batch = {
    rows: new Int32Array(size),
    users: new Int32Array(size),
    size,
    valid: picked.length,
    length,
    history: new Int32Array(size * length),
    lengths: new Int32Array(size),
    targets: new Int32Array(size),
  };
  const { history } = batch;
  for (let at = 0; at < size; at++) {
    const row = picked[Math.min(at, picked.length - 1)]!;
    batch.rows[at] = row;
    batch.users[at] = rows.users[row]!;
    batch.targets[at] = rows.targets[row]!;
    const [start, end] = [rows.starts[row]!, rows.ends[row]!];
    batch.lengths[at] = end - start;
    // Histories are short: a loop is faster than a view and its copy.
    for (let from = start, to = at * length; from < end; from++, to++) history[to] = rows.items[from]!;
  }
  return batch;
}

/**
 * Splits a batch into blocks of like length, so that its few long histories do not pad the many short ones. Together the
 * blocks hold the batch's rows, each once: a loss summed over the blocks is the batch's loss. Give the same sizes for
 * every batch, and compiled shapes stay few.
 *
 * @param rows - The rows the batch was made from.
 * @param batch - A batch.
 * @param options - `sizes`: rows of each block, longest histories first; their sum must be B. `edges`: padded lengths.
 * @returns One batch a block, longest histories first, ties in the batch's order.
 * @throws RangeError if the sizes do not add up to B, or the batch has filling rows.
 *
 * @example On the Scientific subset (lengths 1 to 33, mean 3.4) a batch of 512 as one block has 17,200 positions, as blocks
 * of `sizes: [32, 96, 384]` 3,600.
 */
export function splitByLength(
  rows: Rows,
  batch: Batch,
  options: { sizes: readonly number[]; edges?: readonly number[] },
): Batch[] {
  const { sizes } = options;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (
    total !== batch.size ||
    batch.valid !== batch.size ||
    sizes.some((size) => !Number.isInteger(size) || size < 1)
  )
    throw new RangeError(
      `splitByLength: sizes must be positive and add up to the batch's ${batch.valid} rows, got [${sizes.join(', ')}] ` +
        `for a batch of ${batch.size}`,
    );
  if (options.edges) checkEdges(options.edges);
  const edges = options.edges ?? defaultEdgesFor(rows, batch.rows);
  const at = Array.from(batch.rows.keys()).sort((a, b) => batch.lengths[b]! - batch.lengths[a]!);
  const order = Int32Array.from(at, (position) => batch.rows[position]!);
  let start = 0;
  return sizes.map((size) => {
    const picked = order.subarray(start, (start += size));
    return padBatch(rows, picked, size, { lengths: 'bucket', edges });
  });
}

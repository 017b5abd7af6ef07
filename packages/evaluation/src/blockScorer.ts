import { compile, disposeNest, rowCounts, tf } from '@ferry/engine';

/** A value now or later. */
type Awaitable<T> = T | Promise<T>;

/** Rows that are ranked together: B of them. */
export interface QueryBatch<Q> {
  /** What is scored against candidates: a nest of tensors, which stays the caller's. */
  queries: Q;
  /** [B] */
  targets: Int32Array;
  /**
   * [B*X] items of each row that are no candidates, 0 = none; without repeats and without the target
   * (`exclusionLists`).
   */
  masked?: Int32Array;
}

/** Candidates that are made a block at a time. */
export interface CandidateBlocks<C> {
  /** Which items are candidates, ascending, each once. */
  items: Int32Array;
  /** Makes the candidates with these item numbers, which the scorer disposes. All calls ask for as many. */
  candidates: (items: Int32Array) => Awaitable<C>;
}

/** The best candidates of a row. */
export interface TopItems {
  /** Item numbers, best first. */
  items: number[];
  /** Their scores. */
  scores: number[];
}

/** Ranks over candidates whose scores are never whole; made by {@link createBlockScorer}. */
export interface BlockScorer<Q extends object, C extends object> {
  /**
   * Where the targets of batches stand, [2*B] each as {@link targetPlaces} gives it. Candidates are made once for all
   * batches.
   *
   * @throws RangeError for a score that is not a number.
   */
  places(batches: readonly QueryBatch<Q>[], blocks: CandidateBlocks<C>): Promise<Float32Array[]>;
  /**
   * The k best candidates of each row, equal scores by item number; what {@link topK} gives of the whole row. Targets
   * are not read, `masked` is.
   */
  topItems(
    batches: readonly Pick<QueryBatch<Q>, 'queries' | 'masked'>[],
    blocks: CandidateBlocks<C>,
    k: number,
  ): Promise<TopItems[][]>;
  /** Frees what was compiled. */
  dispose(): void;
}

/** Options of {@link createBlockScorer}. */
export interface BlockScorerOptions {
  /** Candidates of a block. Default 1024: with 256 rows their scores have 1 MiB and stay in the cache. */
  width?: number;
  /** Named in errors and profiles. */
  name?: string;
}

/**
 * Full ranking over candidates in blocks of columns: counts above and equal to the target's score are added up over
 * blocks, the best of each block are merged. The numbers are those of the whole matrix to the last bit: every score,
 * the target's too, comes from a product of one shape.
 *
 * @typeParam Q - Queries: a nest of tensors whose first axis is the row.
 * @typeParam C - Candidates: a nest of tensors whose first axis is the candidate.
 * @param scores - [B, C] of queries and candidates; made of tensors alone, for it is compiled. Column c depends on
 *   candidate c alone.
 * @param options - The width of blocks.
 */
export function createBlockScorer<Q extends object, C extends object>(
  scores: (queries: Q, candidates: C) => tf.Tensor2D,
  { width = 1024, name = 'evaluation.blockScorer' }: BlockScorerOptions = {},
): BlockScorer<Q, C> {
  const flatten = (matrix: tf.Tensor2D): tf.Tensor1D => tf.reshape(matrix, [matrix.size]);
  const pick = compile(
    (queries: Q, candidates: C, at: tf.Tensor1D) => tf.gather(flatten(scores(queries, candidates)), at),
    { name: `${name}.pick` },
  );
  const count = compile(
    (queries: Q, candidates: C, own: tf.Tensor2D, fresh: tf.Scalar, at: tf.Tensor1D) => {
      const matrix = scores(queries, candidates);
      return { counts: rowCounts(matrix, own, fresh), picked: tf.gather(flatten(matrix), at) };
    },
    { name: `${name}.count` },
  );
  const best = compile(
    (queries: Q, candidates: C, k: number) => {
      const { values, indices } = tf.topk(scores(queries, candidates), k);
      return { values, indices };
    },
    { name: `${name}.best` },
  );

  const places: BlockScorer<Q, C>['places'] = async (batches, { items, candidates }) => {
    const position = positionsOf(items);
    const counters = batches.map((batch) => counterOf(batch, position));
    // Blocks whose columns are targets: one row after the other, through all batches.
    const size = Math.min(width, items.length);
    const rows = batches.flatMap(({ targets }, i) => Array.from(targets, (target, b) => ({ i, b, target })));
    for (let from = 0; from < rows.length; from += size) {
      const some = rows.slice(from, from + size);
      const made = await candidates(
        Int32Array.from({ length: size }, (_, c) => (some[c] ?? some[0]!).target),
      );
      for (const i of new Set(some.map((row) => row.i))) {
        const at = tf.tensor1d(
          Int32Array.from({ length: size }, (_, c) => (some[c]?.i === i ? some[c].b * size + c : 0)),
          'int32',
        );
        const result = pick(batches[i]!.queries, made, at);
        const scores = await result.data();
        for (const [c, { i: batch, b }] of some.entries()) if (batch === i) counters[i]!.own[b] = scores[c]!;
        disposeNest([at, result]);
      }
      disposeNest(made);
    }
    for await (const { made, start, fresh } of blocksOf(items, width, candidates)) {
      const known = tf.scalar(fresh - start, 'int32');
      for (const [i, { queries, targets }] of batches.entries()) {
        const counter = counters[i]!;
        const pairs = pairsUntil(counter, start + size);
        const at = padded(pairs.map(({ row, place }) => row * size + place - start));
        const inputs = [tf.tensor2d(counter.own, [targets.length, 1]), tf.tensor1d(at, 'int32')] as const;
        const result = count(queries, made, inputs[0], known, inputs[1]);
        addUp(counter, pairs, await result.counts.data(), await result.picked.data());
        disposeNest([result, inputs]);
      }
      disposeNest([made, known]);
    }
    return counters.map((counter) => counted(counter, items.length));
  };

  const topItems: BlockScorer<Q, C>['topItems'] = async (batches, { items, candidates }, k) => {
    if (!Number.isInteger(k) || k < 1)
      throw new RangeError(`topItems: k must be a positive integer, got ${k}`);
    const position = positionsOf(items);
    const rows: TopItems[][] = batches.map(() => []);
    for await (const { made, start, size, fresh } of blocksOf(items, width, candidates)) {
      for (const [i, { queries, masked }] of batches.entries()) {
        const B = rowsOf(queries);
        const X = (masked?.length ?? 0) / B;
        const hidden = Array.from(
          { length: B },
          (_, b) => new Set((masked ?? new Int32Array(0)).subarray(b * X, (b + 1) * X)),
        );
        const most = hidden.reduce(
          (longest, own) =>
            Math.max(
              longest,
              [...own].filter((item) => item > 0 && inside(position[item] ?? -1, start, start + size)).length,
            ),
          0,
        );
        // As many more as may be hidden, in steps of powers of two: compiled shapes stay few.
        const wanted = Math.min(size, most === 0 ? k : k + 2 ** Math.ceil(Math.log2(most)));
        const result = best(queries, made, wanted);
        const [values, indices] = await Promise.all([result.values.data(), result.indices.data()]);
        for (let b = 0; b < B; b++) {
          const own = (rows[i]![b] ??= { items: [], scores: [] });
          for (let j = 0; j < wanted; j++) {
            const place = start + indices[b * wanted + j]!;
            const item = items[place]!;
            if (place >= fresh && !hidden[b]!.has(item)) insert(own, item, values[b * wanted + j]!, k);
          }
        }
        disposeNest(result);
      }
      disposeNest(made);
    }
    return rows;
  };

  return {
    places,
    topItems,
    dispose: () => {
      for (const program of [pick, count, best]) program.dispose();
    },
  };
}

/** Place of each item in the list; -1 where it is not there. */
function positionsOf(items: Int32Array): Int32Array {
  const position = new Int32Array((items.at(-1) ?? 0) + 1).fill(-1);
  items.forEach((item, place) => {
    if (item <= (place > 0 ? items[place - 1]! : 0))
      throw new RangeError(
        `blockScorer: candidates must be ascending item numbers from 1, got ${item} at place ${place}`,
      );
    position[item] = place;
  });
  return position;
}

const inside = (place: number, from: number, to: number): boolean => place >= from && place < to;

/**
 * Blocks of one width. The last may overlap the one before: columns below `fresh` were there already. So that the shape
 * of the product, on which the last bits of a score may depend, is the same for all.
 */
async function* blocksOf<C>(
  items: Int32Array,
  width: number,
  candidates: (items: Int32Array) => Awaitable<C>,
): AsyncGenerator<{ made: C; start: number; size: number; fresh: number }> {
  const size = Math.min(width, items.length);
  for (let fresh = 0; fresh < items.length; fresh += size) {
    const start = Math.min(fresh, items.length - size);
    yield { made: await candidates(items.slice(start, start + size)), start, size, fresh };
  }
}

/** A score that is not to be counted: of a row's target or of an item that is no candidate. */
interface Pair {
  row: number;
  /** Place in the list of candidates. */
  place: number;
}

/** What is known of a batch so far. */
interface Counter {
  /** [B] scores of the targets. */
  own: Float32Array;
  greater: Int32Array;
  equal: Int32Array;
  less: Int32Array;
  /** By place. */
  pairs: Pair[];
  /** Pairs of each row; [B]. */
  left: Int32Array;
  /** Pairs that were seen. */
  next: number;
}

function counterOf(
  { targets, masked }: Pick<QueryBatch<object>, 'targets' | 'masked'>,
  position: Int32Array,
): Counter {
  const B = targets.length;
  const pairs: Pair[] = [];
  const left = new Int32Array(B);
  const add = (row: number, item: number): void => {
    const place = position[item] ?? -1;
    if (place < 0) return;
    pairs.push({ row, place });
    left[row]!++;
  };
  targets.forEach((target, row) => {
    add(row, target);
  });
  const X = (masked?.length ?? 0) / B;
  masked?.forEach((item, at) => {
    if (item > 0) add(Math.floor(at / X), item);
  });
  pairs.sort((a, b) => a.place - b.place || a.row - b.row);
  const zeros = (): Int32Array => new Int32Array(B);
  const own = new Float32Array(B);
  return { own, greater: zeros(), equal: zeros(), less: zeros(), pairs, left, next: 0 };
}

/** The pairs before a place that were not seen yet. */
function pairsUntil(counter: Counter, end: number): Pair[] {
  const from = counter.next;
  while (counter.next < counter.pairs.length && counter.pairs[counter.next]!.place < end) counter.next++;
  return counter.pairs.slice(from, counter.next);
}

/** Positions filled to a power of two, at least 64: compiled shapes stay few. */
function padded(at: number[]): Int32Array {
  const filled = new Int32Array(2 ** Math.max(6, Math.ceil(Math.log2(at.length))));
  filled.set(at);
  return filled;
}

/** Adds a block's counts, and takes out what is not to be counted. */
function addUp(
  { own, greater, equal, less }: Counter,
  pairs: readonly Pair[],
  counts: ArrayLike<number>,
  picked: ArrayLike<number>,
): void {
  const B = own.length;
  for (let b = 0; b < B; b++) {
    greater[b]! += counts[b]!;
    equal[b]! += counts[B + b]!;
    less[b]! += counts[2 * B + b]!;
  }
  for (const [i, { row }] of pairs.entries()) {
    const score = picked[i]!;
    if (score > own[row]!) greater[row]!--;
    else if (score < own[row]!) less[row]!--;
    else if (score === own[row]!) equal[row]!--;
  }
}

/** [2*B]; NaN for a row that holds a score that is not a number: it is neither greater, equal nor less. */
function counted({ greater, equal, less, left }: Counter, candidates: number): Float32Array {
  const B = greater.length;
  const places = new Float32Array(2 * B);
  for (let b = 0; b < B; b++) {
    const complete = greater[b]! + equal[b]! + less[b]! === candidates - left[b]!;
    places[b] = complete ? greater[b]! : NaN;
    places[B + b] = complete ? equal[b]! : NaN;
  }
  return places;
}

/** Puts an item into a list of at most k: higher scores first, equal ones by item number. */
function insert({ items, scores }: TopItems, item: number, score: number, k: number): void {
  if (!(score > -Infinity)) return;
  let at = items.length;
  while (at > 0 && (scores[at - 1]! < score || (scores[at - 1] === score && items[at - 1]! > item))) at--;
  if (at >= k) return;
  items.splice(at, 0, item);
  scores.splice(at, 0, score);
  if (items.length > k) {
    items.pop();
    scores.pop();
  }
}

/** B: the first axis of the first tensor of a nest. */
function rowsOf(nest: unknown): number {
  if (nest instanceof tf.Tensor) return (nest as tf.Tensor1D).shape[0];
  if (!nest || typeof nest !== 'object') return 0;
  return Object.values(nest).reduce<number>((rows, value) => rows || rowsOf(value), 0);
}

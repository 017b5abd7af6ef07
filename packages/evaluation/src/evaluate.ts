import { batches, type Batch, type BatchOptions, type Rows } from '@ferry/data';
import { tf } from '@ferry/engine';
import { exclusionLists, historyOf } from './exclusion.ts';
import { sampledPlaces, sampledWords, type SampledRanking } from './negatives.ts';
import { ranksOf, type Places, type TieRule } from './places.ts';
import { metricsWith } from './rowValues.ts';
import { scorePlaces } from './scorePlaces.ts';
import { compiledPlaces } from './tensorPlaces.ts';

/**
 * Scores of a batch, larger being better: [B*(N+1)] row after row, or a tensor [B,N+1], which the evaluation
 * disposes.
 */
export type Scores = Float32Array | Float64Array | tf.Tensor2D;

/** A value now or later. */
type Awaitable<T> = T | Promise<T>;

/** Settings of {@link evaluateRanking} that do not depend on how rows are ranked. */
export interface RankingOptions {
  /** The rows to rank: a split of a domain. */
  rows: Rows;
  /** N: items of the catalogue, all of which are candidates. */
  count: number;
  /** Which rows, in any order. Default: all. Int32 [R]. */
  order?: Int32Array;
  /** B. Default 256; the last batch is filled to it with rows that are not counted. */
  batchSize?: number;
  /** How histories are padded; rows are grouped by length. See `batches` of `@ferry/data`. */
  lengths?: BatchOptions['lengths'];
  /** Padded lengths; see `batches` of `@ferry/data`. */
  edges?: readonly number[];
  /** Cutoffs. Default 10 and 50. */
  k?: readonly number[];
  /** Further metrics by name, see `rowValues`. */
  metrics?: readonly string[];
  /**
   * Whether items of the history stay candidates (`keep`: the protocol of MISSRec and RecBole's sequential
   * models) or not (`mask`). The target always stays one. Default `keep`.
   */
  history?: 'keep' | 'mask';
  /**
   * The same rows with their whole histories, which is what `mask` takes out. Default `rows`; give it where `rows` has the
   * histories cut to what a model sees.
   */
  whole?: Rows;
  /** What a tie means. Default `mid-rank`. */
  ties?: TieRule;
  /** Ranks each target among negatives drawn for its row instead of all items; needs a ranker that gives scores. */
  sampled?: SampledRanking;
}

/** How a model ranks a batch: give one of the two. */
export type Ranker =
  | {
      /** Scores of every item for every row of the batch. */
      scores: (batch: Batch) => Awaitable<Scores>;
    }
  | {
      /**
       * Where the batch's targets stand, [2*B] as {@link targetPlaces} gives it, for models that count inside their own
       * compiled step.
       *
       * @param masked - With `history: 'mask'` the items that are not candidates, int32 [B*X] with X of any size, ready for
       * {@link targetPlaces}.
       */
      places: (batch: Batch, masked: Int32Array | undefined) => Awaitable<ArrayLike<number>>;
    }
  | {
      /**
       * The same of many batches at once, for models that go through the catalogue in blocks and make each block once
       * for all of them; see `createBlockScorer`. At most {@link ROWS_TOGETHER} rows at a time.
       */
      placesOfAll: (batches: readonly MaskedBatch[]) => Awaitable<readonly ArrayLike<number>[]>;
    };

/** A batch to rank, and the items that are no candidates of its rows. */
export interface MaskedBatch {
  /** The rows. */
  batch: Batch;
  /** As for `places`. */
  masked: Int32Array | undefined;
}

/** Rows whose batches are ranked together: their vectors of width 300 have 78 MB. */
export const ROWS_TOGETHER = 65_536;

/** What {@link evaluateRanking} returns. */
export interface RankingResult extends Places {
  /** The target's rank for every row, in the order of `order` (of the split by default); float32 [R]. */
  ranks: Float32Array;
  /** `recall@k`, `ndcg@k` for each cutoff, and `mrr`; and those that were asked for. */
  metrics: Record<string, number>;
}

/**
 * Ranks every row's target among all N items and averages the metrics over rows.
 *
 * Rows of similar history length share a batch, and the last batch is filled up so that shapes stay few;
 * filling rows are scored and dropped, so neither grouping nor filling changes a number. Padding (item 0) is
 * never a candidate.
 *
 * @throws RangeError when scores or counts have the wrong number or hold a value that is not a number.
 *
 * @example
 * ```ts
 * const { metrics } = await evaluateRanking({
 *   rows: domain.test,
 *   count: domain.items.ids.length,
 *   scores: (batch) => model.scores(batch),
 * });
 * ```
 */
export async function evaluateRanking(options: RankingOptions & Ranker): Promise<RankingResult> {
  const { rows, count, batchSize = 256, k, history = 'keep', whole = rows, ties, lengths, edges } = options;
  const order = options.order ?? Int32Array.from(rows.targets.keys());
  const perRow = (): Int32Array => new Int32Array(rows.targets.length);
  const byRow = { better: perRow(), tied: perRow(), candidates: perRow().fill(count) };
  const record = ({ batch, masked }: MaskedBatch, found: ArrayLike<number>): void => {
    if (found.length !== 2 * batch.size)
      throw new RangeError(
        `evaluateRanking: a batch must give 2*B=${2 * batch.size} counts, got ${found.length}`,
      );
    for (let b = 0; b < batch.valid; b++) {
      const better = found[b]!;
      const tied = found[batch.size + b]!;
      if (!(better >= 0 && tied >= 0 && better + tied < count))
        throw new RangeError(
          `evaluateRanking: ranks must be in 1..${count}, got ${better + 1 + tied / 2} for row ${batch.rows[b]!}` +
            (Number.isNaN(better) ? ' (its scores hold NaN)' : ''),
        );
      byRow.better[batch.rows[b]!] = better;
      byRow.tied[batch.rows[b]!] = tied;
      if (masked) byRow.candidates[batch.rows[b]!] = count - excludedIn(masked, b, batch.size);
    }
  };
  const { sampled } = options;
  const sample = sampled && sampledPlaces(count, sampled);
  const recordSampled = async (batch: Batch, given: Scores): Promise<void> => {
    const scores = given instanceof tf.Tensor ? await given.data() : given;
    if (given instanceof tf.Tensor) given.dispose();
    if (scores.length !== batch.size * (count + 1))
      throw new RangeError(
        `evaluateRanking: scores must hold B*(N+1)=${batch.size * (count + 1)} values, got ${scores.length}`,
      );
    for (let b = 0; b < batch.valid; b++) {
      const row = batch.rows[b]!;
      const own = scores.subarray(b * (count + 1), (b + 1) * (count + 1));
      const found = sample!(own, row, batch.targets[b]!, historyOf(whole, row));
      for (const key of ['better', 'tied', 'candidates'] as const) byRow[key][row] = found[key];
    }
  };
  const waiting: MaskedBatch[] = [];
  const rankWaiting = async (
    rank: (batches: readonly MaskedBatch[]) => Awaitable<readonly ArrayLike<number>[]>,
  ): Promise<void> => {
    const batches = waiting.splice(0);
    const found = await rank(batches);
    for (const [i, batch] of batches.entries()) record(batch, found[i] ?? []);
  };
  for (const batch of batches(rows, {
    size: batchSize,
    order,
    grouping: 'grouped',
    last: 'fill',
    lengths,
    edges,
  })) {
    if (sample) {
      if (!('scores' in options))
        throw new RangeError('evaluateRanking: a sampled ranking needs a ranker that gives scores');
      await recordSampled(batch, await options.scores(batch));
      continue;
    }
    const excluded = (): Int32Array =>
      exclusionLists(
        Array.from(batch.rows, (row) => historyOf(whole, row)),
        batch.targets,
        count,
      );
    const masked = history === 'mask' ? excluded() : undefined;
    if ('placesOfAll' in options) {
      waiting.push({ batch, masked });
      if (waiting.length * batchSize >= ROWS_TOGETHER) await rankWaiting(options.placesOfAll);
      continue;
    }
    record(
      { batch, masked },
      'places' in options
        ? await options.places(batch, masked)
        : await placesOfScores(await options.scores(batch), batch, { count, masked }),
    );
  }
  if ('placesOfAll' in options && waiting.length > 0) await rankWaiting(options.placesOfAll);
  const places: Places = {
    better: order.map((row) => byRow.better[row]!),
    tied: order.map((row) => byRow.tied[row]!),
    candidates: order.map((row) => byRow.candidates[row]!),
    ...(sampled && { sampled: sampledWords(sampled) }),
  };
  return { ...places, ranks: ranksOf(places, ties), metrics: metricsWith(places, k, options.metrics, ties) };
}

/** How many items a row of a rectangle of exclusions holds: its entries other than 0. */
function excludedIn(masked: Int32Array, row: number, rows: number): number {
  const width = masked.length / rows;
  let count = 0;
  for (let x = row * width; x < (row + 1) * width; x++) if (masked[x] !== 0) count++;
  return count;
}

/**
 * {@link targetPlaces} of a batch from its scores: counted in typed arrays, or in a compiled step when the scores are a
 * tensor.
 */
async function placesOfScores(
  scores: Scores,
  batch: Batch,
  options: { count: number; masked: Int32Array | undefined },
): Promise<ArrayLike<number>> {
  const { count, masked } = options;
  const { targets, size } = batch;
  if (!(scores instanceof tf.Tensor)) {
    const { better, tied } = scorePlaces(scores, { count, targets, masked });
    return [...better, ...tied];
  }
  const [B, columns] = scores.shape;
  if (B !== size || columns !== count + 1)
    throw new RangeError(
      `evaluateRanking: scores must have shape [B,N+1]=[${size},${count + 1}], got [${scores.shape.join(',')}]`,
    );
  const inputs = {
    targets: tf.tensor1d(targets, 'int32'),
    masked: masked && tf.tensor2d(masked, [size, masked.length / size], 'int32'),
  };
  const places = inputs.masked
    ? compiledPlaces()(scores, inputs.targets, inputs.masked)
    : compiledPlaces()(scores, inputs.targets);
  const read = await places.data();
  tf.dispose([scores, places, inputs.targets]);
  inputs.masked?.dispose();
  return read;
}

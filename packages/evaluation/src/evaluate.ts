import { batches, type Batch, type BatchOptions, type Rows } from '@ferry/data';
import { tf } from '@ferry/engine';
import { rankingMetrics } from './metrics.ts';
import { distinctMasked, midRanks } from './ranks.ts';
import { compiledRanks } from './tensor-ranks.ts';

/**
 * Scores of a batch, larger being better: [B*(N+1)] row after row, or a tensor [B,N+1], which the evaluation
 * disposes.
 */
export type Scores = Float32Array | Float64Array | tf.Tensor2D;

/** A value now or later. */
type Awaitable<T> = T | Promise<T>;

/** Settings of {@link evaluateRanking} that do not depend on how ranks are made. */
export interface RankingOptions {
  /** The rows to rank: a split of a domain. */
  rows: Rows;
  /** N: items of the catalogue, all of which are candidates. */
  count: number;
  /** Which rows, in any order. Default: all. Int32 [R]. */
  order?: Int32Array | undefined;
  /** B. Default 256; the last batch is filled to it with rows that are not counted. */
  batchSize?: number | undefined;
  /** How histories are padded; rows are grouped by length. See `batches` of `@ferry/data`. */
  lengths?: BatchOptions['lengths'];
  /** Padded lengths; see `batches` of `@ferry/data`. */
  edges?: readonly number[] | undefined;
  /** Cutoffs. Default 10 and 50. */
  k?: readonly number[] | undefined;
  /**
   * Whether items of the history stay candidates (`keep`: the protocol of MISSRec and RecBole's sequential
   * models) or not (`mask`). The target always stays one. Default `keep`.
   */
  history?: 'keep' | 'mask' | undefined;
}

/** How a model ranks a batch: give one of the two. */
export type Ranker =
  | {
      /** Scores of every item for every row of the batch. */
      scores: (batch: Batch) => Awaitable<Scores>;
    }
  | {
      /**
       * Ranks of the batch's targets [B], for models that count them inside their own compiled step with
       * {@link targetRanks}.
       *
       * @param masked - With `history: 'mask'` the items that are not candidates, int32 [B*L], ready for
       * {@link targetRanks}.
       */
      ranks: (batch: Batch, masked: Int32Array | undefined) => Awaitable<ArrayLike<number>>;
    };

/** What {@link evaluateRanking} returns. */
export interface RankingResult {
  /** The target's rank for every row, in the order of `order` (of the split by default); float32 [R]. */
  ranks: Float32Array;
  /** `recall@k`, `ndcg@k` for each cutoff, and `mrr`. */
  metrics: Record<string, number>;
}

/**
 * Ranks every row's target among all N items and averages the metrics over rows.
 *
 * Rows of similar history length share a batch, and the last batch is filled up so that shapes stay few;
 * filling rows are scored and dropped, so neither grouping nor filling changes a number. Padding (item 0) is
 * never a candidate.
 *
 * @throws RangeError when scores or ranks have the wrong number or hold a value that is not a number.
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
  const { rows, count, batchSize = 256, k, history = 'keep', lengths, edges } = options;
  const order = options.order ?? Int32Array.from(rows.targets.keys());
  const byRow = new Float32Array(rows.targets.length);
  for (const batch of batches(rows, {
    size: batchSize,
    order,
    grouping: 'grouped',
    last: 'fill',
    lengths,
    edges,
  })) {
    const masked = history === 'mask' ? distinctMasked(batch.history, batch.targets, count) : undefined;
    const ranks =
      'ranks' in options
        ? await options.ranks(batch, masked)
        : await ranksOfScores(await options.scores(batch), batch, { count, masked });
    if (ranks.length !== batch.size)
      throw new RangeError(`evaluateRanking: a batch must give B=${batch.size} ranks, got ${ranks.length}`);
    for (let b = 0; b < batch.valid; b++) {
      const rank = ranks[b]!;
      if (!(rank >= 1 && rank <= count))
        throw new RangeError(
          `evaluateRanking: ranks must be in 1..${count}, got ${rank} for row ${batch.rows[b]!}` +
            (Number.isNaN(rank) ? ' (its scores hold NaN)' : ''),
        );
      byRow[batch.rows[b]!] = rank;
    }
  }
  const ranks = Float32Array.from(order, (row) => byRow[row]!);
  return { ranks, metrics: rankingMetrics(ranks, k) };
}

/**
 * Ranks of a batch from its scores: counted in typed arrays, or in a compiled step when the scores are a
 * tensor.
 */
async function ranksOfScores(
  scores: Scores,
  batch: Batch,
  options: { count: number; masked: Int32Array | undefined },
): Promise<Float32Array> {
  const { count, masked } = options;
  const { targets, size, length } = batch;
  if (!(scores instanceof tf.Tensor)) return midRanks(scores, { count, targets, masked });
  const [B, columns] = scores.shape;
  if (B !== size || columns !== count + 1)
    throw new RangeError(
      `evaluateRanking: scores must have shape [B,N+1]=[${size},${count + 1}], got [${scores.shape.join(',')}]`,
    );
  const inputs = {
    targets: tf.tensor1d(targets, 'int32'),
    masked: masked && tf.tensor2d(masked, [size, length], 'int32'),
  };
  const ranks = inputs.masked
    ? compiledRanks()(scores, inputs.targets, inputs.masked)
    : compiledRanks()(scores, inputs.targets);
  const read = (await ranks.data()) as Float32Array;
  tf.dispose([scores, ranks, inputs.targets]);
  inputs.masked?.dispose();
  return read;
}

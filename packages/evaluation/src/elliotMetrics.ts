import { exposureValues, longTail, noveltyValues, type BeyondMetric, type TrainingUse } from './exposure.ts';
import { requireDepth, type Lists } from './lists.ts';
import { listPlaces } from './manyPlaces.ts';
import { manyValues, type ManyMetric } from './manyValues.ts';
import { maskedMean } from './metrics.ts';

/** What Elliot's metrics are computed from. Letters: R rows, one a user. */
export interface ElliotInputs {
  /** Each user's list and relevant items; gains as `ratingGain` gives them. */
  readonly lists: Lists;
  /** What training says of items. */
  readonly training: TrainingUse;
  /** The training items of row r. */
  readonly seen: (row: number) => ArrayLike<number>;
}

/** A metric of Elliot. */
export interface ElliotValue {
  /** The figure of Elliot's table. */
  readonly value: number;
  /**
   * Of each row, what paired tests read; NaN for rows that have no value. Absent for metrics of all lists together. [R]
   */
  readonly rows?: Float64Array;
}

/** Elliot's names of metrics of relevant items. */
const accuracy: Readonly<Record<string, ManyMetric>> = {
  Recall: 'recall',
  Precision: 'precision',
  HR: 'hit',
  nDCG: 'ndcg-graded',
  nDCGRendle2020: 'ndcg',
  MRR: 'mrr',
  MAP: 'map-elliot',
};

/** Those beyond accuracy that each list has, and those of all lists together. */
const novelty = { EFD: 'efd', EPC: 'epc', ARP: 'arp', APLT: 'aplt', ACLT: 'aclt' } as const;
const exposure = { ItemCoverage: 'items', Gini: 'gini', SEntropy: 'entropy' } as const;

/** Harmonic mean of precision and recall of each row. */
function f1(precision: Float64Array, recall: Float64Array): Float64Array {
  return precision.map((p, r) => {
    const sum = p + recall[r]!;
    return sum === 0 ? 0 : (2 * p * recall[r]!) / sum;
  });
}

/** Numbers of the short head and of the long tail. */
type Shares = readonly [head: number, tail: number];

/** Standard deviation over mean of the ratios of two groups, `std(q) / mean(q)`. */
function dispersion(found: Shares, all: Shares): number {
  const [head, tail] = [found[0] / all[0], found[1] / all[1]];
  const mean = (head + tail) / 2;
  return Math.abs(head - tail) / 2 / mean;
}

/**
 * PopREO and PopRSP: how unevenly the short head and the long tail are recommended; of all items that a user has not,
 * or of the relevant ones among them.
 */
function popularityBias({ lists, training, seen }: ElliotInputs, k: number, relevantOnly: boolean): number {
  const tail = longTail(training.popularity);
  const known = (item: number): boolean => training.popularity[item]! > 0;
  const catalogue: [number, number] = [0, 0];
  for (let item = 1; item < tail.length; item++) if (known(item)) catalogue[tail[item]!]!++;
  const found: [number, number] = [0, 0];
  const all: [number, number] = [0, 0];
  for (let r = 0; r < lists.listEnds.length; r++) {
    const start = lists.listEnds[r - 1] ?? 0;
    const list = lists.items.subarray(start, Math.min(start + k, lists.listEnds[r]!));
    const relevant = new Set(lists.relevant.subarray(lists.relevantEnds[r - 1] ?? 0, lists.relevantEnds[r]));
    const own = new Set(Array.from(seen(r)));
    for (const item of list) if (!relevantOnly || relevant.has(item)) found[tail[item]!]!++;
    if (relevantOnly) {
      for (const item of relevant) if (known(item) && !own.has(item)) all[tail[item]!]!++;
    } else {
      // All but the user's own, without going through them user by user.
      all[0] += catalogue[0];
      all[1] += catalogue[1];
      for (const item of own) all[tail[item]!]!--;
    }
  }
  return dispersion(found, all);
}

/** Metrics that are computed here by a rule of their own. */
const others: Readonly<Record<string, (inputs: ElliotInputs, k: number) => ElliotValue>> = {
  F1: (inputs, k) => {
    const of = (metric: ManyMetric): Float64Array => manyValues(listPlaces(inputs.lists), metric, k);
    return ofRows(f1(of('precision'), of('recall')));
  },
  MAR: ({ lists }, k) => {
    const places = listPlaces(lists);
    const sums = new Float64Array(lists.listEnds.length);
    for (let n = 1; n <= k; n++) manyValues(places, 'recall', n).forEach((value, r) => (sums[r]! += value));
    return ofRows(sums.map((sum) => sum / k));
  },
  UserCoverage: ({ lists }) => ({
    value: lists.listEnds.filter((end, r) => end > (lists.listEnds[r - 1] ?? 0)).length,
  }),
  NumRetrieved: ({ lists: { listEnds } }, k) =>
    ofRows(Float64Array.from(listEnds, (end, r) => Math.min(end - (listEnds[r - 1] ?? 0), k))),
  PopREO: (inputs, k) => ({ value: popularityBias(inputs, k, true) }),
  PopRSP: (inputs, k) => ({ value: popularityBias(inputs, k, false) }),
};

const ofRows = (rows: Float64Array): ElliotValue => ({ value: maskedMean(rows), rows });

/** The metrics of Elliot's `simple_metrics` that there are. */
export const elliotMetrics: readonly string[] = [
  ...Object.keys(accuracy),
  ...Object.keys(others).filter((name) => ['F1', 'MAR'].includes(name)),
  ...Object.keys(exposure),
  ...Object.keys(novelty),
  ...Object.keys(others).filter((name) => !['F1', 'MAR'].includes(name)),
];

/** Those of {@link elliotMetrics} that can choose the best epoch, and the names that rankings have for them. */
export const choosingMetrics: Readonly<Record<string, ManyMetric>> = accuracy;

/**
 * A metric by Elliot's name over the first k of each list, with Elliot's formulas: `nDCG` is the graded one, `MAP` the
 * mean of precision@1..k, `MAR` that of recall@1..k, `Gini` is 1 - Gini's index, `ItemCoverage` a number of items.
 * Users without relevant items have no accuracy.
 *
 * @throws RangeError for a metric that there is not, or a cutoff beyond the lists.
 */
export function elliotValue(inputs: ElliotInputs, name: string, k: number): ElliotValue {
  const { lists, training } = inputs;
  requireDepth(lists, k);
  const own = others[name];
  if (own) return own(inputs, k);
  const metric = accuracy[name];
  if (metric) return ofRows(manyValues(listPlaces(lists), metric, k));
  const beyond = (novelty as Record<string, BeyondMetric>)[name];
  if (beyond) return ofRows(noveltyValues(lists, beyond as 'efd', training, k));
  const of = (exposure as Record<string, 'items' | 'gini' | 'entropy'>)[name];
  if (of) return { value: exposureValues(lists, training, k)[of] };
  throw new RangeError(`elliotValue: the metric must be one of ${elliotMetrics.join(', ')}, got ${name}`);
}

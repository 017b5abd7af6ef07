import type { Impressions } from './types.ts';

/**
 * What becomes of candidates with equal scores: the later one comes first, as MIND's evaluator has it (`mind`); the
 * mean over all their orders (`average`); clicked ones come last (`pessimistic`) or first (`optimistic`). The area
 * under the curve counts a tie as half for the first two.
 */
export type ImpressionTies = 'mind' | 'average' | 'pessimistic' | 'optimistic';

/** The rules for ties, by name. */
export const impressionTies: readonly ImpressionTies[] = ['mind', 'average', 'pessimistic', 'optimistic'];

/** How impressions are evaluated. */
export interface ImpressionEvaluation {
  /** Default `mind`. */
  readonly ties?: ImpressionTies;
  /** Depths of nDCG. Default 5 and 10. */
  readonly cutoffs?: readonly number[];
  /**
   * `rank` is right. `order` is a defect of published code, to be measured, not used: the candidates' places in order
   * of score are taken for their ranks, so that metrics are those of the inverse permutation.
   */
  readonly submit?: 'rank' | 'order';
}

/** Why impressions are left out of the means. */
export interface DroppedImpressions {
  /** Without candidates. */
  empty: number;
  /** With candidates, none of them clicked. */
  unclicked: number;
  /** All of whose candidates are clicked. */
  allClicked: number;
}

/** What each impression got. */
export interface ImpressionResults {
  /** `auc`, `mrr`, `ndcg@5`, …; NaN for impressions that are dropped. Float64 [R] each. */
  readonly values: Readonly<Record<string, Float64Array>>;
  /** 1 where a clicked and another candidate have one score, so that the rule for ties decides. Uint8 [R]. */
  readonly tied: Uint8Array;
  /** Impressions without two classes, which have no area under a curve. */
  readonly dropped: DroppedImpressions;
}

/** Means of some impressions. */
export interface ImpressionSummary {
  /** Impressions that count. */
  readonly impressions: number;
  /** Share of them that ties decide, in 0..1; NaN without impressions. */
  readonly tied: number;
  /** Means by name; NaN without impressions. */
  readonly means: Readonly<Record<string, number>>;
}

/** Share of a tie that the area under the curve counts as won. */
export const wonByTie: Readonly<Record<ImpressionTies, number>> = {
  mind: 0.5,
  average: 0.5,
  pessimistic: 0,
  optimistic: 1,
};

/**
 * Order of candidates by falling score, the later of equal ones first: what the official evaluator does to any list
 * that is short enough for its sort to be stable.
 *
 * @param order - Filled with the places 0..C-1.
 * @param scores - Flat scores, of which those from `start` on are meant.
 */
function sortByScore(order: Int32Array, scores: ArrayLike<number>, start: number): void {
  for (let at = 0; at < order.length; at++) order[at] = at;
  order.sort((a, b) => scores[start + b]! - scores[start + a]! || b - a);
}

/**
 * Rank of each candidate, 1 for the best, in the order of the file: what `prediction.txt` holds. Of equal scores the
 * later candidate comes first, as in {@link ImpressionTies} `mind`.
 *
 * @param scores - Of the candidates of one impression; [C].
 */
export function candidateRanks(scores: ArrayLike<number>): Int32Array {
  const order = new Int32Array(scores.length);
  sortByScore(order, scores, 0);
  const ranks = new Int32Array(scores.length);
  order.forEach((candidate, place) => (ranks[candidate] = place + 1));
  return ranks;
}

/** Sums over the places of the clicked candidates: of 1 / place, and of 1 / log2(place + 1) up to each cutoff. */
class Gains {
  readonly cutoffs: readonly number[];
  reciprocal = 0;
  readonly discounted: Float64Array;

  constructor(cutoffs: readonly number[]) {
    this.cutoffs = cutoffs;
    this.discounted = new Float64Array(cutoffs.length);
  }

  reset(): void {
    this.reciprocal = 0;
    this.discounted.fill(0);
  }

  /** Adds a click at a place, from 1, with a weight. */
  add(place: number, weight: number): void {
    this.reciprocal += weight / place;
    const gain = weight / Math.log2(place + 1);
    for (let c = 0; c < this.cutoffs.length; c++) if (place <= this.cutoffs[c]!) this.discounted[c]! += gain;
  }

  /** Adds `clicks` of the candidates with one score, at places from `first` on, by a rule. */
  addGroup(
    first: number,
    size: number,
    clicks: number,
    ties: 'average' | 'pessimistic' | 'optimistic',
  ): void {
    if (ties === 'average')
      for (let place = first; place < first + size; place++) this.add(place, clicks / size);
    else {
      const start = ties === 'optimistic' ? first : first + size - clicks;
      for (let place = start; place < start + clicks; place++) this.add(place, 1);
    }
  }
}

/** Throws at scores that cannot be ranked. */
function checkScores(
  { candidates, labels, ids, source }: Impressions,
  scores: ArrayLike<number>,
): Uint8Array {
  if (!labels)
    throw new RangeError(`evaluateImpressions: ${source} has no labels: a test file cannot be evaluated`);
  if (scores.length !== candidates.values.length)
    throw new RangeError(
      `evaluateImpressions: scores must be one for each of ${candidates.values.length} candidates, got ${scores.length}`,
    );
  for (let at = 0; at < scores.length; at++)
    if (Number.isNaN(scores[at])) {
      const row = candidates.offsets.findIndex((offset) => offset > at) - 1;
      throw new RangeError(
        `evaluateImpressions: scores must be numbers, got NaN for candidate ${at - candidates.offsets[row]! + 1} ` +
          `of impression ${ids[row]}`,
      );
    }
  return labels;
}

/**
 * Evaluates scores as MIND's official evaluator does: by impression, the area under the ROC curve, the mean of the
 * reciprocal ranks of all its clicks (not of the first), and nDCG with binary gains. Ranks are scores too: 1 / rank.
 *
 * @param impressions - With labels.
 * @param scores - Of all candidates, as long as `candidates.values`; higher is better.
 * @throws RangeError without labels, for another number of scores, and for NaN.
 */
export function evaluateImpressions(
  impressions: Impressions,
  scores: ArrayLike<number>,
  { ties = 'mind', cutoffs = [5, 10], submit = 'rank' }: ImpressionEvaluation = {},
): ImpressionResults {
  const labels = checkScores(impressions, scores);
  const { count, candidates } = impressions;
  const nan = (): Float64Array => new Float64Array(count).fill(NaN);
  const [auc, mrr] = [nan(), nan()];
  const ndcg = cutoffs.map(nan);
  const tied = new Uint8Array(count);
  const dropped: DroppedImpressions = { empty: 0, unclicked: 0, allClicked: 0 };
  const gains = new Gains(cutoffs);
  const ideal = new Gains(cutoffs);
  let orders = new Int32Array(64);
  let submitted = new Float64Array(64);
  for (let row = 0; row < count; row++) {
    let start = candidates.offsets[row]!;
    const size = candidates.offsets[row + 1]! - start;
    let clicks = 0;
    for (let at = start; at < start + size; at++) clicks += labels[at]!;
    if (clicks === 0 || clicks === size) {
      dropped[size === 0 ? 'empty' : clicks === 0 ? 'unclicked' : 'allClicked']++;
      continue;
    }
    if (size > orders.length) {
      orders = new Int32Array(2 * size);
      submitted = new Float64Array(2 * size);
    }
    const order = orders.subarray(0, size);
    sortByScore(order, scores, start);
    const clicked = (place: number): number => labels[candidates.offsets[row]! + order[place]!]!;
    let own = scores;
    if (submit === 'order') {
      // The defect: place p of the order is taken for the rank of candidate p.
      for (let place = 0; place < size; place++) submitted[place] = 1 / (order[place]! + 1);
      own = submitted;
      start = 0;
      sortByScore(order, own, 0);
    }
    gains.reset();
    let won = 0;
    let others = size - clicks; // unclicked candidates that are not yet passed
    for (let first = 0; first < size;) {
      let end = first;
      let inGroup = 0;
      const score = own[start + order[first]!]!;
      for (; end < size && own[start + order[end]!]! === score; end++) inGroup += clicked(end);
      const unclicked = end - first - inGroup;
      others -= unclicked;
      won += inGroup * (others + wonByTie[ties] * unclicked);
      if (inGroup > 0 && unclicked > 0) tied[row] = 1;
      if (ties === 'mind') {
        for (let place = first; place < end; place++) if (clicked(place) > 0) gains.add(place + 1, 1);
      } else gains.addGroup(first + 1, end - first, inGroup, ties);
      first = end;
    }
    ideal.reset();
    ideal.addGroup(1, size, clicks, 'optimistic');
    auc[row] = won / (clicks * (size - clicks));
    mrr[row] = gains.reciprocal / clicks;
    for (let c = 0; c < cutoffs.length; c++) ndcg[c]![row] = gains.discounted[c]! / ideal.discounted[c]!;
  }
  const values = Object.fromEntries(cutoffs.map((k, c) => [`ndcg@${k}`, ndcg[c]!]));
  return { values: { auc, mrr, ...values }, tied, dropped };
}

/** What is summarised of impressions: the part of {@link ImpressionResults} that a run keeps. */
export interface ImpressionMetrics {
  /** As in {@link ImpressionResults}. */
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
  /** As in {@link ImpressionResults}. */
  readonly tied: ArrayLike<number>;
}

/** Means over impressions. */
export function summariseImpressions(results: ImpressionMetrics): ImpressionSummary {
  return summariseParts(results, 1)[0]!;
}

/**
 * Means over the impressions of each of some parts; every impression is looked at once, however many parts there are.
 *
 * @param count - How many parts.
 * @param index - The part of each impression, [R]. Default all are of the first.
 */
export function summariseParts(
  { values, tied }: ImpressionMetrics,
  count: number,
  index?: ArrayLike<number>,
): ImpressionSummary[] {
  const { auc } = values;
  const zeros = (): Float64Array => new Float64Array(count);
  const [impressions, ties] = [zeros(), zeros()];
  const metrics = Object.entries(values).map(([name, all]) => ({ name, all, sums: zeros() }));
  for (let row = 0; row < tied.length; row++) {
    if (Number.isNaN(auc![row])) continue;
    const part = index ? index[row]! : 0;
    impressions[part]!++;
    ties[part]! += tied[row]!;
    for (const { all, sums } of metrics) sums[part]! += all[row]!;
  }
  return Array.from(impressions, (rows, part) => ({
    impressions: rows,
    tied: ties[part]! / rows,
    means: Object.fromEntries(metrics.map(({ name, sums }) => [name, sums[part]! / rows])),
  }));
}

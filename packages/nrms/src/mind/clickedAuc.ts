import { wonByTie, type ImpressionTies } from './metrics.ts';

/** Where the clicked candidates of impressions stand. R impressions, P clicks. */
export interface ClickPlaces {
  /** Candidates of the same impression with a higher score; [P]. */
  readonly better: Int32Array;
  /** Others with the same score; [P]. */
  readonly tied: Int32Array;
  /** Where the clicks of each impression end; [R]. */
  readonly relevantEnds: Int32Array;
  /** Candidates of each impression; [R]. */
  readonly candidates: ArrayLike<number>;
}

/**
 * The share of the candidates not clicked that each clicked one stands above. Its mean over the clicks of an impression is
 * the impression's area under the curve, so that clicks can be parted into groups.
 *
 * @param ties - What a tie counts.
 * @returns [P]; NaN where every candidate was clicked.
 */
export function clickedAuc(
  { better, tied, relevantEnds, candidates }: ClickPlaces,
  ties: ImpressionTies,
): Float64Array {
  const found = new Float64Array(better.length);
  let start = 0;
  for (const [r, end] of relevantEnds.entries()) {
    const others = candidates[r]! - (end - start);
    // Best first: the clicks of one score, behind those of higher ones, which are no candidates to stand above.
    const clicks = Int32Array.from({ length: end - start }, (_, click) => start + click);
    clicks.sort((a, b) => better[a]! - better[b]!);
    for (let from = 0, to = 0; from < clicks.length; from = to) {
      while (to < clicks.length && better[clicks[to]!] === better[clicks[from]!]) to++;
      for (const at of clicks.subarray(from, to)) {
        const [above, equal] = [better[at]! - from, tied[at]! - (to - from - 1)];
        found[at] = (others - above - equal * (1 - wonByTie[ties])) / others;
      }
    }
    start = end;
  }
  return found;
}

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
    for (let at = start; at < end; at++) {
      let [above, equal] = [better[at]!, tied[at]!];
      for (let click = start; click < end; click++)
        if (better[click]! < better[at]!) above--;
        else if (click !== at && better[click] === better[at]) equal--;
      found[at] = (others - above - equal * (1 - wonByTie[ties])) / others;
    }
    start = end;
  }
  return found;
}

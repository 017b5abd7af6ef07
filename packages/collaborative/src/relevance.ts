import type { Sequences, UserTargets } from '@ferry/data';
import { ratingGain } from '@ferry/evaluation';

/** What users are tested on, with the gain of each item for graded NDCG where there are ratings. */
export interface RelevantTargets {
  /** Users with their relevant items; a user may be left with none. */
  readonly targets: UserTargets;
  /** Gain of each relevant item; [P]. */
  readonly gains?: Float32Array;
}

/** Rating of each item that users are tested on; [P]. */
function ratingsOf(
  { users, relevant, relevantEnds }: UserTargets,
  { items, starts, ends }: Sequences,
  ratings: Float32Array,
): Float32Array {
  const found = new Float32Array(relevant.length);
  users.forEach((user, r) => {
    const own = new Map<number, number>();
    for (let at = starts[user]!; at < ends[user]!; at++) own.set(items[at]!, ratings[at]!);
    for (let p = relevantEnds[r - 1] ?? 0; p < relevantEnds[r]!; p++) found[p] = own.get(relevant[p]!)!;
  });
  return found;
}

/**
 * What counts of what users are tested on: items rated `least` or better, with Elliot's gains `2^(rating - least + 1) -
 * 1` (`ratingGain`). Without ratings everything counts alike.
 *
 * @param sequences - Of the domain, with all that users did.
 * @param least - Elliot's `relevance_threshold`. Default: every item counts, with the gains of 0.
 * @throws RangeError if `least` is given and the domain has no ratings.
 */
export function relevantTargets(targets: UserTargets, sequences: Sequences, least?: number): RelevantTargets {
  if (!sequences.ratings) {
    if (least === undefined) return { targets };
    throw new RangeError('a least rating of relevant items needs ratings, and the domain has none');
  }
  const ratings = ratingsOf(targets, sequences, sequences.ratings);
  const counts = (p: number): boolean => least === undefined || ratings[p]! >= least;
  const kept = Array.from(ratings.keys()).filter(counts);
  let end = 0;
  const relevantEnds = targets.relevantEnds.map((last, r) => {
    for (let p = targets.relevantEnds[r - 1] ?? 0; p < last; p++) if (counts(p)) end++;
    return end;
  });
  const gains = Float32Array.from(kept, (p) => ratingGain(ratings[p]!, least));
  return {
    targets: {
      users: targets.users,
      relevant: Int32Array.from(kept, (p) => targets.relevant[p]!),
      relevantEnds,
    },
    // A gain is above 0; ratings below 0 mean something else.
    ...(gains.every((gain) => gain > 0) && { gains }),
  };
}

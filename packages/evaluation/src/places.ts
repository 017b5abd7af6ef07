/**
 * Where the relevant item of each row stands among the candidates: how many others score higher, and how many the same.
 * Everything that is said of a ranking with one relevant item a row follows from these two counts. Letters: R rows.
 */
export interface Places {
  /** Other candidates with a higher score; [R]. */
  readonly better: Int32Array;
  /** Other candidates with the same score; [R]. */
  readonly tied: Int32Array;
  /** How many candidates each row had, the relevant item included; [R]. AUC needs them. */
  readonly candidates?: Int32Array;
  /** How candidates were drawn, in words, where they are a sample: metrics of it are named `sampled-…`. */
  readonly sampled?: string;
}

/**
 * What a tie means. `mid-rank`: what is expected when equal scores come in a random order, so that the rank is the
 * middle one of the tie and a tie across a cutoff counts in part; `pessimistic`: the relevant item comes last;
 * `optimistic`: it comes first.
 */
export type TieRule = 'mid-rank' | 'pessimistic' | 'optimistic';

/** {@link Places}, or ranks from 1 (.5 for the middle of a tie of two). */
export type Ranks = Places | ArrayLike<number>;

/** Whether ranks are given as counts. */
function isPlaces(ranks: Ranks): ranks is Places {
  return 'better' in ranks;
}

/**
 * Ranks as counts. A plain rank does not say how wide a tie was: 10.5 is taken for the middle of a tie of two, 10 for
 * no tie.
 *
 * @throws RangeError for a rank below 1, or one that is neither whole nor halfway.
 */
export function placesOf(ranks: Ranks): Places {
  if (isPlaces(ranks)) return ranks;
  const better = new Int32Array(ranks.length);
  const tied = new Int32Array(ranks.length);
  for (let r = 0; r < ranks.length; r++) {
    const rank = ranks[r]!;
    if (!(rank >= 1) || !Number.isInteger(2 * rank))
      throw new RangeError(
        `placesOf: ranks must be whole or halfway and at least 1, got ${rank} in row ${r}`,
      );
    better[r] = Math.floor(rank) - 1;
    tied[r] = Number.isInteger(rank) ? 0 : 1;
  }
  return { better, tied };
}

/** Rank of each row, 1 being the best; [R]. With `mid-rank` a tie can give a rank of .5. */
export function ranksOf({ better, tied }: Places, ties: TieRule = 'mid-rank'): Float32Array {
  const share = { 'mid-rank': 0.5, pessimistic: 1, optimistic: 0 }[ties];
  return Float32Array.from(better, (count, r) => 1 + count + share * tied[r]!);
}

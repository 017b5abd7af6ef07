import type { Sequences, UserTargets } from '@ferry/data';
import { rankUsers, type TieRule, type UserRanking } from '@ferry/evaluation';
import type { Interactions } from './interactions.ts';
import type { UserItemRecommender } from './recommender.ts';
import type { RelevantTargets } from './relevance.ts';

/** How a recommender is evaluated. */
export interface UserEvaluation {
  /** Cutoffs. Default 10 and 20. */
  k?: readonly number[];
  /** Further metrics by name, such as `ndcg-graded@20`. */
  metrics?: readonly string[];
  /** What a tie means. Default `mid-rank`. */
  ties?: TieRule;
  /** Users ranked at once. Default 256. */
  batchSize?: number;
  /**
   * `trained`: only users and items that training knows count: other users are left out, other items are no candidates
   * and count as not found (Elliot). Default `all`.
   */
  candidates?: 'all' | 'trained';
  /** Rating from which an item of the split is relevant, see {@link relevantTargets}. Default every item. */
  relevance?: number;
  /** Items of each list that are kept. Default the largest cutoff. */
  depth?: number;
}

/**
 * Ranks all items for the users of a split, but those that they have in training or another part.
 *
 * @param targets - Users and what each is tested on, with gains for graded NDCG where there are ratings.
 * @param seen - Each user's items that are no candidates.
 */
export async function evaluateUsers(
  recommender: UserItemRecommender,
  { targets, gains }: RelevantTargets,
  seen: Sequences,
  { candidates = 'all', ...options }: UserEvaluation = {},
): Promise<UserRanking> {
  const { interactions } = recommender.data;
  const { items, columns } = interactions;
  const known = new Uint8Array(items + 1);
  for (const item of columns) known[item + 1] = 1;
  const scorer = recommender.scorer();
  try {
    return await rankUsers({
      ...(candidates === 'trained' ? trainedUsers(targets, interactions, gains) : { targets, gains }),
      count: items,
      seen,
      ...(candidates === 'trained' && { known }),
      scores: (users) => scorer.scores(users),
      ...options,
    });
  } finally {
    scorer.dispose();
  }
}

/** Those of some users who have training items. */
function trainedUsers(
  { users, relevant, relevantEnds }: UserTargets,
  { starts }: Interactions,
  gains?: Float32Array,
): { targets: UserTargets; gains?: Float32Array } {
  const rows = Array.from(users.keys()).filter((r) => starts[users[r]! + 1]! > starts[users[r]!]!);
  const places = rows.map((r) =>
    Array.from(
      { length: relevantEnds[r]! - (relevantEnds[r - 1] ?? 0) },
      (_, i) => (relevantEnds[r - 1] ?? 0) + i,
    ),
  );
  let end = 0;
  const targets = {
    users: Int32Array.from(rows, (r) => users[r]!),
    relevant: Int32Array.from(places.flat(), (at) => relevant[at]!),
    relevantEnds: Int32Array.from(places, (own) => (end += own.length)),
  };
  return { targets, ...(gains && { gains: Float32Array.from(places.flat(), (at) => gains[at]!) }) };
}

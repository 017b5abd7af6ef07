import type { Sequences, UserTargets } from '@ferry/data';
import { rankUsers, type TieRule, type UserRanking } from '@ferry/evaluation';
import type { UserItemRecommender } from './recommender.ts';

/** How a recommender is evaluated. */
export interface UserEvaluation {
  /** Cutoffs. Default 10 and 20. */
  k?: readonly number[];
  /** What a tie means. Default `mid-rank`. */
  ties?: TieRule;
  /** Users ranked at once. Default 256. */
  batchSize?: number;
  /** `trained`: only items that training knows are candidates (Elliot); others count as not found. Default `all`. */
  candidates?: 'all' | 'trained';
  /** Items of each list that are kept. Default the largest cutoff. */
  depth?: number;
}

/**
 * Ranks all items for the users of a split, but those that they have in training or another part.
 *
 * @param targets - Users and what each is tested on.
 * @param seen - Each user's items that are no candidates.
 * @param gains - Of relevant items, for graded NDCG.
 */
export async function evaluateUsers(
  recommender: UserItemRecommender,
  targets: UserTargets,
  seen: Sequences,
  { candidates = 'all', ...options }: UserEvaluation = {},
  gains?: Float32Array,
): Promise<UserRanking> {
  const { items, columns } = recommender.data.interactions;
  const known = new Uint8Array(items + 1);
  for (const item of columns) known[item + 1] = 1;
  const scorer = recommender.scorer();
  try {
    return await rankUsers({
      targets,
      gains,
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

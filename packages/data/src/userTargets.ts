import { IntList } from './growing.ts';
import type { Rows } from './types.ts';

/** What each of some users took in a split. Letters: R users, P items of all of them. */
export interface UserTargets {
  /** Index into the domain's users, ascending; [R]. */
  readonly users: Int32Array;
  /** Item numbers, one user's after the other's, each once; [P]. */
  readonly relevant: Int32Array;
  /** End of each user's items in `relevant`; [R]. */
  readonly relevantEnds: Int32Array;
}

/**
 * The rows of a split put together by user, for models and metrics that know users and no order: one row for each user,
 * with all items that the split holds of them. Users without a row in it are left out.
 */
export function targetsByUser(rows: Pick<Rows, 'users' | 'targets'>): UserTargets {
  const found = new Map<number, Set<number>>();
  for (const [row, user] of rows.users.entries()) {
    const own = found.get(user);
    if (own) own.add(rows.targets[row]!);
    else found.set(user, new Set([rows.targets[row]!]));
  }
  const users = Int32Array.from(found.keys()).sort();
  const relevant = new IntList();
  const relevantEnds = users.map((user) => {
    for (const item of found.get(user)!) relevant.push(item);
    return relevant.length;
  });
  return { users, relevant: relevant.toArray(), relevantEnds };
}

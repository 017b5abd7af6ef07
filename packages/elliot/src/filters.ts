import { groupRows, pickRatings, type Ratings } from './ratings.ts';

/** What is left out before splitting, by the names of Elliot's configuration. */
export type Filter =
  /** Ratings of at least a number, or of at least the mean of all. */
  | { strategy: 'global_threshold'; threshold: number | 'average' }
  /** Ratings of at least the user's own mean. */
  | { strategy: 'user_average' }
  /** Users, or items, with at least so many rows. */
  | { strategy: 'user_k_core' | 'item_k_core'; core: number }
  /** Both, again and again until nothing changes. */
  | { strategy: 'iterative_k_core'; core: number }
  /** Users, then items, so many times. */
  | { strategy: 'n_rounds_k_core'; core: number; rounds: number }
  /** Users with at most so many rows. */
  | { strategy: 'cold_users'; threshold: number };

const meanOf = (data: Ratings, rows: readonly number[]): number =>
  rows.reduce((sum, row) => sum + data.ratings[row]!, 0) / rows.length;

/** Rows of the ids whose number of rows is right. */
function byCount(data: Ratings, ids: readonly string[], fits: (rows: number) => boolean): Ratings {
  const rows = [...groupRows(ids).values()].filter((own) => fits(own.length)).flat();
  return pickRatings(
    data,
    rows.sort((a, b) => a - b),
  );
}

const usersThenItems = (data: Ratings, core: number): Ratings => {
  const users = byCount(data, data.users, (rows) => rows >= core);
  return byCount(users, users.items, (rows) => rows >= core);
};

/** Leaves out rows by one of Elliot's strategies. */
export function filterRatings(data: Ratings, filter: Filter): Ratings {
  const where = (keep: (row: number) => boolean): Ratings =>
    pickRatings(data, Array.from(data.ratings.keys()).filter(keep));
  switch (filter.strategy) {
    case 'global_threshold': {
      const { threshold } = filter;
      const least = threshold === 'average' ? meanOf(data, [...data.ratings.keys()]) : threshold;
      return where((row) => data.ratings[row]! >= least);
    }
    case 'user_average': {
      const least = new Float64Array(data.ratings.length);
      for (const own of groupRows(data.users).values()) {
        const mean = meanOf(data, own);
        for (const row of own) least[row] = mean;
      }
      return where((row) => data.ratings[row]! >= least[row]!);
    }
    case 'user_k_core':
      return byCount(data, data.users, (rows) => rows >= filter.core);
    case 'item_k_core':
      return byCount(data, data.items, (rows) => rows >= filter.core);
    case 'iterative_k_core': {
      let [before, left] = [data, usersThenItems(data, filter.core)];
      while (left.users.length < before.users.length)
        [before, left] = [left, usersThenItems(left, filter.core)];
      return left;
    }
    case 'n_rounds_k_core': {
      let left = data;
      for (let round = 0; round < filter.rounds; round++) left = usersThenItems(left, filter.core);
      return left;
    }
    case 'cold_users':
      return byCount(data, data.users, (rows) => rows <= filter.threshold);
  }
}

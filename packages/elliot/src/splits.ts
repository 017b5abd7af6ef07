import type { NumpyRandom } from '@ferry/data';
import { groupRows, pickRatings, type Ratings } from './ratings.ts';

/** How a part is split off, by the names of Elliot's configuration. */
export type Splitting =
  /** A share (or a number) of each user's rows at random; `folds` times, each on its own. */
  | { strategy: 'random_subsampling'; test_ratio?: number; leave_n_out?: number; folds?: number }
  /** The latest share (or number) of each user's rows. */
  | { strategy: 'temporal_hold_out'; test_ratio?: number; leave_n_out?: number }
  /** What happens from one point in time on; `best`: the point that leaves rows on both sides to most users. */
  | { strategy: 'fixed_timestamp'; timestamp: number | 'best'; min_below?: number; min_over?: number }
  /**
   * Each user's rows to the folds in turn, in the order of the file: Elliot does not shuffle them, whatever the name
   * says.
   */
  | { strategy: 'random_cross_validation'; folds: number };

/** One way of taking rows apart. */
export interface Parts {
  /** What is left. */
  readonly train: Ratings;
  /** What was split off. */
  readonly test: Ratings;
}

/** Rows of a user that stay: floor(n (1 - ratio)) in double precision, as numpy and Python compute it. */
const kept = (rows: number, ratio: number): number => Math.floor(rows * (1 - ratio));

function timesOf({ times }: Ratings, strategy: string): Float64Array {
  if (!times) throw new RangeError(`split: ${strategy} needs a time in every row, got none`);
  return times;
}

/** Which rows are split off, for each fold; 1 marks them. */
function marks(data: Ratings, splitting: Splitting, random: NumpyRandom): Uint8Array[] {
  const rows = data.users.length;
  const groups = groupRows(data.users);
  switch (splitting.strategy) {
    case 'random_subsampling': {
      const { test_ratio: ratio, leave_n_out: n = 1, folds = 1 } = splitting;
      return Array.from({ length: folds }, () => {
        const marked = new Uint8Array(rows);
        for (const [user, own] of groups) {
          const stay = ratio === undefined ? own.length - n : kept(own.length, ratio);
          if (stay < 0)
            throw new RangeError(
              `split: leave_n_out must not be above a user's rows, got ${n} for ${user} with ${own.length}`,
            );
          const labels = own.map((_, i) => Number(i >= stay));
          random.shuffle<number, number[]>(labels);
          own.forEach((row, i) => (marked[row] = labels[i]!));
        }
        return marked;
      });
    }
    case 'temporal_hold_out': {
      const times = timesOf(data, 'temporal_hold_out');
      const { test_ratio: ratio, leave_n_out: n = 1 } = splitting;
      const marked = new Uint8Array(rows);
      for (const own of groups.values()) {
        const late =
          ratio === undefined
            ? [...own].sort((a, b) => times[b]! - times[a]! || a - b).slice(0, n)
            : [...own].sort((a, b) => times[a]! - times[b]! || a - b).slice(kept(own.length, ratio));
        for (const row of late) marked[row] = 1;
      }
      return [marked];
    }
    case 'fixed_timestamp': {
      const times = timesOf(data, 'fixed_timestamp');
      const from = splitting.timestamp === 'best' ? bestTime(times, groups, splitting) : splitting.timestamp;
      return [Uint8Array.from(times, (time) => Number(time >= from))];
    }
    case 'random_cross_validation': {
      const fold = new Int32Array(rows);
      for (const own of groups.values()) own.forEach((row, i) => (fold[row] = i % splitting.folds));
      return Array.from({ length: splitting.folds }, (_, f) =>
        Uint8Array.from(fold, (own) => Number(own === f)),
      );
    }
  }
}

/** The time that leaves most users enough rows before it and from it on; of several the latest. */
function bestTime(
  times: Float64Array,
  groups: ReadonlyMap<string, readonly number[]>,
  { min_below: below = 1, min_over: over = 1 }: { min_below?: number; min_over?: number },
): number {
  const votes = new Map<number, number>();
  for (const own of groups.values()) {
    const sorted = own.map((row) => times[row]!).sort((a, b) => a - b);
    for (const time of sorted.slice(below, Math.max(below, sorted.length - over)))
      votes.set(time, (votes.get(time) ?? 0) + 1);
  }
  const [best] = [...votes].sort(([a, x], [b, y]) => y - x || b - a);
  if (!best)
    throw new RangeError(
      `split: no time leaves a user ${below} rows before it and ${over} from it on: lower min_below or min_over`,
    );
  return best[0];
}

/**
 * Splits rows by one of Elliot's strategies, user by user, users in sorted order; both parts keep the order of the rows.
 *
 * @param random - numpy's generator, begun with the configuration's `random_seed`; what it draws goes on from where it
 *   stands.
 * @returns One or several folds.
 * @throws RangeError for a strategy that needs times where there are none, or that a user has too few rows for.
 */
export function splitRatings(data: Ratings, splitting: Splitting, random: NumpyRandom): Parts[] {
  return marks(data, splitting, random).map((marked) => {
    const rows = Array.from(marked.keys());
    return {
      train: pickRatings(
        data,
        rows.filter((row) => marked[row] === 0),
      ),
      test: pickRatings(
        data,
        rows.filter((row) => marked[row] === 1),
      ),
    };
  });
}

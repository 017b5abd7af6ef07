import { RandomStream } from '@ferry/engine';
import { comparePaired, metricTitle, type PairedComparison } from '@ferry/evaluation';
import {
  evaluateImpressions,
  impressionMetrics,
  newsIn,
  rowOf,
  summariseImpressions,
  userStates,
  type Impressions,
  type NewsVectors,
  type UserState,
} from '@ferry/nrms';
import { UserError } from '@ferry/recipes';
import { tableToText, type Table } from '@ferry/report';
import type { JobConsole } from './console.ts';
import { newsEvaluationOf } from './newsData.ts';
import { openNewsReplay } from './replay.ts';
import type { OpenRunOptions } from './runs.ts';

/** How far vectors that follow clicks are from those of the whole computation. */
export interface Drift {
  /** Mean over impressions. */
  readonly mean: number;
  /** The largest. */
  readonly most: number;
  /** Whether the model promises none but rounding. */
  readonly exact: boolean;
}

/** What following the clicks of users found. */
export interface Followed {
  /** Impressions of the test. */
  readonly impressions: number;
  /** Those of users who had clicked in an earlier one. */
  readonly moved: number;
  /** Means over the impressions of users who had moved, by metric: the first history, followed, read again. */
  readonly means: Readonly<Record<'still' | 'followed' | 'whole', Readonly<Record<string, number>>>>;
  /** What following gained over standing still by metric, over the same impressions. */
  readonly gain: Readonly<Record<string, PairedComparison>>;
  /** How far followed vectors are from those of the whole computation, ‖a − b‖ / ‖b‖. */
  readonly drift: Drift;
}

/** Rows in order of time. */
const inTime = ({ times, count }: Impressions): Int32Array =>
  Int32Array.from({ length: count }, (_, r) => r).sort((a, b) => times[a]! - times[b]! || a - b);

/** News that an impression's user clicked. */
const clickedIn = ({ candidates, labels }: Impressions, row: number): number[] =>
  [...rowOf(candidates, row)].filter((_, at) => labels![candidates.offsets[row]! + at] === 1);

/** Impressions with other histories. */
function withHistories(test: Impressions, rows: readonly (readonly number[])[]): Impressions {
  const ends = new Int32Array(test.count);
  let at = 0;
  rows.forEach((own, row) => (ends[row] = at += own.length));
  const historyStarts = ends.map((end, row) => end - rows[row]!.length);
  return { ...test, history: Int32Array.from(rows.flat()), historyStarts, historyEnds: ends };
}

/** The impressions of a test in which users stand still, and in which they move. */
interface Moving {
  /** Each with the history of its user's first impression: where they stood when the test began. */
  readonly still: Impressions;
  /** The same with what they clicked in earlier impressions behind it. */
  readonly longer: Impressions;
  /** 1 where there is such a click. */
  readonly moved: Uint8Array;
}

/** See {@link Moving}. */
function movingUsers(test: Impressions): Moving {
  const { history, historyStarts, historyEnds, users, count } = test;
  const known = new Map<number, { first: number[]; since: number[] }>();
  const [first, longer] = [new Array<number[]>(count), new Array<number[]>(count)];
  const moved = new Uint8Array(count);
  for (const row of inTime(test)) {
    const user = users[row]!;
    const own = known.get(user) ?? {
      first: [...history.subarray(historyStarts[row], historyEnds[row])],
      since: [],
    };
    first[row] = own.first;
    longer[row] = [...own.first, ...own.since];
    moved[row] = own.since.length > 0 ? 1 : 0;
    known.set(user, { ...own, since: [...own.since, ...clickedIn(test, row)] });
  }
  return { still: withHistories(test, first), longer: withHistories(test, longer), moved };
}

/** Vectors of the users of all impressions, each following its user's clicks from the first history on; [R * D]. */
function followedVectors(
  test: Impressions,
  { data, rows, width }: NewsVectors,
  fresh: (user?: number) => UserState,
): { vectors: Float32Array; exact: boolean } {
  const { history, historyStarts, historyEnds, users, count } = test;
  const states = new Map<number, UserState>();
  const vectors = new Float32Array(count * width);
  let exact = true;
  const click = (state: UserState, news: number): void => {
    state.click(data.subarray(rows[news]! * width, (rows[news]! + 1) * width));
  };
  for (const row of inTime(test)) {
    const user = users[row]!;
    let state = states.get(user);
    if (!state) {
      states.set(user, (state = fresh(user)));
      for (const news of history.subarray(historyStarts[row], historyEnds[row])) click(state, news);
    }
    vectors.set(state.vector(), row * width);
    exact &&= state.exact;
    for (const news of clickedIn(test, row)) click(state, news);
  }
  return { vectors, exact };
}

/** Inner products of users and the candidates of their impressions. */
function productScores({ candidates }: Impressions, users: Float32Array, news: NewsVectors): Float32Array {
  const { data, rows, width } = news;
  const scores = new Float32Array(candidates.values.length);
  for (let row = 0; row + 1 < candidates.offsets.length; row++)
    for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++) {
      const item = rows[candidates.values[at]!]! * width;
      let sum = 0;
      for (let k = 0; k < width; k++) sum += users[row * width + k]! * data[item + k]!;
      scores[at] = sum;
    }
  return scores;
}

/** Mean and largest relative distance of some rows of vectors. */
function driftOf(
  followed: Float32Array,
  whole: Float32Array,
  width: number,
  rows: Int32Array,
): { mean: number; most: number } {
  const all = Float64Array.from(rows, (row) => {
    let [apart, long] = [0, 0];
    for (let k = row * width; k < (row + 1) * width; k++) {
      apart += (followed[k]! - whole[k]!) ** 2;
      long += whole[k]! ** 2;
    }
    return apart === 0 ? 0 : Math.sqrt(apart / long);
  });
  return {
    mean: all.reduce((sum, value) => sum + value, 0) / all.length,
    most: all.reduce((most, value) => Math.max(most, value), 0),
  };
}

/**
 * Follows the users of a news run's test in the order of time: a user's history is that of their first impression in
 * it, and what they click from then on moves their vector. Three ways are compared over the impressions of those who
 * had clicked in an earlier one: the history as it was, the vector that followed the clicks one by one, and the longer
 * history read again. Nothing is trained.
 *
 * @throws UserError for a model whose users cannot be followed, and where no user comes twice.
 */
export async function followRun(
  run: string,
  options: OpenRunOptions,
  console: JobConsole,
): Promise<Followed> {
  const { model, open } = await openNewsReplay(run, options, console);
  const { scorer, recommender, recipe } = open;
  try {
    const fresh = userStates(recommender);
    if (!fresh)
      throw new UserError(
        `${run}: --follow needs vectors of users that follow their clicks, of a model without defects in what is ` +
          `read, got ${model.title}`,
      );
    const { test } = open.opened.parts;
    const { still, longer, moved } = movingUsers(test);
    const vectors = await scorer.encode(newsIn(recommender.catalogue, longer));
    const found = followedVectors(still, vectors, fresh);
    const clicks = Array.from({ length: test.count }, (_, row) => {
      const end = longer.historyEnds[row]!;
      const start = Math.max(longer.historyStarts[row]!, end - recommender.options.history);
      return longer.history.subarray(start, end);
    });
    const whole = new Float32Array(found.vectors.length);
    for (let from = 0; from < test.count; from += 256)
      whole.set(
        await scorer.users(clicks.slice(from, from + 256), vectors, test.users.subarray(from, from + 256)),
        from * vectors.width,
      );
    const { ties } = newsEvaluationOf(recipe);
    const ways = {
      still: evaluateImpressions(test, await scorer.score(still, vectors), { ties }),
      followed: evaluateImpressions(test, productScores(test, found.vectors, vectors), { ties }),
      whole: evaluateImpressions(test, productScores(test, whole, vectors), { ties }),
    };
    const rows = Int32Array.from(moved.keys()).filter(
      (row) => moved[row] === 1 && !Number.isNaN(ways.still.values['auc']![row]),
    );
    if (rows.length === 0)
      throw new UserError(`${run}: --follow needs users who come more than once, the test has none`);
    const only = ({ values, tied }: typeof ways.still) =>
      summariseImpressions({
        values: Object.fromEntries(
          Object.entries(values).map(([name, all]) => [name, Float64Array.from(rows, (row) => all[row]!)]),
        ),
        tied: Uint8Array.from(rows, (row) => tied[row]!),
      }).means;
    const of = (way: typeof ways.still, metric: string): Float64Array =>
      Float64Array.from(rows, (row) => way.values[metric]![row]!);
    const root = RandomStream.fromSeed(recipe.seed).split('follow');
    return {
      impressions: test.count,
      moved: rows.length,
      means: { still: only(ways.still), followed: only(ways.followed), whole: only(ways.whole) },
      gain: Object.fromEntries(
        impressionMetrics.map((metric) => [
          metric,
          comparePaired(of(ways.followed, metric), of(ways.still, metric), { random: root.split(metric) }),
        ]),
      ),
      drift: { ...driftOf(found.vectors, whole, vectors.width, rows), exact: found.exact },
    };
  } finally {
    open.dispose();
  }
}

/** What following found, for the terminal. */
export function formatFollowed({ impressions, moved, means, gain, drift }: Followed): string {
  const table: Table = {
    columns: [
      { key: 'way', title: 'the user' },
      ...impressionMetrics.map((key) => ({
        key,
        title: metricTitle(key),
        kind: 'number' as const,
        decimals: 4,
      })),
    ],
    rows: [
      { way: 'stands still', ...means.still },
      { way: 'follows the clicks', ...means.followed },
      { way: 'read again', ...means.whole },
    ],
  };
  const lines = Object.entries(gain).map(
    ([metric, { difference, low, high, permutation }]) =>
      `  ${metricTitle(metric).padEnd(8)} ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}  95 % interval ` +
      `${low.toFixed(4)} to ${high.toFixed(4)}, p ${permutation < 0.001 ? '< 0.001' : permutation.toFixed(3)}`,
  );
  return [
    `${moved} of ${impressions} impressions are of users who had clicked in an earlier one`,
    tableToText(table).trimEnd(),
    '',
    'What following the clicks gained over standing still',
    ...lines,
    '',
    `Vectors that followed are ${drift.mean.toExponential(1)} of their length from those read again in the mean, ` +
      `${drift.most.toExponential(1)} at most${drift.exact ? ' (exact but for rounding)' : ' (an approximation)'}`,
  ].join('\n');
}

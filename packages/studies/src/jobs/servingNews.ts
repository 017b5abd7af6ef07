import { compile, tf } from '@ferry/engine';
import {
  rowOf,
  type Impressions,
  type NewsRecommender,
  type NewsScorer,
  type NewsVectors,
} from '@ferry/nrms';
import type { OpenNewsRun } from './openNews.ts';
import type { ScoredItem, ServedRun } from './served.ts';

/** Seconds before the last impression within which a news must have been shown to be recommended. */
const recently = 2 * 86_400;

/** News that the last impressions show, in order of their number. */
function recentNews(splits: Readonly<Record<string, Impressions>>, count: number): Int32Array {
  const all = Object.values(splits);
  let last = -Infinity;
  for (const { times } of all) for (const time of times) last = Math.max(last, time);
  const shown = new Uint8Array(count + 1);
  for (const own of all)
    for (let r = 0; r < own.count; r++)
      if (own.times[r]! > last - recently) for (const news of rowOf(own.candidates, r)) shown[news] = 1;
  return Int32Array.from(shown.keys()).filter((news) => news > 0 && shown[news] === 1);
}

/** The latest impression of each user: its split and row. */
function latestOf(
  splits: Readonly<Record<string, Impressions>>,
  users: number,
): { of: Impressions; row: number }[] {
  const latest = new Array<{ of: Impressions; row: number }>(users);
  for (const of of Object.values(splits))
    for (let row = 0; row < of.count; row++) {
      const known = latest[of.users[row]!];
      if (!known || known.of.times[known.row]! <= of.times[row]!) latest[of.users[row]!] = { of, row };
    }
  return latest;
}

/** What scores candidates behind a history, one request at a time. */
export interface NewsRanker {
  /**
   * Scores of candidates, in their order.
   *
   * @param history - Numbers of news, oldest first.
   * @param user - Whose history it is, by their number; nobody's by default.
   */
  score(history: Int32Array, candidates: Int32Array, user?: number): Promise<Float32Array>;
  /** Frees what it holds. */
  dispose(): void;
}

/** Scores of the same many news for every user: one product with a table that is made once. */
function tableScores(
  { width, data, rows }: NewsVectors,
  numbers: Int32Array,
): { numbers: Int32Array; scores(user: Float32Array): Promise<Float32Array>; dispose(): void } {
  const own = new Float32Array(numbers.length * width);
  numbers.forEach((number, at) => {
    own.set(data.subarray(rows[number]! * width, (rows[number]! + 1) * width), at * width);
  });
  const table = tf.tensor2d(own, [numbers.length, width]);
  const product = compile((all: tf.Tensor2D, user: tf.Tensor2D) => tf.matMul(all, user), {
    name: 'serve.products',
  });
  return {
    numbers,
    scores: async (user) => {
      const column = tf.tensor2d(user, [width, 1]);
      const found = product(table, column);
      const scores = (await found.data()) as Float32Array;
      tf.dispose([column, found]);
      return scores;
    },
    dispose: () => {
      product.dispose();
      table.dispose();
    },
  };
}

/**
 * Ranks from vectors of all news, made once.
 *
 * @param all - News that are asked for again and again: this array as candidates is scored by one product.
 */
export function newsRanker(
  recommender: NewsRecommender,
  scorer: Pick<NewsScorer, 'users' | 'score'>,
  vectors: NewsVectors,
  all?: Int32Array,
): NewsRanker {
  const most = all && recommender.model.scoring.kind === 'product' ? tableScores(vectors, all) : undefined;
  const { model, options } = recommender;
  const { width, data, rows } = vectors;
  return {
    score: async (history, candidates, user = -1) => {
      if (model.scoring.kind === 'pairs')
        return scorer.score(
          {
            ...{ source: 'a request', count: 1, ids: Float64Array.of(1), users: Int32Array.of(user) },
            ...{ times: Float64Array.of(0), history },
            ...{ historyStarts: Int32Array.of(0), historyEnds: Int32Array.of(history.length) },
            candidates: { offsets: Int32Array.of(0, candidates.length), values: candidates },
          },
          vectors,
        );
      const newest = history.subarray(Math.max(0, history.length - options.history));
      // One pass over the newest clicks is no slower than a state that follows them (npm run bench:user-states).
      const own = await scorer.users([newest], vectors, Int32Array.of(user));
      if (candidates === most?.numbers) return most.scores(own);
      const scores = new Float32Array(candidates.length);
      candidates.forEach((number, c) => {
        const from = rows[number]! * width;
        let sum = 0;
        for (let k = 0; k < width; k++) sum += own[k]! * data[from + k]!;
        scores[c] = sum;
      });
      return scores;
    },
    dispose: () => {
      most?.dispose();
    },
  };
}

/** Places of the largest scores, best first; equal ones in their order. */
export function topPlaces(scores: Float32Array, most: number, allowed: (place: number) => boolean): number[] {
  const best: number[] = [];
  for (let at = 0; at < scores.length; at++) {
    if (best.length === most && scores[at]! <= scores[best[most - 1]!]!) continue;
    if (!allowed(at)) continue;
    let place = best.length === most ? most - 1 : best.length;
    for (; place > 0 && scores[best[place - 1]!]! < scores[at]!; place--) best[place] = best[place - 1]!;
    best[place] = at;
  }
  return best;
}

/**
 * A run of a news model held open to answer requests: the vectors of all news are made once, recommended are those that the
 * last two days of the data show.
 *
 * @param named - What the run is called.
 */
export async function openServingNews(
  open: OpenNewsRun,
  { run }: Pick<ServedRun, 'run'>,
): Promise<ServedRun> {
  const { opened, recommender, scorer, checkpoint } = open;
  const { data, name: domain } = opened;
  const { news, users, splits } = data;
  const vectors = await scorer.encode(Int32Array.from({ length: news.count }, (_, at) => at + 1));
  const recent = recentNews(splits, news.count);
  const ranker = newsRanker(recommender, scorer, vectors, recent);
  const latest = latestOf(splits, users.size);
  const numbersOf = (ids: readonly string[]): Int32Array =>
    Int32Array.from(ids, (id) => news.ids.findText(id));
  const userOf = (user: string | undefined): number => (user === undefined ? -1 : users.findText(user));
  const item = (number: number, score: number): ScoredItem => ({
    id: news.ids.text(number),
    title: news.titles[number]!,
    score,
  });
  return {
    ...{ run, domain, checkpoint, model: recommender.model.name, items: recent.length },
    hasItem: (id) => news.ids.findText(id) > 0,
    historyOf: (user) => {
      const found = latest[users.findText(user)];
      if (!found) return undefined;
      const { of, row } = found;
      const shown = rowOf(of.candidates, row);
      const from = of.candidates.offsets[row]!;
      const clicked = shown.filter((_, at) => of.labels?.[from + at] === 1);
      return [...of.history.subarray(of.historyStarts[row], of.historyEnds[row]), ...clicked].map((number) =>
        news.ids.text(number),
      );
    },
    recommend: async (history, { top, again, user }) => {
      const known = numbersOf(history);
      const scores = await ranker.score(known, recent, userOf(user));
      const read = new Set(again ? [] : known);
      return topPlaces(scores, top, (at) => !read.has(recent[at]!)).map((at) =>
        item(recent[at]!, scores[at]!),
      );
    },
    rank: async (history, candidates, user) => {
      const numbers = numbersOf(candidates);
      const scores = await ranker.score(numbersOf(history), numbers, userOf(user));
      return topPlaces(scores, numbers.length, () => true).map((at) => item(numbers[at]!, scores[at]!));
    },
    dispose: () => {
      ranker.dispose();
      open.dispose();
    },
  };
}

import { compile, embedding, tf } from '@ferry/engine';
import { clicksOf, padClicks } from './batches.ts';
import type { NewsInputs, NewsStep } from './contract.ts';
import { newsIn, rowOf } from './mind/rows.ts';
import type { Impressions, NumberLists } from './mind/types.ts';
import { disposeInputs } from './inputs.ts';
import type { NewsRecommender } from './recommender.ts';
import { candidateScores, clicksAt, type StepInputs, userRows } from './step.ts';
import { lengthOf } from './words/tokens.ts';

/** Clicks by their places among the vectors, and whose they are. */
type Histories = Pick<StepInputs, 'clicked' | 'users'>;

/** Vectors of news, encoded once. Shape letters: M news that were asked for, D width. */
export interface NewsVectors {
  /** D */
  readonly width: number;
  /** Row of each news among the vectors, 0 for those that were not asked for; [N + 1]. */
  readonly rows: Int32Array;
  /** [(M + 1) * D], row-major; row 0 is the empty news. */
  readonly data: Float32Array;
}

/** What ranks impressions with the present weights. */
export interface NewsScorer {
  /** Vectors of some news. */
  encode(numbers: Int32Array): Promise<NewsVectors>;
  /**
   * Vectors of users from what they clicked, [users * D], for a model that has such.
   *
   * @param clicks - Numbers of news, oldest first, at most H; all among the vectors.
   * @param who - Whose clicks they are, for a model that knows users; nobody's by default.
   */
  users(clicks: readonly Int32Array[], vectors: NewsVectors, who?: Int32Array): Promise<Float32Array>;
  /**
   * Scores of all candidates of some impressions, in their order.
   *
   * @param vectors - Of all their news, made before; default made now.
   */
  score(impressions: Impressions, vectors?: NewsVectors): Promise<Float32Array>;
  /** Frees compiled functions. */
  dispose(): void;
}

/**
 * Impressions by their history, so that each is encoded once: users have the same in many.
 *
 * @param apart - Whether the same history is another one of another user.
 */
function distinctHistories(
  { count, historyStarts, historyEnds, users }: Impressions,
  apart: boolean,
): {
  /** An impression of each. */
  first: number[];
  /** The impressions of each, a row for each. */
  impressions: NumberLists;
} {
  const seen = new Map<number | string, number>();
  const first: number[] = [];
  const of = Int32Array.from({ length: count }, (_, r) => {
    const [start, length] = [historyStarts[r]!, historyEnds[r]! - historyStarts[r]!];
    // No history has two million clicks.
    const history = length === 0 ? -1 : start * 2 ** 21 + length;
    const key = apart ? `${users[r]!} ${history}` : history;
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, first.length);
    return first.push(r) - 1;
  });
  const offsets = new Int32Array(first.length + 1);
  for (const history of of) offsets[history + 1]!++;
  for (let history = 0; history < first.length; history++) offsets[history + 1]! += offsets[history]!;
  const at = offsets.slice();
  const values = new Int32Array(count);
  of.forEach((history, r) => (values[at[history]!++] = r));
  return { first, impressions: { offsets, values } };
}

/** Rows in order of their length, cut into batches. */
function byLength(lengths: Int32Array, size: number): Int32Array[] {
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) =>
    order.subarray(i * size, (i + 1) * size),
  );
}

/** News that pass encoders together: with texts of 30 tokens and a width of 768, 190 MB of inner activations. */
const newsTogether = 256;

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

/**
 * What ranks with a recommender: news are encoded once, users once for each history there is, and candidates scored
 * from the vectors of both, or, of a model that has no vectors of users, behind each history.
 *
 * @param options - `batchSize`: histories at once.
 */
export function createNewsScorer(
  recommender: NewsRecommender,
  { batchSize = 512 }: { batchSize?: number } = {},
): NewsScorer {
  const { model, options, catalogue, parameters: p } = recommender;
  const step: NewsStep = { p, options, training: false };
  const news = compile((given: NewsInputs) => recommender.news(step, given), {
    name: `${model.name}.news`,
  });
  const { scoring } = model;
  const whole = options.defects.includes('long-history');
  const users = compile(
    (vectors: tf.Tensor2D, histories: Histories) => {
      if (scoring.kind !== 'product') throw new Error(`${model.name} has no vectors of users`);
      return scoring.users(step, clicksAt(vectors, histories));
    },
    { name: `${model.name}.users` },
  );
  const pairs = compile(
    (vectors: tf.Tensor2D, histories: Histories, shown: tf.Tensor2D) =>
      candidateScores(model, step, clicksAt(vectors, histories), embedding(vectors, shown) as tf.Tensor3D),
    { name: `${model.name}.pairs` },
  );

  // What encoders compute within is many times what a news encoder of words does.
  const together = catalogue.encoded ? Math.min(newsTogether, 2 * batchSize) : 2 * batchSize;
  const encode = async (numbers: Int32Array): Promise<NewsVectors> => {
    const titles = catalogue.words?.titles;
    const lengths = numbers.map((number) => (titles ? lengthOf(titles, number) : 0));
    const rows = new Int32Array(catalogue.count + 1);
    let data = new Float32Array(0);
    let width = 0;
    let row = 1;
    for (const batch of byLength(lengths, together)) {
      const given = recommender.inputs(Int32Array.from([0, ...Array.from(batch, (i) => numbers[i]!)]));
      const vectors = news(given);
      disposeInputs(given);
      width = vectors.shape[1];
      if (data.length === 0) data = new Float32Array((numbers.length + 1) * width);
      const values = await read(vectors);
      // Every batch begins with the empty news, whose place is the first.
      data.set(values.subarray(0, width));
      data.set(values.subarray(width), row * width);
      for (const i of batch) rows[numbers[i]!] = row++;
    }
    return { width, rows, data };
  };

  const histories = ({ rows }: NewsVectors, clicks: readonly Int32Array[], who: Int32Array): Histories => {
    const { length, news: own } = padClicks(clicks, options);
    const places = own.map((number) => rows[number]!);
    return {
      clicked: tf.tensor2d(places, [clicks.length, length], 'int32'),
      ...userRows(catalogue, who),
    };
  };

  /** Histories are encoded batch by batch, and what they were shown is scored at once, so that no user is kept. */
  const byProduct = async (impressions: Impressions, vectors: NewsVectors): Promise<Float32Array> => {
    const { candidates, historyStarts, historyEnds } = impressions;
    const { width, data, rows } = vectors;
    const { first, impressions: owned } = distinctHistories(impressions, catalogue.users !== undefined);
    const lengths = Int32Array.from(first, (r) =>
      Math.min(historyEnds[r]! - historyStarts[r]!, options.history),
    );
    const scores = new Float32Array(candidates.values.length);
    const table = tf.tensor2d(data, [data.length / width, width]);
    for (const batch of byLength(lengths, batchSize)) {
      const clicks = Array.from(batch, (history) =>
        clicksOf(impressions, first[history]!, options, { whole }),
      );
      const who = batch.map((history) => impressions.users[first[history]!]!);
      const given = histories(vectors, clicks, who);
      const own = await read(users(table, given));
      tf.dispose(Object.values(given));
      for (const [b, history] of batch.entries())
        for (const r of rowOf(owned, history))
          for (let at = candidates.offsets[r]!; at < candidates.offsets[r + 1]!; at++) {
            const item = rows[candidates.values[at]!]! * width;
            let sum = 0;
            for (let k = 0; k < width; k++) sum += own[b * width + k]! * data[item + k]!;
            scores[at] = sum;
          }
    }
    table.dispose();
    return scores;
  };

  /** Every candidate behind its history, in batches of similar length. */
  const byPairs = async (impressions: Impressions, vectors: NewsVectors): Promise<Float32Array> => {
    const { candidates, count } = impressions;
    const { width, data, rows } = vectors;
    const owner = new Int32Array(candidates.values.length);
    for (let r = 0; r < count; r++) owner.fill(r, candidates.offsets[r], candidates.offsets[r + 1]);
    const clicks = Array.from({ length: count }, (_, r) => clicksOf(impressions, r, options, { whole }));
    const scores = new Float32Array(owner.length);
    const table = tf.tensor2d(data, [data.length / width, width]);
    const lengths = owner.map((r) => clicks[r]!.length);
    for (const batch of byLength(lengths, batchSize)) {
      const own = histories(
        vectors,
        Array.from(batch, (at) => clicks[owner[at]!]!),
        batch.map((at) => impressions.users[owner[at]!]!),
      );
      const shown = tf.tensor2d(
        batch.map((at) => rows[candidates.values[at]!]!),
        [batch.length, 1],
        'int32',
      );
      const values = await read(pairs(table, own, shown));
      tf.dispose([...Object.values(own), shown]);
      batch.forEach((at, b) => (scores[at] = values[b]!));
    }
    table.dispose();
    return scores;
  };

  /** From a table of the clicked news alone, so that one user costs no copy of all vectors. */
  const usersOf = async (
    clicks: readonly Int32Array[],
    { width, data, rows }: NewsVectors,
    who: Int32Array = new Int32Array(clicks.length).fill(-1),
  ): Promise<Float32Array> => {
    const { length, news: own } = padClicks(clicks, options);
    const table = new Float32Array((own.length + 1) * width);
    table.set(data.subarray(0, width));
    const at = own.map((number, place) => {
      if (number === 0) return 0;
      const row = rows[number]! * width;
      table.set(data.subarray(row, row + width), (place + 1) * width);
      return place + 1;
    });
    const vectors = tf.tensor2d(table, [own.length + 1, width]);
    const given: Histories = {
      clicked: tf.tensor2d(at, [clicks.length, length], 'int32'),
      ...userRows(catalogue, who),
    };
    const found = await read(users(vectors, given));
    tf.dispose([vectors, ...Object.values(given)]);
    return found;
  };

  return {
    encode,
    users: usersOf,
    score: async (impressions, made) => {
      const vectors = made ?? (await encode(newsIn(catalogue, impressions)));
      return (scoring.kind === 'product' ? byProduct : byPairs)(impressions, vectors);
    },
    dispose: () => {
      for (const compiled of [news, users, pairs]) compiled.dispose();
    },
  };
}

import { compile, embedding, tf } from '@ferry/engine';
import { fromBfloat16, paddingMask, toBfloat16 } from '@ferry/nn';
import { clicksOf, padClicks } from './batches.ts';
import type { Clicks, NewsInputs, NewsStep } from './contract.ts';
import type { Impressions } from './mind/types.ts';
import { candidateScores, disposeInputs, type NewsRecommender } from './recommender.ts';
import { lengthOf } from './words/tokens.ts';

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
   * @param clicks - Numbers of news, oldest first; all among the vectors.
   */
  users(clicks: readonly Int32Array[], news: NewsVectors): Promise<Float32Array>;
  /**
   * Scores of all candidates of some impressions, in their order.
   *
   * @param vectors - Of all their news, made before; default made now.
   */
  score(impressions: Impressions, vectors?: NewsVectors): Promise<Float32Array>;
  /** Frees compiled functions. */
  dispose(): void;
}

/** Numbers of the news that some impressions show or their users clicked, in order. */
function newsIn(count: number, { history, candidates }: Impressions): Int32Array {
  const known = new Uint8Array(count + 1);
  for (const news of history) known[news] = 1;
  for (const news of candidates.values) known[news] = 1;
  known[0] = 0;
  return Int32Array.from(known.keys()).filter((news) => known[news] === 1);
}

/** Impressions by their history, so that each is encoded once: users have the same in many. */
function distinctHistories({ count, historyStarts, historyEnds, history }: Impressions): {
  /** An impression of each. */
  first: number[];
  /** Which history an impression has, [R]. */
  of: Int32Array;
} {
  const seen = new Map<number, number>();
  const first: number[] = [];
  const of = Int32Array.from({ length: count }, (_, r) => {
    const [start, end] = [historyStarts[r]!, historyEnds[r]!];
    const key = start === end ? -1 : start * (history.length + 1) + end;
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, first.length);
    return first.push(r) - 1;
  });
  return { first, of };
}

/** Rows in order of their length, cut into batches. */
function byLength(lengths: readonly number[], size: number): Int32Array[] {
  const order = Int32Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) =>
    order.subarray(i * size, (i + 1) * size),
  );
}

async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

/**
 * What ranks with a recommender: news are encoded once, users once for each history there is, and candidates scored
 * from the vectors of both.
 *
 * @param options - `batchSize`: histories at once.
 */
export function createNewsScorer(
  recommender: NewsRecommender,
  { batchSize = 512 }: { batchSize?: number } = {},
): NewsScorer {
  const { model, options, catalogue, parameters: p } = recommender;
  const step: NewsStep = { p, options, training: false };
  const { scoring } = model;
  const whole = options.defects.includes('long-history');
  const news = compile((given: NewsInputs) => model.news(step, given), {
    name: `${model.name}.news`,
  });
  const clicksFrom = (vectors: tf.Tensor2D, places: tf.Tensor2D): Clicks => ({
    vectors: embedding(vectors, places) as tf.Tensor3D,
    hidden: paddingMask(places) as tf.Tensor2D,
  });
  const users = compile(
    (vectors: tf.Tensor2D, places: tf.Tensor2D) => {
      if (scoring.kind !== 'product') throw new Error(`${model.name} has no vectors of users`);
      return scoring.users(step, clicksFrom(vectors, places));
    },
    { name: `${model.name}.users` },
  );
  const pairs = compile(
    (vectors: tf.Tensor2D, places: tf.Tensor2D, candidates: tf.Tensor2D) =>
      candidateScores(
        model,
        step,
        clicksFrom(vectors, places),
        embedding(vectors, candidates) as tf.Tensor3D,
      ),
    { name: `${model.name}.pairs` },
  );

  const encode = async (numbers: Int32Array): Promise<NewsVectors> => {
    const titles = catalogue.words?.titles;
    const lengths = Array.from(numbers, (number) => (titles ? lengthOf(titles, number) : 0));
    const rows = new Int32Array(catalogue.count + 1);
    let data = new Float32Array(0);
    let width = 0;
    let row = 1;
    for (const batch of byLength(lengths, 2 * batchSize)) {
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

  const places = ({ rows }: NewsVectors, clicks: readonly Int32Array[]): tf.Tensor2D => {
    const { length, news: own } = padClicks(clicks, options);
    return tf.tensor2d(
      own.map((number) => rows[number]!),
      [clicks.length, length],
      'int32',
    );
  };

  const usersOf = async (clicks: readonly Int32Array[], vectors: NewsVectors): Promise<Float32Array> => {
    const { width, data } = vectors;
    const found = new Float32Array(clicks.length * width);
    const table = tf.tensor2d(data, [data.length / width, width]);
    for (const batch of byLength(
      clicks.map(({ length }) => length),
      batchSize,
    )) {
      const own = places(
        vectors,
        Array.from(batch, (i) => clicks[i]!),
      );
      const values = await read(users(table, own));
      own.dispose();
      batch.forEach((i, b) => {
        found.set(values.subarray(b * width, (b + 1) * width), i * width);
      });
    }
    table.dispose();
    return found;
  };

  const byProduct = async (impressions: Impressions, vectors: NewsVectors): Promise<Float32Array> => {
    const { candidates, count } = impressions;
    const { first, of } = distinctHistories(impressions);
    const own = await usersOf(
      first.map((r) => clicksOf(impressions, r, options, { whole })),
      vectors,
    );
    const { width, data, rows } = vectors;
    const scores = new Float32Array(candidates.values.length);
    for (let r = 0; r < count; r++) {
      const user = of[r]! * width;
      for (let at = candidates.offsets[r]!; at < candidates.offsets[r + 1]!; at++) {
        const item = rows[candidates.values[at]!]! * width;
        let sum = 0;
        for (let k = 0; k < width; k++) sum += own[user + k]! * data[item + k]!;
        scores[at] = sum;
      }
    }
    return scores;
  };

  const byPairs = async (impressions: Impressions, vectors: NewsVectors): Promise<Float32Array> => {
    const { candidates, count } = impressions;
    const owner = new Int32Array(candidates.values.length);
    for (let r = 0; r < count; r++) owner.fill(r, candidates.offsets[r], candidates.offsets[r + 1]);
    const clicks = Array.from({ length: count }, (_, r) => clicksOf(impressions, r, options, { whole }));
    const scores = new Float32Array(owner.length);
    const { width, data, rows } = vectors;
    const table = tf.tensor2d(data, [data.length / width, width]);
    for (const batch of byLength(
      Array.from(owner, (r) => clicks[r]!.length),
      batchSize,
    )) {
      const own = places(
        vectors,
        Array.from(batch, (at) => clicks[owner[at]!]!),
      );
      const shown = tf.tensor2d(
        batch.map((at) => rows[candidates.values[at]!]!),
        [batch.length, 1],
        'int32',
      );
      const values = await read(pairs(table, own, shown));
      tf.dispose([own, shown]);
      batch.forEach((at, b) => (scores[at] = values[b]!));
    }
    table.dispose();
    return scores;
  };

  return {
    encode,
    users: usersOf,
    score: async (impressions, made) => {
      const vectors = made ?? (await encode(newsIn(catalogue.count, impressions)));
      const scores = await (scoring.kind === 'product' ? byProduct : byPairs)(impressions, vectors);
      return options.defects.includes('bf16-scores')
        ? scores.map((score) => fromBfloat16(toBfloat16(score)))
        : scores;
    },
    dispose: () => {
      for (const compiled of [news, users, pairs]) compiled.dispose();
    },
  };
}

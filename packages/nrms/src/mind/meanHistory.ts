import { wordsOf, type Tokeniser } from '../words/tokenise.ts';
import { historyOf } from './rows.ts';
import type { Impressions, News } from './types.ts';

/** Vectors of the news 1..N. */
export interface VectorTable {
  /** F */
  readonly width: number;
  /** [N * F] */
  readonly data: Float32Array;
  /** 1 where a news has one, [N]. */
  readonly present: Uint8Array;
}

/** Numbers of a news, each with its weight: a vector most of which is 0. */
interface SparseRow {
  readonly at: readonly number[];
  readonly weights: readonly number[];
}

/** Scores every candidate by the sum of what was clicked: one profile for each history, made when it changes. */
function scoreProfiles(
  impressions: Impressions,
  profileOf: (clicks: Int32Array) => (news: number) => number,
): Float64Array {
  const { candidates, count, historyStarts, historyEnds } = impressions;
  const scores = new Float64Array(candidates.values.length);
  const known = new Map<string, (news: number) => number>();
  for (let row = 0; row < count; row++) {
    const key = `${historyStarts[row]!} ${historyEnds[row]!}`;
    let own = known.get(key);
    if (!own) {
      // A user's impressions often follow one another; profiles of all users would be many.
      known.clear();
      known.set(key, (own = profileOf(historyOf(impressions, row))));
    }
    for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++)
      scores[at] = own(candidates.values[at]!);
  }
  return scores;
}

/**
 * Mean history: each candidate by the cosine, or the inner product, of its vector and the mean of the vectors of what the
 * user clicked. Needs no training, so it is what frozen vectors are worth by themselves. 0 for users without a history
 * that has vectors, and for news without one.
 *
 * @param vectors - Of all news, such as an encoder's of titles.
 */
export function meanHistoryScores(
  impressions: Impressions,
  { width, data, present }: VectorTable,
  { similarity = 'cosine' }: { similarity?: 'cosine' | 'dot' } = {},
): Float64Array {
  const lengths = Float64Array.from(present, (there, row) => {
    if (!there || similarity === 'dot') return 1;
    let squares = 0;
    for (let k = 0; k < width; k++) squares += data[row * width + k]! ** 2;
    return Math.sqrt(squares) || 1;
  });
  return scoreProfiles(impressions, (clicks) => {
    const profile = new Float64Array(width);
    let clicked = 0;
    for (const news of clicks) {
      if (!present[news - 1]) continue;
      clicked++;
      for (let k = 0; k < width; k++) profile[k]! += data[(news - 1) * width + k]!;
    }
    const length = similarity === 'dot' ? clicked : Math.hypot(...profile);
    return (news) => {
      if (!present[news - 1] || length === 0) return 0;
      let sum = 0;
      for (let k = 0; k < width; k++) sum += profile[k]! * data[(news - 1) * width + k]!;
      return sum / (length * lengths[news - 1]!);
    };
  });
}

/** Titles as TF-IDF vectors of length 1: log(N / df) for each word that is there. */
function tfIdf(news: News, tokeniser: Tokeniser): SparseRow[] {
  const numbers = new Map<string, number>();
  const texts = news.titles.map((title) => [...new Set(wordsOf(title, tokeniser))]);
  const counts: number[] = [];
  const rows = texts.map((words) =>
    words.map((word) => {
      const number = numbers.get(word) ?? numbers.size;
      numbers.set(word, number);
      counts[number] = (counts[number] ?? 0) + 1;
      return number;
    }),
  );
  const described = texts.filter((words) => words.length > 0).length;
  return rows.map((at) => {
    const weights = at.map((word) => Math.log(described / counts[word]!));
    const length = Math.hypot(...weights) || 1;
    return { at, weights: weights.map((weight) => weight / length) };
  });
}

/**
 * Mean history by words: each candidate by the cosine of the TF-IDF vectors of its title and of the clicked titles
 * together. Needs no training and no encoder.
 */
export function wordHistoryScores(
  impressions: Impressions,
  news: News,
  { tokeniser = 'segmenter' }: { tokeniser?: Tokeniser } = {},
): Float64Array {
  const rows = tfIdf(news, tokeniser);
  return scoreProfiles(impressions, (clicks) => {
    const profile = new Map<number, number>();
    for (const click of clicks) {
      const { at, weights } = rows[click]!;
      at.forEach((word, i) => profile.set(word, (profile.get(word) ?? 0) + weights[i]!));
    }
    const length = Math.hypot(...profile.values()) || 1;
    return (number) => {
      const { at, weights } = rows[number]!;
      return at.reduce((sum, word, i) => sum + (profile.get(word) ?? 0) * weights[i]!, 0) / length;
    };
  });
}

/** News, impressions and NRMS of the paper's sizes at the shape of MIND-small, of noise. */
import type { RandomStream } from '@ferry/engine';
import {
  createNewsRecommender,
  nrms,
  type Impressions,
  type NewsOptions,
  type NewsRecommender,
} from '@ferry/nrms';

/** MIND-small: news of dev, words in titles, users. */
export const [N, words] = [42_416, 30_000];
const users = 50_000;
// Popularity falls steeply, as clicks of news do.
const popular = (random: RandomStream): number => 1 + Math.floor(N * random.uniform() ** 2.5);

/** Titles of one length, or of MIND's: 11.5 words in the mean. */
function titlesOf(
  random: RandomStream,
  full: boolean,
): { longest: number; tokens: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(N + 2);
  for (let n = 1; n <= N; n++) {
    const length = full ? 30 : Math.min(30, Math.max(3, Math.round(11.5 + 3.5 * random.normal())));
    starts[n + 1] = starts[n]! + length;
  }
  const tokens = Int32Array.from({ length: starts[N + 1]! }, () => 2 + random.integer(words - 2));
  return { longest: 30, tokens, starts };
}

/** Impressions of users with histories of up to 50 clicks. */
export function impressionsOf(
  random: RandomStream,
  count: number,
  { full, shown }: { full: boolean; shown: number },
): Impressions {
  const owners = Math.min(users, count);
  const ends = new Int32Array(owners);
  for (let u = 0; u < owners; u++)
    ends[u] = (ends[u - 1] ?? 0) + (full ? 50 : Math.ceil(50 * random.uniform() ** 1.5));
  const history = Int32Array.from({ length: ends[owners - 1]! }, () => popular(random));
  const own = Int32Array.from({ length: count }, (_, r) => r % owners);
  const offsets = Int32Array.from({ length: count + 1 }, (_, r) => r * shown);
  const labels = new Uint8Array(count * shown);
  for (let r = 0; r < count; r++) labels[r * shown + random.integer(shown)] = 1;
  return {
    source: 'generated',
    count,
    ids: Float64Array.from({ length: count }, (_, r) => r + 1),
    users: own,
    times: new Float64Array(count),
    history,
    historyStarts: own.map((u) => ends[u - 1] ?? 0),
    historyEnds: own.map((u) => ends[u]!),
    candidates: { offsets, values: Int32Array.from({ length: count * shown }, () => popular(random)) },
    labels,
  };
}

/** NRMS of learned words. */
export function recommenderOf(random: RandomStream, full: boolean): NewsRecommender {
  const options = nrms.complete(nrms.options.parse({}) as object) as NewsOptions;
  const vocabulary = { words: [], size: words, find: () => 1 };
  return createNewsRecommender(nrms, {
    options,
    catalogue: { count: N, words: { vocabulary, titles: titlesOf(random, full) } },
    seed: 1,
  });
}

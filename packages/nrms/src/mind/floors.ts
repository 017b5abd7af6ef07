import { historyOf } from './rows.ts';
import type { Impressions, News } from './types.ts';

/** A score for each candidate, by impression and the candidate's news. */
function scoreAll(
  { candidates, count }: Impressions,
  score: (row: number, news: number) => number,
): Float64Array {
  const scores = new Float64Array(candidates.values.length);
  for (let row = 0; row < count; row++)
    for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++)
      scores[at] = score(row, candidates.values[at]!);
  return scores;
}

/** Clicks of each news in impressions; Float64 [N + 1]. */
export function clickCounts({ candidates, labels }: Impressions, news: News): Float64Array {
  const clicks = new Float64Array(news.count + 1);
  candidates.values.forEach((number, at) => (clicks[number]! += labels?.[at] ?? 0));
  return clicks;
}

/**
 * Popularity: how often training has clicked each candidate. News change by the hour, so most candidates of a later day
 * have no click and are tied: read it beside the share of impressions that ties decide.
 */
export function popularityScores(impressions: Impressions, training: Impressions, news: News): Float64Array {
  const clicks = clickCounts(training, news);
  return scoreAll(impressions, (_, number) => clicks[number]!);
}

/**
 * Recency: the later a news was first shown to anyone, in training or in the impressions themselves, the better. MIND
 * has no dates of publication. No impression learns anything from a later one, since each shows its candidates itself.
 */
export function recencyScores(impressions: Impressions, training: Impressions, news: News): Float64Array {
  const first = new Float64Array(news.count + 1).fill(Infinity);
  for (const { candidates, times, count } of [training, impressions])
    for (let row = 0; row < count; row++)
      for (let at = candidates.offsets[row]!; at < candidates.offsets[row + 1]!; at++) {
        const number = candidates.values[at]!;
        first[number] = Math.min(first[number]!, times[row]!);
      }
  return scoreAll(impressions, (_, number) => first[number]!);
}

/**
 * Category preference: the share of the candidate's category in the user's history, with one click more that is spread
 * over the categories as the clicks of training are, so that a user without history gets those. News without a category
 * get 0.
 */
export function categoryScores(impressions: Impressions, training: Impressions, news: News): Float64Array {
  const { categories, categoryNames } = news;
  const prior = new Float64Array(categoryNames.length);
  clickCounts(training, news).forEach((clicks, number) => (prior[categories[number]!]! += clicks));
  prior[0] = 0;
  const clicks = prior.reduce((sum, own) => sum + own, 0);
  const taste = new Float64Array(categoryNames.length);
  let last = -1;
  return scoreAll(impressions, (row, number) => {
    if (row !== last) {
      last = row;
      for (let category = 0; category < taste.length; category++)
        taste[category] = clicks > 0 ? prior[category]! / clicks : 0;
      let known = 1;
      for (const clicked of historyOf(impressions, row))
        if (categories[clicked]! > 0) {
          taste[categories[clicked]!]!++;
          known++;
        }
      for (let category = 0; category < taste.length; category++) taste[category]! /= known;
    }
    const category = categories[number]!;
    return category === 0 ? 0 : taste[category]!;
  });
}

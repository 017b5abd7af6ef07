import { summariseLengths, type LengthSummary } from '@ferry/data';
import { decidableRows } from './select.ts';
import type { Impressions, MindData, News } from './types.ts';

/** What there is to say about the news of a data set. */
export interface NewsStatistics {
  /** News with a line in a file of news. */
  readonly described: number;
  /** News that behaviours alone name. */
  readonly unknown: number;
  /** Described news with a title, an abstract, an entity, a picture. */
  readonly having: Readonly<Record<'title' | 'abstract' | 'entities' | 'picture', number>>;
  /** News by category, the largest first. */
  readonly categories: readonly CategorySize[];
}

/** A category and its news. */
export interface CategorySize {
  /** As `news.tsv` has it. */
  readonly name: string;
  /** How many news it has. */
  readonly news: number;
}

/** Shares, in 0..1, of what earlier splits do not have. */
export interface FreshShares {
  /** Of the users. */
  readonly users: number;
  /** Of the candidates. */
  readonly candidates: number;
}

/** What there is to say about a data set. */
export interface MindStatistics {
  /** About its news. */
  readonly news: NewsStatistics;
  /** About its splits, in their order. */
  readonly splits: readonly SplitStatistics[];
}

/** What there is to say about the impressions of a split. */
export interface SplitStatistics {
  /** Name of the split. */
  readonly split: string;
  /** R. */
  readonly impressions: number;
  /** Users of the split. */
  readonly users: number;
  /** Candidates of all impressions. */
  readonly candidates: number;
  /** Clicked candidates; undefined in test files. */
  readonly clicks: number | undefined;
  /** Impressions with a clicked and another candidate; undefined in test files. */
  readonly decidable: number | undefined;
  /** First and last time, in seconds since 1970. */
  readonly times: readonly [from: number, to: number];
  /** Lengths of the lists of candidates. */
  readonly candidateLengths: LengthSummary;
  /** Lengths of the histories. */
  readonly historyLengths: LengthSummary;
  /** Impressions without a history. */
  readonly withoutHistory: number;
  /** What the splits before it do not have; undefined for the first. */
  readonly fresh: FreshShares | undefined;
}

function newsStatistics({
  titles,
  abstracts,
  titleEntities,
  abstractEntities,
  ...news
}: News): NewsStatistics {
  const having = { title: 0, abstract: 0, entities: 0, picture: 0 };
  const sizes = new Int32Array(news.categoryNames.length);
  for (let number = 1; number <= news.described; number++) {
    if (titles[number] !== '') having.title++;
    if (abstracts[number] !== '') having.abstract++;
    const [title, abstract] = [titleEntities.offsets, abstractEntities.offsets];
    if (title[number] !== title[number + 1] || abstract[number] !== abstract[number + 1]) having.entities++;
    if (news.images[number] !== undefined) having.picture++;
    sizes[news.categories[number]!]!++;
  }
  const categories = news.categoryNames
    .map((name, category) => ({ name, news: sizes[category]! }))
    .slice(1)
    .sort((a, b) => b.news - a.news);
  return { described: news.described, unknown: news.count - news.described, having, categories };
}

/** What earlier splits have shown. */
interface Seen {
  readonly users: Set<number>;
  readonly news: Uint8Array;
}

function splitStatistics(
  split: string,
  impressions: Impressions,
  seen: Seen,
  first: boolean,
): SplitStatistics {
  const { count, users, times, candidates, labels, historyStarts, historyEnds } = impressions;
  const own = new Set(users);
  let [from, to, withoutHistory, freshCandidates] = [Infinity, -Infinity, 0, 0];
  for (let row = 0; row < count; row++) {
    from = Math.min(from, times[row]!);
    to = Math.max(to, times[row]!);
    if (historyStarts[row] === historyEnds[row]) withoutHistory++;
  }
  for (const number of candidates.values) if (seen.news[number] === 0) freshCandidates++;
  const freshUsers = [...own].filter((user) => !seen.users.has(user)).length;
  for (const user of own) seen.users.add(user);
  for (const number of candidates.values) seen.news[number] = 1;
  for (const number of impressions.history) seen.news[number] = 1;
  return {
    split,
    impressions: count,
    users: own.size,
    candidates: candidates.values.length,
    clicks: labels?.reduce((sum, label) => sum + label, 0),
    decidable: labels && decidableRows(impressions).length,
    times: [from, to],
    candidateLengths: summariseLengths(candidates.offsets.subarray(0, count), candidates.offsets.subarray(1)),
    historyLengths: summariseLengths(historyStarts, historyEnds),
    withoutHistory,
    fresh: first
      ? undefined
      : { users: freshUsers / own.size, candidates: freshCandidates / candidates.values.length },
  };
}

/** What `ferry inspect` says about a data set of impressions: its news, and its splits in their order. */
export function mindStatistics({ news, splits }: MindData): MindStatistics {
  const seen: Seen = { users: new Set(), news: new Uint8Array(news.count + 1) };
  return {
    news: newsStatistics(news),
    splits: Object.entries(splits).map(([split, impressions], at) =>
      splitStatistics(split, impressions, seen, at === 0),
    ),
  };
}

import { createHash } from 'node:crypto';
import {
  categoryAspects,
  categoryGroups,
  clickCountGroups,
  clickCounts,
  coldNewsGroups,
  coldUserGroups,
  hourGroups,
  measureImpressions,
  scoredImpressions,
  type Impressions,
  type ImpressionTies,
  type MindData,
} from '@ferry/nrms';
import type { RankedRows } from '../rows.ts';

/** What rows of impressions are made of. */
export interface NewsRanking {
  /** The data set. */
  readonly data: MindData;
  /** What the data set is called. */
  readonly domain: string;
  /** `test` or `valid`. */
  readonly split: 'test' | 'valid';
  /** How it was parted. */
  readonly protocol: string;
  /** What was trained on. */
  readonly train: Impressions;
  /** What was to be ranked. */
  readonly impressions: Impressions;
  /** Defects that are switched on. */
  readonly defects: readonly string[];
  /** A score for each candidate that the model scored. */
  readonly scores: Float32Array;
  /** The rule for ties. */
  readonly ties: ImpressionTies;
  /** The checkpoint that ranked. */
  readonly checkpoint?: string;
}

/** Identifies impressions and what they show. */
function keyOf({ news, users }: MindData, { ids, users: own, candidates, labels }: Impressions): string {
  const hash = createHash('sha256').update(JSON.stringify([news.count, users.size]));
  for (const array of [ids, own, candidates.offsets, candidates.values, labels!])
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return hash.digest('hex');
}

/** Values as rows keep them. */
function narrow(values: Readonly<Record<string, Float64Array>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, Float32Array.from(all)]));
}

/** Candidates whose categories are looked at. */
const listed = 10;

/** What the first candidates say about categories, where news have some. */
function aspectsOf(
  impressions: Impressions,
  scores: Float32Array,
  { news }: MindData,
): Record<string, Float32Array> | undefined {
  if (news.categoryNames.length <= 2) return undefined;
  const found = Object.entries(categoryAspects(impressions, scores, news, listed));
  return narrow(Object.fromEntries(found.map(([name, all]) => [`${name}@${listed}`, all as Float64Array])));
}

/** Where the clicked news of each impression stand among its candidates. */
function placesOf(
  { candidates: { offsets, values }, labels, count }: Impressions,
  scores: Float32Array,
): Pick<RankedRows, 'better' | 'tied' | 'relevantEnds' | 'targets' | 'candidates'> {
  const [better, tied, targets]: [number[], number[], number[]] = [[], [], []];
  const relevantEnds = new Int32Array(count);
  for (let r = 0; r < count; r++) {
    const [from, to] = [offsets[r]!, offsets[r + 1]!];
    for (let at = from; at < to; at++) {
      if (labels![at] !== 1) continue;
      let [above, equal] = [0, 0];
      for (let other = from; other < to; other++)
        if (scores[other]! > scores[at]!) above++;
        else if (other !== at && scores[other] === scores[at]) equal++;
      better.push(above);
      tied.push(equal);
      targets.push(values[at]!);
    }
    relevantEnds[r] = targets.length;
  }
  return {
    better: Int32Array.from(better),
    tied: Int32Array.from(tied),
    targets: Int32Array.from(targets),
    relevantEnds,
    candidates: Int32Array.from({ length: count }, (_, r) => offsets[r + 1]! - offsets[r]!),
  };
}

/**
 * The rows of impressions: where their clicks stand, what each impression got by MIND's evaluator, and what they can be
 * grouped by (length of the history, whether user and clicked news were known to training, hour, and category where
 * news have some); there also how diverse the categories of the first ten are, and how like those of the history.
 */
export function newsRows(ranking: NewsRanking): RankedRows {
  const { data, domain, split, protocol, train, scores, ties, checkpoint, defects } = ranking;
  const { reported, corrected } = measureImpressions(ranking.impressions, scores, { defects, ties });
  const { tied } = reported;
  const impressions = scoredImpressions(ranking.impressions, defects);
  const places = placesOf(impressions, scores);
  const aspects = aspectsOf(impressions, scores, data);
  const clicks = clickCounts(train, data.news);
  const groupings = [
    { title: 'length of the history', ...clickCountGroups(impressions) },
    { title: 'user', ...coldUserGroups(impressions, train) },
    { title: 'clicked news', ...coldNewsGroups(impressions, train) },
    { title: 'hour', ...hourGroups(impressions) },
    ...(data.news.categoryNames.length > 2
      ? [{ title: 'category', ...categoryGroups(impressions, data.news) }]
      : []),
  ];
  return {
    ...places,
    ...{ domain, split, protocol, checkpoint, history: '', items: data.news.count, modalityNames: [] },
    key: keyOf(data, impressions),
    users: impressions.users,
    targetCounts: places.targets!.map((news) => clicks[news]!),
    historyLengths: impressions.historyEnds.map((end, r) => end - impressions.historyStarts[r]!),
    impressions: {
      values: narrow(reported.values),
      ...(corrected !== reported && { corrected: narrow(corrected.values) }),
      ...(aspects && { aspects }),
      ...{ tied, ties, groupings },
    },
  };
}

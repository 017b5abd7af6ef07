/** A small world of news with a known answer: each news has one of four topics, and users click what is of their own. */
import { RandomStream } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import type { Ids, Impressions, News } from '../src/index.ts';

const topics = 4;
/** N. The last of them have no text. */
export const N = 120;
const withoutText = 6;

const idsOf = (all: readonly string[]): Ids => ({
  size: all.length,
  text: (number) => all[number]!,
  findText: (id) => all.indexOf(id),
});

/** The topic of a news; numbers go round. */
export const topicOf = (number: number): number => number % topics;

function titleOf(number: number, random: RandomStream): string {
  if (number === 0 || number > N - withoutText) return '';
  const words = Array.from({ length: 3 + random.integer(5) }, () =>
    random.uniform() < 0.7 ? `topic${topicOf(number)}word${random.integer(6)}` : `noise${random.integer(12)}`,
  );
  return `${words.join(' ')}${number % 5 === 0 ? ', "quoted"' : ''}`;
}

const none = { offsets: new Int32Array(N + 2), values: new Int32Array(0) };
/** Every other news names its topic, some name what tells nothing besides. */
const named = Array.from({ length: N + 1 }, (_, number) =>
  number > 0 && number % 2 === 0 ? (number % 3 === 0 ? [1 + topicOf(number), 5] : [1 + topicOf(number)]) : [],
);
const ofTopic = {
  offsets: Int32Array.from([0, ...named.map((_, i) => named.slice(0, i + 1).flat().length)]),
  values: Int32Array.from(named.flat()),
};
const texts = RandomStream.fromSeed(7).split('titles');

/** The news. */
export const news: News = {
  ids: idsOf(['', ...Array.from({ length: N }, (_, i) => `N${i + 1}`)]),
  count: N,
  described: N - withoutText,
  titles: Array.from({ length: N + 1 }, (_, number) => titleOf(number, texts)),
  abstracts: Array.from({ length: N + 1 }, (_, number) => (number % 3 === 0 ? '' : titleOf(number, texts))),
  categories: Int32Array.from({ length: N + 1 }, (_, number) => (number % 5 === 0 ? 0 : 1 + topicOf(number))),
  categoryNames: ['', 'a', 'b', 'c', 'd'],
  subcategories: new Int32Array(N + 1),
  subcategoryNames: [''],
  entityNames: ['', 'Q1', 'Q2', 'Q3', 'Q4', 'Q5'],
  titleEntities: ofTopic,
  abstractEntities: none,
  images: Array.from({ length: N + 1 }, () => undefined),
};

/**
 * Impressions of users with a taste each: two candidates of their topic, the first of which they click, and four of others.
 *
 * @param from - News from this number on are shown; histories have all.
 * @param history - Clicks of the longest history; every eighth is empty.
 */
export function impressionsOf(
  count: number,
  { seed, from = 1, history = 9 }: { seed: number; from?: number; history?: number },
): Impressions {
  const random = RandomStream.fromSeed(seed);
  const of = (topic: number, least = 1): number => {
    for (;;) {
      const number = least + random.integer(N - least + 1);
      if (topicOf(number) === topic) return number;
    }
  };
  const clicks: number[] = [];
  const [starts, ends, users, shown, labels, offsets] = [[], [], [], [], [], [0]] as number[][];
  for (let r = 0; r < count; r++) {
    const taste = random.integer(topics);
    users!.push(r);
    starts!.push(clicks.length);
    const own = r % 8 === 7 ? 0 : 1 + random.integer(history);
    for (let h = 0; h < own; h++) clicks.push(of(taste));
    ends!.push(clicks.length);
    const others = Array.from({ length: 4 }, () =>
      of((taste + 1 + random.integer(topics - 1)) % topics, from),
    );
    const place = random.integer(5);
    const all = [...others.slice(0, place), of(taste, from), ...others.slice(place)];
    shown!.push(...all);
    labels!.push(...all.map((_, c) => (c === place ? 1 : 0)));
    offsets!.push(shown!.length);
  }
  return {
    source: 'a world of topics',
    count,
    ids: Float64Array.from({ length: count }, (_, r) => r + 1),
    users: Int32Array.from(users!),
    times: Float64Array.from({ length: count }, (_, r) => 60 * r),
    history: Int32Array.from(clicks),
    historyStarts: Int32Array.from(starts!),
    historyEnds: Int32Array.from(ends!),
    candidates: { offsets: Int32Array.from(offsets!), values: Int32Array.from(shown!) },
    labels: Uint8Array.from(labels!),
  };
}

/**
 * Vectors that tell a news' topic, with noise.
 *
 * @param missing - Whether a news has none.
 */
export function worldFeatures(
  modality: Modality,
  missing: (number: number) => boolean = () => false,
): FeatureMatrix {
  const width = 8;
  const random = RandomStream.fromSeed(modality === 'text' ? 3 : 4);
  const data = Float32Array.from({ length: N * width }, (_, i) => {
    const number = Math.floor(i / width) + 1;
    const noise = 0.3 * random.normal();
    return missing(number) ? 0 : noise + (i % width === topicOf(number) ? 1 : 0);
  });
  const present = Uint8Array.from({ length: N }, (_, i) => (missing(i + 1) ? 0 : 1));
  return { modality, encoder: 'world', count: N, width, data, present };
}

/** Mean area under the ROC curve of impressions with a history: ties count half. */
export function areaOf(impressions: Impressions, scores: Float32Array): number {
  const {
    count,
    candidates: { offsets },
    labels,
    historyStarts,
    historyEnds,
  } = impressions;
  let [sum, rows] = [0, 0];
  for (let r = 0; r < count; r++) {
    if (historyStarts[r] === historyEnds[r]) continue;
    let [won, pairs] = [0, 0];
    for (let i = offsets[r]!; i < offsets[r + 1]!; i++)
      for (let j = offsets[r]!; j < offsets[r + 1]!; j++)
        if (labels![i] === 1 && labels![j] === 0) {
          pairs++;
          won += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
        }
    sum += won / pairs;
    rows++;
  }
  return sum / rows;
}

import { RandomStream } from '@ferry/engine';
import { geometric, pick, pickSome } from '../draw.ts';
import { styles, themes } from '../vocabulary.ts';
import { makeArticles, type Article } from './articles.ts';
import { appeal, makeReaders, type ClickWeights, type Reader } from './readers.ts';

/** What {@link makeNewsWorld} can be asked for. */
export interface NewsWorldOptions {
  /** Seed; another seed, another world. Default 1. */
  readonly seed?: number;
  /** News. Default 1,200. */
  readonly articles?: number;
  /** Users. Default 400. */
  readonly readers?: number;
  /** Impressions of a reader in training, and half as many in each of dev and test. Default 6. */
  readonly visits?: number;
  /** What clicks depend on. Default text 3, picture 1.5, popularity 0.7. */
  readonly weights?: Partial<ClickWeights>;
  /** Share of news with a picture. Default 0.7. */
  readonly pictured?: number;
  /** Share of readers whose taste moves in the middle of their history. Default 0.4. */
  readonly drift?: number;
}

/** An impression, with the truth behind it. */
export interface ReaderImpression {
  /** Index into the readers. */
  readonly reader: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Articles clicked before, oldest first: places in the list of articles. */
  readonly history: readonly number[];
  /** Articles that are shown. */
  readonly shown: readonly number[];
  /** 1 for each of the shown that was clicked. */
  readonly clicked: readonly number[];
  /** What each of the shown was worth to the reader: ranked by it, nobody could do better. */
  readonly appeal: readonly number[];
}

/** Everything the generator made. */
export interface NewsWorld {
  /** What clicks depend on. */
  readonly weights: ClickWeights;
  /** The news, in the order of their publication. */
  readonly articles: readonly Article[];
  /** The users. */
  readonly readers: readonly Reader[];
  /** Impressions by split, in random order, as in MIND. A reader has one history in each. */
  readonly splits: Readonly<Record<'train' | 'dev' | 'test', readonly ReaderImpression[]>>;
}

const day = 86_400;
/** When training begins: five days, then a day each of dev and test. */
const start = Date.UTC(2019, 10, 9) / 1000;
const spans = { train: [0, 5], dev: [5, 6], test: [6, 7] } as const;
/** Days of news before training, which histories are made of, and how long a news is shown. */
const [daysBefore, shownDays] = [21, 2];
/** Fewest and most candidates, and out of how many a click of the history is chosen. */
const [fewest, most, offered] = [4, 24, 12];
/** Mean number of clicks beyond the first. */
const moreClicks = 0.2;

/** The generator's parts that a visit needs. */
interface Scene {
  readonly articles: readonly Article[];
  readonly weights: ClickWeights;
}

/** Places of the articles published in [from, to). */
function between(articles: readonly Article[], from: number, to: number): number[] {
  return [...articles.keys()].filter((at) => articles[at]!.published >= from && articles[at]!.published < to);
}

/** Gumbel noise: the largest sum of appeal and noise is a draw from the softmax. */
const gumbel = (random: RandomStream): number => -Math.log(-Math.log(Math.max(random.uniform(), 2 ** -60)));

/** A reader's clicks before training: the taste moves in the middle. */
function pastOf(
  reader: Reader,
  { articles, weights }: Scene,
  pool: readonly number[],
  random: RandomStream,
): number[] {
  const read = new Set<number>();
  for (let click = 0; click < reader.historyLength; click++) {
    const taste = 2 * click < reader.historyLength ? reader.before : reader.after;
    let [best, highest] = [-1, -Infinity];
    for (let offer = 0; offer < offered; offer++) {
      const at = pick(pool, random);
      const value = appeal(articles[at]!, taste, reader.style, weights) + gumbel(random);
      if (read.has(at) || value <= highest) continue;
      [best, highest] = [at, value];
    }
    if (best >= 0) read.add(best);
  }
  return [...read];
}

/** What a reader is shown and clicks at a time. */
function visit(
  number: number,
  { reader, time, history }: { reader: Reader; time: number; history: readonly number[] },
  { articles, weights }: Scene,
  random: RandomStream,
): ReaderImpression {
  const fresh = between(articles, time - shownDays * day, time);
  const shown = pickSome(fresh, fewest + random.integer(most - fewest), random);
  const worth = shown.map((at) => appeal(articles[at]!, reader.after, reader.style, weights));
  const drawn = worth.map((value) => value + gumbel(random));
  const clicks = Math.min(1 + geometric(moreClicks, random, 3), shown.length - 1);
  const least = [...drawn].sort((a, b) => b - a)[clicks - 1]!;
  return {
    reader: number,
    time,
    history,
    shown,
    clicked: drawn.map((value) => (value >= least ? 1 : 0)),
    appeal: worth,
  };
}

/**
 * Makes a world of news in the manner of MIND: news that are shown for two days, readers with histories of all lengths
 * (none, and up to 120 clicks) whose tastes may have moved, and impressions whose clicks are drawn from a softmax of
 * what is known. Text tells the theme of a news, its picture alone tells its style, clicks alone tell its fame; some
 * titles hold a single quotation mark. A pure function of its options.
 */
export function makeNewsWorld({
  seed = 1,
  articles: count = 1200,
  readers: readerCount = 400,
  visits = 6,
  weights: asked = {},
  pictured = 0.7,
  drift = 0.4,
}: NewsWorldOptions = {}): NewsWorld {
  const random = RandomStream.fromSeed(seed).split('news-world');
  const weights: ClickWeights = { text: 3, picture: 1.5, popularity: 0.7, ...asked };
  const [from, to] = [start - daysBefore * day, start + spans.test[1] * day];
  const articles = makeArticles({ count, from, to, pictured }, random.split('articles'));
  const readers = makeReaders({ count: readerCount, drift }, random.split('readers'));
  const scene: Scene = { articles, weights };
  const old = between(articles, from, start);
  const splits: Record<keyof typeof spans, ReaderImpression[]> = { train: [], dev: [], test: [] };
  for (const [number, reader] of readers.entries()) {
    const stream = random.split('reader', number);
    let history = pastOf(reader, scene, old, stream);
    for (const [split, [first, last]] of Object.entries(spans) as [
      keyof typeof spans,
      readonly [number, number],
    ][]) {
      const times = Array.from({ length: split === 'train' ? visits : Math.ceil(visits / 2) }, () =>
        Math.floor(start + day * (first + (last - first) * stream.uniform())),
      ).sort((a, b) => a - b);
      if (split === 'train' && reader.late) continue;
      const seen = times.map((time) => visit(number, { reader, time, history }, scene, stream));
      splits[split].push(...seen);
      // In MIND a history stays as it is within a split.
      history = [
        ...history,
        ...seen.flatMap(({ shown, clicked }) => shown.filter((_, at) => clicked[at] === 1)),
      ];
    }
  }
  const shuffled = (split: keyof typeof spans): ReaderImpression[] =>
    random.split(split).shuffle(splits[split]);
  return {
    weights,
    articles,
    readers,
    splits: { train: shuffled('train'), dev: shuffled('dev'), test: shuffled('test') },
  };
}

/** Small vectors in place of pictures. */
export interface ArticleVectors {
  /** Float32 [articles * width], zeros for news without a picture. */
  readonly values: Float32Array;
  /** Numbers of each. */
  readonly width: number;
}

/** Numbers of a picture vector: enough to tell the styles apart. */
const vectorWidth = 8;

/** Numbers of a vector of title and picture together. */
const jointWidth = 16;

/**
 * Small vectors in place of an encoder that was trained on texts and pictures together: the theme's direction and, with a
 * picture, the style's, with noise.
 */
export function jointVectors(
  { articles }: Pick<NewsWorld, 'articles'>,
  { seed = 1, noise = 0.5 }: { seed?: number; noise?: number } = {},
): ArticleVectors {
  const random = RandomStream.fromSeed(seed).split('joint-vectors');
  const directions = (count: number): Float64Array[] =>
    Array.from({ length: count }, () => Float64Array.from({ length: jointWidth }, () => random.normal()));
  const [ofTheme, ofStyle] = [directions(themes.length), directions(styles.length)];
  const values = new Float32Array(articles.length * jointWidth);
  articles.forEach(({ theme, style, pictured }, row) => {
    for (let column = 0; column < jointWidth; column++)
      values[row * jointWidth + column] =
        ofTheme[theme]![column]! + (pictured ? ofStyle[style]![column]! : 0) + noise * random.normal();
  });
  return { values, width: jointWidth };
}

/**
 * Small vectors in place of pictures: the style's direction with a little noise, nothing about the theme.
 */
export function articleVectors(
  { articles }: Pick<NewsWorld, 'articles'>,
  { seed = 1, noise = 0.3 }: { seed?: number; noise?: number } = {},
): ArticleVectors {
  const random = RandomStream.fromSeed(seed).split('article-vectors');
  const directions = styles.map(() => Float64Array.from({ length: vectorWidth }, () => random.normal()));
  const values = new Float32Array(articles.length * vectorWidth);
  articles.forEach(({ style, pictured }, row) => {
    if (!pictured) return;
    for (let column = 0; column < vectorWidth; column++)
      values[row * vectorWidth + column] = directions[style]![column]! + noise * random.normal();
  });
  return { values, width: vectorWidth };
}

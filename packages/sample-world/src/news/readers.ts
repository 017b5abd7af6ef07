import type { RandomStream } from '@ferry/engine';
import { geometric, pickSome } from '../draw.ts';
import { styles, themes } from '../vocabulary.ts';
import type { Article } from './articles.ts';

/** What clicks depend on, in the exponent: an article that fits has so much more. */
export interface ClickWeights {
  /** Of a theme that the reader likes best; the text tells it. */
  readonly text: number;
  /** Of the reader's style, in articles with a picture; the picture tells it. */
  readonly picture: number;
  /** Of one standard deviation of fame. */
  readonly popularity: number;
}

/** A reader and the tastes that clicks follow. */
export interface Reader {
  /** User id in MIND's form. */
  readonly id: string;
  /** How much each theme is liked, 0..1, at first. */
  readonly before: Float64Array;
  /** The same after the taste has moved; equal to `before` for readers who stay as they are. */
  readonly after: Float64Array;
  /** Index into `styles`. */
  readonly style: number;
  /** Clicks before the first impression. */
  readonly historyLength: number;
  /** Whether training has no impression of this reader. */
  readonly late: boolean;
}

/** What is liked about the themes that a reader likes, the dearest first. */
const liking = [1, 0.7, 0.4];

/** Shares of readers without history, with a long one, and who come late. */
const [silent, keen, late] = [0.08, 0.15, 0.15];
const [shortMean, longest, keenFrom] = [18, 120, 60];

function tasteOf(random: RandomStream): Float64Array {
  const taste = new Float64Array(themes.length);
  pickSome([...themes.keys()], liking.length, random).forEach(
    (theme, place) => (taste[theme] = liking[place]!),
  );
  return taste;
}

function lengthOf(random: RandomStream): number {
  const draw = random.uniform();
  if (draw < silent) return 0;
  if (draw < silent + keen) return keenFrom + random.integer(longest - keenFrom);
  return 1 + geometric(shortMean, random, keenFrom);
}

/** The readers. @param drift - Share of them whose taste moves. */
export function makeReaders(
  { count, drift }: { count: number; drift: number },
  random: RandomStream,
): Reader[] {
  return Array.from({ length: count }, (_, number) => {
    const before = tasteOf(random);
    const moved = tasteOf(random);
    return {
      id: `U${number + 1}`,
      before,
      after: random.uniform() < drift ? moved : before,
      style: random.integer(styles.length),
      historyLength: lengthOf(random),
      late: random.uniform() < late,
    };
  });
}

/** How much a reader likes an article, the exponent of the softmax that clicks are drawn from. */
export function appeal(
  { theme, style, pictured, fame }: Article,
  taste: Float64Array,
  own: number,
  weights: ClickWeights,
): number {
  return (
    weights.text * taste[theme]! +
    (pictured && style === own ? weights.picture : 0) +
    weights.popularity * fame
  );
}

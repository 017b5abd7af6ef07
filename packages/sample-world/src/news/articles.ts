import type { RandomStream } from '@ferry/engine';
import { pick, pickSome } from '../draw.ts';
import { styles, themes } from '../vocabulary.ts';

/** A news of the generated world, with what a recommender must find out about it. */
export interface Article {
  /** Id in MIND's form, such as N17. */
  readonly id: string;
  /** Title: the words of its theme, some in quotation marks, one of which may be missing. */
  readonly title: string;
  /** Abstract; '' for some. */
  readonly abstract: string;
  /** Category: a few themes together. */
  readonly category: string;
  /** Subcategory: the theme's name. */
  readonly subcategory: string;
  /** Index into `themes`. Its text tells it. */
  readonly theme: number;
  /** Index into `styles`. Its picture alone tells it. */
  readonly style: number;
  /** Whether it has a picture. */
  readonly pictured: boolean;
  /** How much it is liked by everyone: standard normal. Nothing but clicks tells it. */
  readonly fame: number;
  /** Seconds since 1970. */
  readonly published: number;
}

/** Names of the categories; each holds the themes whose number it has, counted round. */
const categories = ['science', 'stories', 'nature', 'leisure'];

/** Ends of titles; they tell nothing. */
const tails = [
  'seen again',
  'what to know',
  'a report from the north',
  'one year later',
  'in five pictures',
  'explained',
];

/** Shares of articles whose title opens a quotation and does not close it, or does. */
const [openQuotes, closedQuotes] = [0.06, 0.06];
const withoutAbstract = 0.08;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function titleOf(theme: number, random: RandomStream): string {
  const { adjectives, nouns } = themes[theme]!;
  const [first, second] = pickSome(nouns, 2, random);
  const body = `${capital(pick(adjectives, random))} ${first!} and ${second!}`;
  const tail = pick(tails, random);
  const draw = random.uniform();
  // A quotation that goes on in the abstract. A reader of CSV takes everything up to the next such title for one cell.
  if (draw < openQuotes) return `"${body}, ${tail}`;
  return draw < openQuotes + closedQuotes ? `"${body}", ${tail}` : `${body}, ${tail}`;
}

function abstractOf(theme: number, random: RandomStream): string {
  if (random.uniform() < withoutAbstract) return '';
  const { adjectives, nouns } = themes[theme]!;
  const [a, b] = pickSome(nouns, 2, random);
  return `Our reporters met the ${pick(adjectives, random)} ${a!} and heard of the ${b!}. ${capital(pick(tails, random))}.`;
}

/**
 * The articles, in the order in which they are published: evenly from `from` to `to`.
 *
 * @param pictured - Share of them that has a picture.
 */
export function makeArticles(
  { count, from, to, pictured }: { count: number; from: number; to: number; pictured: number },
  random: RandomStream,
): Article[] {
  return Array.from({ length: count }, (_, number) => {
    const theme = random.integer(themes.length);
    return {
      id: `N${number + 1}`,
      title: titleOf(theme, random),
      abstract: abstractOf(theme, random),
      category: categories[theme % categories.length]!,
      subcategory: themes[theme]!.name,
      theme,
      style: random.integer(styles.length),
      pictured: random.uniform() < pictured,
      fame: random.normal(),
      published: Math.floor(from + ((to - from) * (number + random.uniform())) / count),
    };
  });
}

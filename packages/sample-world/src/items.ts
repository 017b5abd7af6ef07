import type { RandomStream } from '@ferry/engine';
import { pick, pickSome } from './draw.ts';
import { styles, themes, type DomainPlan } from './vocabulary.ts';

/** An item of the sample world, with what a recommender must find out about it. */
export interface SampleItem {
  /** Raw id: the domain's first letters and a number. */
  readonly id: string;
  /** Title. */
  readonly title: string;
  /** Text: the title and a sentence or two. */
  readonly text: string;
  /** What kind of product it is. */
  readonly category: string;
  /** Index into `themes`. */
  readonly theme: number;
  /** Index into `styles`. */
  readonly style: number;
  /** Series it belongs to. */
  readonly series: number;
  /** Its place in the series, from 1. */
  readonly volume: number;
  /** How often it is chosen, relative to the others: a Zipf law over a random rank. */
  readonly popularity: number;
  /** Whether it has a picture. */
  readonly pictured: boolean;
}

const numerals = ['', 'first', 'second', 'third', 'fourth'];
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const plural = (noun: string): string =>
  /(s|sh|ch|x|z)$/.test(noun)
    ? `${noun}es`
    : /[^aeiou]y$/.test(noun)
      ? `${noun.slice(0, -1)}ies`
      : noun === 'wolf'
        ? 'wolves'
        : noun === 'thief'
          ? 'thieves'
          : ['deer', 'bread'].includes(noun)
            ? noun
            : `${noun}s`;

/** Chance that an item of the given popularity rank has no picture: 8 % at the head, 32 % at the tail. */
const missingChance = (rank: number, count: number): number => 0.08 + (0.24 * rank) / count;

/**
 * The catalogue of a domain: items in series of one to three volumes; all volumes of a series share theme, style and
 * title words, and differ in their volume and their text.
 *
 * @param plan - Which domain.
 * @param random - The domain's stream.
 */
export function makeItems(plan: DomainPlan, random: RandomStream): SampleItem[] {
  const ranks = random.split('popularity').shuffle(Array.from({ length: plan.items }, (_, rank) => rank));
  const pictures = random.split('pictured');
  const words = random.split('words');
  const taken = new Set<string>();
  const items: SampleItem[] = [];
  for (let series = 0; items.length < plan.items; series++) {
    const volumes = Math.min(1 + words.integer(3), plan.items - items.length);
    // Round robin over themes, so that each domain has every one.
    const theme = series % themes.length;
    const { adjectives, nouns } = themes[theme]!;
    const style = words.integer(styles.length);
    const [product, opening] = pick(plan.products, words);
    let name = '';
    do {
      const [first, second] = pickSome(nouns, 2, words);
      name = `${capital(pick(adjectives, words))} ${capital(first!)} and ${capital(second!)}`;
    } while (taken.has(name));
    taken.add(name);
    for (let volume = 1; volume <= volumes; volume++) {
      const title = `${name}${volumes > 1 ? `, Part ${volume}` : ''} (${product})`;
      const [a, b, c] = pickSome(nouns, 3, words).map(plural);
      const [d, e] = pickSome(adjectives, 2, words);
      const part = volumes > 1 ? ` The ${numerals[volume]!} part.` : '';
      const look = words.uniform() < 0.35 ? ` Made ${styles[style]!.phrase}.` : '';
      const rank = ranks[items.length]!;
      items.push({
        id: `${plan.name.slice(0, 2)}${String(items.length).padStart(4, '0')}`,
        title,
        text: `${title}. ${opening} ${d!} ${a!}, ${e!} ${b!} and ${c!}.${part}${look}`,
        category: product,
        theme,
        style,
        series,
        volume,
        popularity: (rank + 1 + plan.items / 50) ** -1.2,
        pictured: pictures.uniform() >= missingChance(rank, plan.items),
      });
    }
  }
  return items;
}

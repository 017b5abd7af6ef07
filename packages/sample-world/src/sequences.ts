import type { RandomStream } from '@ferry/engine';
import { geometric, pickWeighted } from './draw.ts';
import type { SampleItem } from './items.ts';
import { styles, themes, type DomainPlan } from './vocabulary.ts';

/** A person: the same interests in every domain the person shops in. */
export interface Person {
  /** User id, the same in every domain. */
  readonly id: string;
  /** Two or three themes, the dearest first. */
  readonly interests: readonly number[];
  /** The style the person prefers. */
  readonly style: number;
}

/** What one person did in one domain. */
export interface SampleSequence {
  /** User id. */
  readonly user: string;
  /** Index of the person. */
  readonly person: number;
  /** Item numbers (positions in the catalogue), oldest first. */
  readonly items: readonly number[];
  /** Unix seconds of each, increasing. */
  readonly times: readonly number[];
}

/** How a person's next step is chosen. The order laws are the same in every domain: they are what can be carried over. */
export const laws = {
  /** Chance to buy the next part of the last item's series, where there is one. */
  sequel: 0.3,
  /** Chance to stay with the last item's theme. */
  stay: 0.2,
  /** Chance to go on to the theme that follows the last item's theme. */
  successor: 0.45,
  /** Weights of a person's interests for every other step, the dearest first. */
  interests: [0.6, 0.3, 0.1],
  /** How much more often an item of the preferred style is chosen. */
  styleFactor: 4,
  /** Fewest interactions of a person in a domain: one each to train, validate and test, and one before. */
  shortest: 4,
  /** Most interactions of a person in a domain. */
  longest: 24,
} as const;

/** Everybody who shops in the sample world. */
export function makePersons(count: number, random: RandomStream): Person[] {
  // Some themes are dear to many, others to few.
  const fame = random.split('fame').shuffle(themes.map((_, rank) => 1 / (3 + rank)));
  return Array.from({ length: count }, (_, person) => ({
    id: `p${String(person).padStart(4, '0')}`,
    interests: pickInterests(fame, 2 + random.integer(2), random),
    style: random.integer(styles.length),
  }));
}

/** Different themes, drawn one after the other by their fame. */
function pickInterests(fame: readonly number[], count: number, random: RandomStream): number[] {
  const left = [...fame];
  return Array.from({ length: count }, () => {
    const theme = pickWeighted(left, random);
    left[theme] = 0;
    return theme;
  });
}

/** The theme of a step that is not a sequel. */
function nextTheme(person: Person, last: SampleItem | undefined, random: RandomStream): number {
  const draw = random.uniform();
  if (last && draw < laws.stay) return last.theme;
  if (last && draw < laws.stay + laws.successor) return (last.theme + 1) % themes.length;
  return person.interests[pickWeighted(laws.interests.slice(0, person.interests.length), random)]!;
}

/** What a person does in a domain: see {@link laws}. No item comes twice. */
function walk(person: Person, length: number, items: readonly SampleItem[], random: RandomStream): number[] {
  const done = new Set<number>();
  const steps: number[] = [];
  const weights = new Float64Array(items.length);
  while (steps.length < length) {
    const at = steps[steps.length - 1] ?? -2;
    const last = items[at];
    const sequel = last && items[at + 1]?.series === last.series && !done.has(at + 1);
    let next = sequel && random.uniform() < laws.sequel ? at + 1 : -1;
    while (next < 0) {
      const theme = nextTheme(person, last, random);
      items.forEach((item, number) => {
        const fits = item.theme === theme && !done.has(number);
        weights[number] = fits ? item.popularity * (item.style === person.style ? laws.styleFactor : 1) : 0;
      });
      next = pickWeighted(weights, random);
    }
    done.add(next);
    steps.push(next);
  }
  return steps;
}

/**
 * The sequences of a domain.
 *
 * @param plan - Which domain.
 * @param items - Its catalogue.
 * @param persons - Everybody; a share of them, {@link DomainPlan.visits}, shops here.
 * @param random - The domain's stream.
 */
export function makeSequences(
  plan: DomainPlan,
  items: readonly SampleItem[],
  persons: readonly Person[],
  random: RandomStream,
): SampleSequence[] {
  const sequences: SampleSequence[] = [];
  persons.forEach((person, index) => {
    const stream = random.split('person', index);
    if (stream.uniform() >= plan.visits) return;
    const extra = geometric(plan.meanLength - laws.shortest, stream, laws.longest - laws.shortest);
    const steps = walk(person, laws.shortest + extra, items, stream);
    let time = 1_600_000_000 + stream.integer(100) * 86_400;
    const times = steps.map(() => (time += 3_600 + stream.integer(14 * 86_400)));
    sequences.push({ user: person.id, person: index, items: steps, times });
  });
  return sequences;
}

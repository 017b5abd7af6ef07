import { RandomStream } from '@ferry/engine';
import { makeItems, type SampleItem } from './items.ts';
import { drawPicture } from './picture.ts';
import type { Picture } from './png.ts';
import { makePersons, makeSequences, type Person, type SampleSequence } from './sequences.ts';
import { domainPlans } from './vocabulary.ts';

/** A domain of the sample world, in memory. */
export interface SampleDomain {
  /** Domain and directory name. */
  readonly name: string;
  /** Whether studies pre-train on it or carry over to it. */
  readonly role: 'source' | 'target';
  /** The catalogue. */
  readonly items: readonly SampleItem[];
  /** Each item's picture, or undefined. */
  readonly pictures: readonly (Picture | undefined)[];
  /** One sequence for each person who shops here. */
  readonly sequences: readonly SampleSequence[];
}

/** Everything the generator made, with the truth behind it. */
export interface SampleWorld {
  /** The seed it was made from. */
  readonly seed: number;
  /** Everybody. */
  readonly persons: readonly Person[];
  /** The domains. */
  readonly domains: readonly SampleDomain[];
}

/** What {@link makeSampleWorld} can be asked for. */
export interface SampleWorldOptions {
  /** Seed; another seed, another world. Default 1. */
  seed?: number;
  /** Persons in the world. Default 900. */
  persons?: number;
  /** Only these domains. Default: all. */
  domains?: readonly string[];
}

/**
 * Makes the sample world: several catalogues that share themes, words, looks and people. A person keeps two or three
 * themes and one style in every domain; sequences follow them, with an order (sequels, a theme that follows another)
 * that is the same everywhere. Text tells the theme and the part; the picture tells the theme and the style; some
 * pictures are missing, more in the long tail. A pure function of its options.
 */
export function makeSampleWorld({
  seed = 1,
  persons: count = 900,
  domains,
}: SampleWorldOptions = {}): SampleWorld {
  const random = RandomStream.fromSeed(seed).split('sample-world');
  const persons = makePersons(count, random.split('persons'));
  const plans = domains ? domainPlans.filter((plan) => domains.includes(plan.name)) : domainPlans;
  return {
    seed,
    persons,
    domains: plans.map((plan) => {
      const stream = random.split(plan.name);
      const items = makeItems(plan, stream.split('items'));
      return {
        name: plan.name,
        role: plan.role,
        items,
        pictures: items.map((item, number) =>
          item.pictured ? drawPicture(item, stream.split('picture', number)) : undefined,
        ),
        sequences: makeSequences(plan, items, persons, stream.split('sequences')),
      };
    }),
  };
}

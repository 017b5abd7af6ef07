import { sha256 } from './hash.ts';

/** How words are dropped from texts. */
export interface WordDrop {
  /** Probability that a word is dropped, in [0, 1). MISSRec's data were made with 0.15 (spec 7). */
  share: number;
  /** Seed: the same text of the same item loses the same words. */
  seed: number;
}

/** Ends the encoder's name of features whose texts have lost words. */
export const droppedSuffix = '-dropped';

/**
 * A text without some of its words, which are what spaces separate. At least one word stays: an item does not lose its
 * text, as it may in the released preprocessing.
 *
 * @param text - The text.
 * @param item - The item's id: what it loses does not depend on other items.
 * @param drop - How many.
 */
export function dropWords(text: string, item: string, { share, seed }: WordDrop): string {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const kept = words.filter((_, place) => uniform(`${seed}\0${item}\0${place}`) >= share);
  return (kept.length > 0 ? kept : words.slice(0, 1)).join(' ');
}

/** A number in [0, 1) from a name. */
function uniform(name: string): number {
  return Number.parseInt(sha256(name).slice(0, 8), 16) / 2 ** 32;
}

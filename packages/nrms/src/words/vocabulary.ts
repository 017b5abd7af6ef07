/** Words and their numbers: 0 is padding, 1 stands for every word that is not in the list, the words follow from 2 on. */
export interface Vocabulary {
  /** The words; word w has number w + 2. */
  readonly words: readonly string[];
  /** Rows of a table of word vectors: all words, padding and the unknown one. */
  readonly size: number;
  /** Number of a word; 1 for one that is not there. */
  find(word: string): number;
}

/** Number of what is no word. */
export const PADDING = 0;
/** Number of every word that a vocabulary does not have. */
export const UNKNOWN_WORD = 1;
/** Number of the first word. */
export const FIRST_WORD = 2;

/** A vocabulary of these words, in this order. */
export function vocabularyOf(words: readonly string[]): Vocabulary {
  const numbers = new Map(words.map((word, i) => [word, i + FIRST_WORD]));
  if (numbers.size < words.length) throw new Error('vocabularyOf: words must differ from one another');
  return { words, size: words.length + FIRST_WORD, find: (word) => numbers.get(word) ?? UNKNOWN_WORD };
}

/**
 * The words of some texts that occur often enough, the most frequent first and equally frequent ones in the order in
 * which they came.
 *
 * @param texts - Each as its words.
 * @param least - Occurrences of a word that is kept.
 */
export function buildVocabulary(texts: Iterable<readonly string[]>, least = 1): Vocabulary {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of text) counts.set(word, (counts.get(word) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= least).sort(([, a], [, b]) => b - a);
  return vocabularyOf(kept.map(([word]) => word));
}

/** A vocabulary as bytes that a checkpoint can hold: words in UTF-8, a line feed behind each. */
export function encodeVocabulary({ words }: Vocabulary): Uint8Array {
  return new TextEncoder().encode(words.map((word) => `${word}\n`).join(''));
}

/** Takes back what {@link encodeVocabulary} gave. */
export function decodeVocabulary(bytes: Uint8Array): Vocabulary {
  return vocabularyOf(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n').slice(0, -1));
}

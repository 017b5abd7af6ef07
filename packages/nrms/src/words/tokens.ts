import { FIRST_WORD, PADDING, type Vocabulary } from './vocabulary.ts';

/** Words of texts as numbers of a vocabulary, cut to a length. */
export interface TokenTable {
  /** T: no text has more. */
  readonly longest: number;
  /** Numbers of the words of text i at `starts[i]..starts[i + 1]`. */
  readonly tokens: Int32Array;
  /** [texts + 1] */
  readonly starts: Int32Array;
}

/**
 * Numbers of the first words of each text. A text none of whose words are known still has its length: its words are all
 * unknown.
 *
 * @param texts - Each as its words.
 * @param longest - T
 */
export function tokenTable(
  texts: readonly (readonly string[])[],
  vocabulary: Vocabulary,
  longest: number,
): TokenTable {
  const starts = new Int32Array(texts.length + 1);
  texts.forEach((words, i) => (starts[i + 1] = starts[i]! + Math.min(words.length, longest)));
  const tokens = new Int32Array(starts[texts.length]!);
  texts.forEach((words, i) => {
    for (let t = 0, at = starts[i]!; at < starts[i + 1]!; t++, at++) tokens[at] = vocabulary.find(words[t]!);
  });
  return { longest, tokens, starts };
}

/** Words of a text that count. */
export const lengthOf = ({ starts }: TokenTable, text: number): number => starts[text + 1]! - starts[text]!;

/**
 * Some texts side by side, cut or padded to one length.
 *
 * @param rows - Texts, [n].
 * @param length - T of the result; longer texts are cut.
 * @returns [n * T], right-padded with 0.
 */
export function paddedTokens({ tokens, starts }: TokenTable, rows: Int32Array, length: number): Int32Array {
  const padded = new Int32Array(rows.length * length).fill(PADDING);
  rows.forEach((row, r) => {
    padded.set(tokens.subarray(starts[row], Math.min(starts[row + 1]!, starts[row]! + length)), r * length);
  });
  return padded;
}

/** Share of the words of all texts that the vocabulary does not have; 0 where there are no words. */
export function unknownShare({ tokens }: TokenTable): number {
  const unknown = tokens.reduce((count, token) => count + (token < FIRST_WORD ? 1 : 0), 0);
  return tokens.length === 0 ? 0 : unknown / tokens.length;
}

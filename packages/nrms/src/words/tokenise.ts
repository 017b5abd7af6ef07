/** How texts become words. */
export const tokenisers = ['segmenter', 'recommenders'] as const;

/** See {@link tokenisers}. */
export type Tokeniser = (typeof tokenisers)[number];

// Where words end is found by script and dictionary (Chinese, Japanese, Thai …); the locale only settles details, so
// one serves all.
const segmenter = new Intl.Segmenter('en', { granularity: 'word' });

const runs = /[\p{L}\p{N}\p{M}_]+|[.,!?;|]/gu;

/**
 * The words of a text, in order, in lower case.
 *
 * @param text - In any language, of one or several scripts.
 * @param tokeniser - `segmenter`: words by the Unicode rules and dictionaries of `Intl.Segmenter`, also where a
 *   language writes no spaces; punctuation is left out. `recommenders`: runs of letters, digits and underscores, and
 *   each of `. , ! ? ; |` alone, as the NRMS of recommenders has it.
 */
export function wordsOf(text: string, tokeniser: Tokeniser = 'segmenter'): string[] {
  const lower = text.toLowerCase();
  if (tokeniser === 'recommenders') return lower.match(runs) ?? [];
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenter.segment(lower)) if (isWordLike) words.push(segment);
  return words;
}

import type { NewsWords, WordReading } from '../contract.ts';
import { newsIn } from '../mind/rows.ts';
import type { Impressions, News } from '../mind/types.ts';
import { readWordVectors, type WordVectors } from './pretrained.ts';
import { wordsOf } from './tokenise.ts';
import { tokenTable } from './tokens.ts';
import { buildVocabulary, type Vocabulary, vocabularyOf } from './vocabulary.ts';

/** Words known before, then those that occur often enough in the news of training, then all others that have a vector. */
function joined(
  before: readonly string[],
  learned: Vocabulary,
  vectors: WordVectors | undefined,
): Vocabulary {
  return vocabularyOf([
    ...new Set([...before, ...learned.words, ...(vectors ? vectors.vectors.keys() : [])]),
  ]);
}

/**
 * Words of the news as a model reads them. Only words of news that training shows get vectors of their own, with
 * vectors from elsewhere also all others that have one.
 *
 * @param training - The impressions that are trained on.
 * @param options - `kept`: the vocabulary of a model that was trained before, whose weights hold the vectors; `before`:
 *   words that a training begins with, which it adds its own to.
 */
export async function readNewsWords(
  news: News,
  { tokeniser, titleWords, abstractWords, leastCount, vectors: from }: WordReading,
  training: Impressions,
  { kept, before = [] }: { kept?: Vocabulary; before?: readonly string[] } = {},
): Promise<NewsWords> {
  const wordsIn = (texts: readonly string[], most: number): string[][] =>
    texts.map((text) => wordsOf(text, tokeniser).slice(0, most));
  const titles = wordsIn(news.titles, titleWords);
  const abstracts = abstractWords === undefined ? undefined : wordsIn(news.abstracts, abstractWords);
  const tables = (vocabulary: Vocabulary): NewsWords => ({
    vocabulary,
    titles: tokenTable(titles, vocabulary, titleWords),
    abstracts: abstracts && tokenTable(abstracts, vocabulary, abstractWords!),
  });
  if (kept) return tables(kept);
  const textsOf = (number: number): string[][] => [
    titles[number]!,
    ...(abstracts ? [abstracts[number]!] : []),
  ];
  const known = Array.from(newsIn(news, training), textsOf).flat();
  const learned = buildVocabulary(known, leastCount);
  const wanted = new Set([...titles, ...(abstracts ?? [])].flat());
  const vectors = from === 'learned' ? undefined : await readWordVectors(from, (word) => wanted.has(word));
  return { ...tables(joined(before, learned, vectors)), vectors };
}

import type { FeatureMatrix, Modality } from '@ferry/features';
import type { NewsCatalogue, NewsWords, WordReading } from './contract.ts';
import type { Impressions, News } from './mind/types.ts';
import { readWordVectors, type WordVectors } from './words/pretrained.ts';
import { wordsOf } from './words/tokenise.ts';
import { tokenTable } from './words/tokens.ts';
import { buildVocabulary, type Vocabulary, vocabularyOf } from './words/vocabulary.ts';

/** 1 for each news that impressions show or their users clicked, [N + 1]. */
function newsOf({ count }: News, { history, candidates }: Impressions): Uint8Array {
  const known = new Uint8Array(count + 1);
  for (const news of history) known[news] = 1;
  for (const news of candidates.values) known[news] = 1;
  return known;
}

/** Words that occur often enough in the news of training, then all others that have a vector. */
function joined(learned: Vocabulary, vectors: WordVectors | undefined): Vocabulary {
  if (!vectors) return learned;
  const known = new Set(learned.words);
  return vocabularyOf([...learned.words, ...[...vectors.vectors.keys()].filter((word) => !known.has(word))]);
}

/**
 * Words of the news as a model reads them. Only words of news that training shows get vectors of their own, with
 * vectors from elsewhere also all others that have one.
 *
 * @param training - The impressions that are trained on.
 * @param kept - The vocabulary of a model that was trained before; its weights hold the vectors.
 */
export async function readNewsWords(
  news: News,
  { tokeniser, titleWords, leastCount, vectors: from }: WordReading,
  training: Impressions,
  kept?: Vocabulary,
): Promise<NewsWords> {
  const texts = news.titles.map((title) => wordsOf(title, tokeniser));
  if (kept) return { vocabulary: kept, titles: tokenTable(texts, kept, titleWords) };
  const known = newsOf(news, training);
  const learned = buildVocabulary(
    texts.filter((_, number) => known[number] === 1).map((words) => words.slice(0, titleWords)),
    leastCount,
  );
  const wanted = new Set(texts.flatMap((words) => words.slice(0, titleWords)));
  const vectors = from === 'learned' ? undefined : await readWordVectors(from, (word) => wanted.has(word));
  const vocabulary = joined(learned, vectors);
  return { vocabulary, titles: tokenTable(texts, vocabulary, titleWords), ...(vectors && { vectors }) };
}

/** What a model is made for. */
export function newsCatalogue(
  { count }: Pick<News, 'count'>,
  { words, features = {} }: { words?: NewsWords; features?: Partial<Record<Modality, FeatureMatrix>> },
): NewsCatalogue {
  for (const matrix of Object.values(features))
    if (matrix.count !== count)
      throw new Error(
        `newsCatalogue: ${matrix.modality} features must have a row for each of ${count} news, got ${matrix.count}`,
      );
  return { count, features, ...(words && { words }) };
}

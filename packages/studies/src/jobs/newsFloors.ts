import {
  categoryScores,
  evaluateImpressions,
  meanHistoryScores,
  popularityScores,
  recencyScores,
  summariseImpressions,
  wordHistoryScores,
  type NewsCatalogue,
  type NewsEvaluation,
} from '@ferry/nrms';
import type { OpenedNews } from './newsData.ts';

/** Scores of the test's candidates by what needs no training of a model, by name. */
export function newsFloors(
  { data: { news }, parts: { train, test } }: Pick<OpenedNews, 'data' | 'parts'>,
  { features = {} }: Pick<NewsCatalogue, 'features'>,
): Readonly<Record<string, Float64Array>> {
  return {
    popularity: popularityScores(test, train, news),
    recency: recencyScores(test, train, news),
    ...(news.categoryNames.length > 2 && { 'category preference': categoryScores(test, train, news) }),
    'mean history (words)': wordHistoryScores(test, news),
    ...Object.fromEntries(
      Object.values(features).map((matrix) => [
        `mean history (${matrix.modality} vectors)`,
        meanHistoryScores(test, matrix),
      ]),
    ),
  };
}

/** What needs no training of a model reaches on the test: read it beside every result. */
export function floorsText(opened: OpenedNews, catalogue: NewsCatalogue, { ties }: NewsEvaluation): string {
  const shown = Object.entries(newsFloors(opened, catalogue)).map(([name, scores]) => {
    const { means } = summariseImpressions(evaluateImpressions(opened.parts.test, scores, { ties }));
    return `${name} ${Object.values(means)
      .map((value) => value.toFixed(4))
      .join('/')}`;
  });
  return `  without a model, AUC/MRR/NDCG@5/NDCG@10 of the test: ${shown.join(', ')}`;
}

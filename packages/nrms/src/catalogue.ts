import type { FeatureMatrix, Modality } from '@ferry/features';
import type { NewsCatalogue, NewsEntities, NewsLabels, NewsView, NewsWords } from './contract.ts';
import { rowOf } from './mind/rows.ts';
import type { News } from './mind/types.ts';

/** Entities of a news that are read at most. */
const mostEntities = 10;

/** The entities of each news: those of the title, then those of the abstract, each once. */
function entitiesOf({ count, entityNames, titleEntities, abstractEntities }: News): NewsEntities {
  const lists = Array.from({ length: count + 1 }, (_, number) => [
    ...new Set([...rowOf(titleEntities, number), ...rowOf(abstractEntities, number)]),
  ]).map((own) => own.slice(0, mostEntities));
  const starts = new Int32Array(count + 2);
  lists.forEach((own, number) => (starts[number + 1] = starts[number]! + own.length));
  return {
    size: entityNames.length,
    table: { longest: mostEntities, tokens: Int32Array.from(lists.flat()), starts },
  };
}

/**
 * What a model is made for.
 *
 * @param parts - `views`: what it reads besides words; `features`: pre-computed vectors, a row for each news.
 * @throws Error if vectors are of another number of news.
 */
export function newsCatalogue(
  news: News,
  parts: {
    words?: NewsWords;
    views?: readonly NewsView[];
    features?: Readonly<Partial<Record<Modality, FeatureMatrix>>>;
  } = {},
): NewsCatalogue {
  const { words, views = [], features = {} } = parts;
  for (const { modality, count } of Object.values(features))
    if (count !== news.count)
      throw new Error(`newsCatalogue: ${modality} vectors must be of ${news.count} news, got ${count}`);
  const labels: Partial<Record<'category' | 'subcategory', NewsLabels>> = {
    ...(views.includes('category') && {
      category: { size: news.categoryNames.length, values: news.categories },
    }),
    ...(views.includes('subcategory') && {
      subcategory: { size: news.subcategoryNames.length, values: news.subcategories },
    }),
  };
  return {
    count: news.count,
    ...(words && { words }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(views.includes('entities') && { entities: entitiesOf(news) }),
    ...(Object.keys(features).length > 0 && { features }),
  };
}

/** The vectors with another in place of each that is missing, such as that of a white card. */
export function filledVectors(matrix: FeatureMatrix, instead: Float32Array): FeatureMatrix {
  const { width, count, present } = matrix;
  if (instead.length !== width)
    throw new Error(`filledVectors: the vector must have ${width} numbers, got ${instead.length}`);
  const data = matrix.data.slice();
  for (let row = 0; row < count; row++) if (present[row] === 0) data.set(instead, row * width);
  return { ...matrix, data, present: new Uint8Array(count).fill(1) };
}

import type { FeatureMatrix, Modality } from '@ferry/features';
import type { RowNames } from '@ferry/training';
import type {
  EncodedNews,
  KnownUsers,
  NewsCatalogue,
  NewsEntities,
  NewsLabels,
  NewsView,
  NewsWords,
} from './contract.ts';
import { rowOf } from './mind/rows.ts';
import type { Ids, Impressions, MindData, News } from './mind/types.ts';

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
 * The users of a training.
 *
 * @param all - Ids of the users of the data.
 * @param before - Ids of users whom the model knows from a training before.
 */
export function knownUsers(
  { users }: Pick<Impressions, 'users'>,
  all: Pick<Ids, 'size' | 'findText'>,
  before: readonly string[] = [],
): KnownUsers {
  const rows = new Int32Array(all.size);
  for (const user of users) rows[user] = 1;
  for (const id of before) {
    const user = all.findText(id);
    if (user >= 0) rows[user] = 1;
  }
  let known = 0;
  for (let user = 0; user < all.size; user++) if (rows[user] === 1) rows[user] = ++known;
  return { count: known, rows };
}

/** Ids of what the rows of a model's tables stand for, by kind (see `weights.rows` of {@link NewsModel}). */
export function newsNames({ news, users }: MindData, { words, users: known }: NewsCatalogue): RowNames {
  return {
    ...(words && { words: words.vocabulary.words }),
    categories: news.categoryNames.slice(1),
    subcategories: news.subcategoryNames.slice(1),
    entities: news.entityNames.slice(1),
    news: Array.from({ length: news.count }, (_, at) => news.ids.text(at + 1)),
    ...(known && {
      users: Array.from(known.rows.keys())
        .filter((user) => known.rows[user]! > 0)
        .map((user) => users.text(user)),
    }),
  };
}

/**
 * What a model is made for.
 *
 * @param parts - `views`: what it reads besides words; `users`: those of the training, for a model that knows them;
 *   `features`: pre-computed vectors, a row for each news; `encoded`: encoders that are trained with the model.
 * @throws Error if vectors, or what encoders read, are of another number of news.
 */
export function newsCatalogue(
  news: News,
  parts: {
    words?: NewsWords;
    views?: readonly NewsView[];
    users?: KnownUsers;
    features?: Readonly<Partial<Record<Modality, FeatureMatrix>>>;
    encoded?: EncodedNews;
  } = {},
): NewsCatalogue {
  const { words, views = [], users, features = {}, encoded } = parts;
  for (const { modality, count } of Object.values(features))
    if (count !== news.count)
      throw new Error(`newsCatalogue: ${modality} vectors must be of ${news.count} news, got ${count}`);
  for (const [name, { shape }] of Object.entries(encoded?.content ?? {}))
    if (shape[0] !== news.count + 1)
      throw new Error(
        `newsCatalogue: ${name} must be of ${news.count} news and the empty one, got ${shape[0]} rows`,
      );
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
    words,
    users,
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(views.includes('entities') && { entities: entitiesOf(news) }),
    ...(Object.keys(features).length > 0 && { features }),
    encoded,
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

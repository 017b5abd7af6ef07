import { createHash } from 'node:crypto';
import { describeFeatures } from '@ferry/features';
import {
  createNewsRecommender,
  createNewsScorer,
  createNewsTraining,
  decidableRows,
  knownUsers,
  measureImpressions,
  newsCatalogue,
  newsNames,
  readNewsWords,
  requireWordVectors,
  scoredImpressions,
  summariseImpressions,
  unknownShare,
  type AnyNewsModel,
  type NewsRecommender,
  type NewsScorer,
  type Vocabulary,
  type WordReading,
} from '@ferry/nrms';
import { optimizerOf, recipeParts, UserError, type TrainRecipe } from '@ferry/recipes';
import { checkpointsOf, listCheckpoints, type RowNames } from '@ferry/training';
import { writeDetails } from '../details.ts';
import { filePath } from '../domains.ts';
import { addArrays } from '../hashing.ts';
import { keepRows } from '../keptRows.ts';
import type { RankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { newsEvaluationOf, newsOptionsOf, openNews, type OpenedNews } from './newsData.ts';
import { newsEncoders } from './newsEncoders.ts';
import { newsFeatures } from './newsFeatures.ts';
import { floorsText } from './newsFloors.ts';
import { newsRows } from './newsRows.ts';
import { checkPlace } from './place.ts';
import { leftBehind, type TargetResult } from './target.ts';
import { train } from './train.ts';
import { encoderGroups } from './trainedEncoders.ts';
import { namesBefore, warmStart } from './warm.ts';

/** How words are read, with the path of vectors from elsewhere. */
function located(reading: WordReading): WordReading {
  const { vectors } = reading;
  return ['learned', 'wink'].includes(vectors) ? reading : { ...reading, vectors: filePath(vectors) };
}

/**
 * A fresh news model on a data set, as a recipe says.
 *
 * @param options - `kept`: the vocabulary of a model that was trained before; `before`: words and users that a training
 *   knows before it adds its own.
 */
export async function newsRecommenderOf(
  model: AnyNewsModel,
  recipe: TrainRecipe,
  opened: OpenedNews,
  {
    kept,
    before = {},
    console = {},
  }: { kept?: Vocabulary; before?: RowNames; console?: Partial<JobConsole> } = {},
): Promise<NewsRecommender> {
  const { data, parts } = opened;
  const options = newsOptionsOf(model, recipe);
  const reading = model.words?.(options);
  const words =
    reading &&
    (await readNewsWords(data.news, located(reading), parts.train, { kept, before: before['words'] }));
  const features = await newsFeatures(opened, recipe, options, (modality, progress) => {
    console.features?.(opened.name, modality, progress);
  });
  const said = { line: () => undefined, ...console };
  const encoded = await newsEncoders(opened, recipe, options, said);
  const catalogue = newsCatalogue(data.news, {
    views: model.views?.(options) ?? [],
    ...(model.knowsUsers && { users: knownUsers(parts.train, data.users, before['users']) }),
    ...{ features, encoded, words },
  });
  return createNewsRecommender(model, { options, catalogue, seed: recipe.seed });
}

/**
 * Ranks a part with the present weights of a model.
 *
 * @param ranked - `known`: scores that were made before.
 */
export async function rankNews(
  { options }: NewsRecommender,
  scorer: NewsScorer,
  opened: OpenedNews,
  ranked: { split: 'test' | 'valid'; recipe: TrainRecipe; checkpoint?: string; known?: Float32Array },
): Promise<RankedRows> {
  const { data, parts, name: domain } = opened;
  const { split, recipe, checkpoint, known } = ranked;
  const part = parts[split];
  if (!part)
    throw new UserError(
      `${domain} has no validation part (evaluation.validation is 0): there is nothing to rank`,
    );
  const { defects } = options;
  const scores = known ?? (await scorer.score(scoredImpressions(part, defects)));
  const { ties } = newsEvaluationOf(recipe);
  const { protocol, train: training } = parts;
  return newsRows({
    ...{ data, domain, split, protocol, train: training, impressions: part, scores, ties, defects },
    checkpoint,
  });
}

const number = (value: number): string => value.toLocaleString('en-US');

/** What is said of a data set before a training. */
function describe({ name, data, parts }: OpenedNews, { catalogue }: NewsRecommender): string[] {
  const { news, users, warnings } = data;
  const clicks = parts.train.labels!.reduce((sum, label) => sum + label, 0);
  const { words, features = {} } = catalogue;
  return [
    `${name}: ${number(news.count)} news, ${number(users.size)} users, ${number(parts.train.count)} training ` +
      `impressions with ${number(clicks)} clicks`,
    `  ${parts.valid ? `${number(parts.valid.count)} impressions validate, ` : ''}${number(parts.test.count)} ` +
      `test (${parts.protocol})`,
    ...[parts.valid, parts.test].flatMap((part) => {
      const left = part ? part.count - decidableRows(part).length : 0;
      const of = `${part === parts.test ? 'test' : 'validation'} impressions`;
      return left > 0
        ? [
            `  ${number(left)} ${of} do not count: without a click, with nothing but clicks, or without candidates`,
          ]
        : [];
    }),
    ...(words
      ? [
          `  ${number(words.vocabulary.words.length)} words; ${(100 * unknownShare(words.titles)).toFixed(1)} % ` +
            'of those in titles are unknown' +
            (words.vectors
              ? `; ${number(words.vectors.vectors.size)} vectors of ${words.vectors.width} numbers from elsewhere`
              : ''),
        ]
      : []),
    ...Object.values(features)
      .flatMap(describeFeatures)
      .map((line) => `  ${line}`),
    ...warnings.map((warning) => `  ${warning}`),
    ...(parts.valid
      ? []
      : [
          '  no validation part: the curve is that of the test, nothing is chosen by it, the last epoch counts',
        ]),
  ];
}

/** SHA-256 of everything of a data set that a run reads. */
function fingerprint(
  { data: { news }, parts, pictures }: OpenedNews,
  { catalogue }: NewsRecommender,
): string {
  const hash = createHash('sha256').update(JSON.stringify([news.count, news.titles]));
  const { train: training, valid, test } = parts;
  for (const part of [training, valid, test]) {
    if (!part) continue;
    const { history, historyStarts, historyEnds, candidates, labels } = part;
    addArrays(hash, [history, historyStarts, historyEnds, candidates.offsets, candidates.values, labels!]);
  }
  const { words, labels = {}, entities, users, features = {} } = catalogue;
  if (users) for (const part of [training, valid, test]) if (part) addArrays(hash, [part.users]);
  if (words?.abstracts) addArrays(hash, [words.abstracts.tokens, words.abstracts.starts]);
  for (const { values } of Object.values(labels)) addArrays(hash, [values]);
  if (entities) addArrays(hash, [entities.table.tokens, entities.table.starts]);
  for (const { data, present } of Object.values(features)) addArrays(hash, [data, present]);
  if (pictures) hash.update(JSON.stringify(pictures.inputs.map((input) => input?.hash ?? null)));
  return hash.digest('hex');
}

/**
 * Trains a news model on impressions, tests it and keeps what each impression got. A finished run is not trained again.
 * Without a validation part the curve is the test's and nothing is chosen by it: the last epoch is the result.
 *
 * @param recipe - Whole, with the run directory in `out`.
 */
export async function runNews(
  recipe: TrainRecipe & { out: string },
  model: AnyNewsModel,
  console: JobConsole,
): Promise<TargetResult> {
  checkPlace(recipe.out, 'a run');
  const options = newsOptionsOf(model, recipe);
  const reading = model.words?.(options);
  if (reading && reading.vectors !== 'learned') requireWordVectors(located(reading).vectors);
  const warm = await warmStart(recipe, model, console);
  const opened = await openNews(recipe, options);
  const { parts } = opened;
  const before = namesBefore(recipe, warm);
  const recommender = await newsRecommenderOf(model, recipe, opened, { before, console });
  if (listCheckpoints(checkpointsOf(recipe.out)).length === 0)
    for (const line of [
      ...describe(opened, recommender),
      floorsText(opened, recommender.catalogue, newsEvaluationOf(recipe)),
    ])
      console.line(line);
  const { batchSize, learningRate, epochs, patience, validateEvery, checkpointEvery } = recipe.training;
  const { metric, ties, batchSize: together } = newsEvaluationOf(recipe);
  const scorer = createNewsScorer(recommender, { batchSize: together });
  const { objective, settings } = recipeParts(recipe, model);
  let tested: Float32Array | undefined;
  const training = createNewsTraining({
    recommender,
    objective: model.objectives[objective]!.create(settings),
    train: parts.train,
    batchSize,
    ...optimizerOf(recipe.training),
    ...encoderGroups(recipe, recommender.catalogue.encoded?.encoders, { learningRate }),
    evaluate: async (split) => {
      const part = split === 'valid' ? (parts.valid ?? parts.test) : parts.test;
      const { defects } = options;
      const scores = await scorer.score(scoredImpressions(part, defects));
      if (split === 'test') tested = scores;
      const { reported } = measureImpressions(part, scores, { defects, ties });
      return { ...summariseImpressions(reported).means };
    },
  });
  try {
    const summary = await train(recipe, model, training, console, {
      epochs,
      earlyStopping: parts.valid ? { metric, patience } : { metric, patience: null, rule: 'last' },
      ...{ validateEvery, checkpointEvery },
      fingerprint: fingerprint(opened, recommender),
      warm,
      tables: { roles: model.weights.rows, names: newsNames(opened.data, recommender.catalogue) },
    });
    const left = await leftBehind(recipe.out, summary);
    if (left && !tested) return { summary, ...left };
    const { checkpoint } = summary.best;
    // Training leaves the best checkpoint's weights in the model.
    const rows = await rankNews(recommender, scorer, opened, {
      ...{ split: 'test' as const, recipe, checkpoint },
      ...(tested && { known: tested }),
    });
    await keepRows(recipe.out, 'test', rows);
    const details = { domain: opened.name, protocol: parts.protocol, checkpoint, interests: null };
    writeDetails(recipe.out, details);
    return { summary, details, rows };
  } finally {
    training.dispose();
    scorer.dispose();
    recommender.dispose();
  }
}

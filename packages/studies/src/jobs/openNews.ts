import { selectBackend, type BackendSpec } from '@ferry/engine';
import {
  createNewsScorer,
  vocabularyIn,
  type AnyNewsModel,
  type NewsRecommender,
  type NewsScorer,
} from '@ferry/nrms';
import { UserError, type RunRecipe, type TrainRecipe } from '@ferry/recipes';
import { restoreModel } from '@ferry/training';
import { newsRecommenderOf } from './news.ts';
import { newsEvaluationOf, newsOptionsOf, openNews, type OpenedNews } from './newsData.ts';
import type { OpenRunOptions } from './runs.ts';
import { readNames } from './warm.ts';
import { storedWeights } from './weights.ts';

/** A run of a news model with the weights of a checkpoint. */
export interface OpenNewsRun {
  /** The run's recipe. */
  readonly recipe: TrainRecipe;
  /** The data set it was trained on. */
  readonly opened: OpenedNews;
  /** The model. */
  readonly recommender: NewsRecommender;
  /** What ranks. */
  readonly scorer: NewsScorer;
  /** Where the weights came from. */
  readonly checkpoint: string;
  /** Frees everything. */
  dispose(): void;
}

/**
 * Opens a checkpoint of a news run on the data set it was trained on.
 *
 * @param run - A run directory, and its recipe.
 * @throws UserError for another data set.
 */
export async function openNewsRun(
  run: string,
  recipe: RunRecipe,
  model: AnyNewsModel,
  { on, checkpoint }: OpenRunOptions,
): Promise<OpenNewsRun> {
  if (recipe.job !== 'train') throw new UserError(`${run} must be a run of ferry train, got ${recipe.job}`);
  if (on !== undefined && on !== recipe.target)
    throw new UserError(
      `${run} is ranked on the impressions of the data set it was trained on (${recipe.target}), got --on ${on}`,
    );
  const weights = await storedWeights(run, checkpoint);
  await selectBackend(recipe.backend as BackendSpec, { threads: recipe.threads, log: () => undefined });
  const opened = await openNews(recipe, newsOptionsOf(model, recipe));
  const recommender = await newsRecommenderOf(model, recipe, opened, {
    kept: vocabularyIn(weights.tensors),
    before: readNames(run),
  });
  const scorer = createNewsScorer(recommender, { batchSize: newsEvaluationOf(recipe).batchSize });
  const stored = {
    parameters: () => recommender.weights(),
    optimizerState: () => new Map(),
    buffers: () => recommender.buffers(),
    restoreBuffers: (arrays: Parameters<NewsRecommender['restoreBuffers']>[0]) => {
      recommender.restoreBuffers(arrays);
    },
  };
  await restoreModel(stored, { model: weights.tensors, optimizer: new Map() }, weights.path, false);
  return {
    ...{ recipe, opened, recommender, scorer },
    checkpoint: weights.path,
    dispose: () => {
      scorer.dispose();
      recommender.dispose();
    },
  };
}

import { join } from 'node:path';
import { elliotName, type ElliotConfig, type ElliotModelRun } from '@ferry/elliot';
import { RandomStream } from '@ferry/engine';
import { choosingMetrics } from '@ferry/evaluation';
import {
  gridPoints,
  parseRecipe,
  randomPoints,
  wholeRecipe,
  type ModelRegistry,
  type Point,
  type TrainRecipe,
} from '@ferry/recipes';
import type { AnyModel } from '../jobs/anyModel.ts';
import type { FoldDomain } from './data.ts';

/** A model of a configuration with one choice of its parameters. */
export interface Trial {
  /** The model. */
  readonly of: ElliotModelRun;
  /** Its name as Elliot makes it from the parameters. */
  readonly name: string;
  /** Its directory among the runs. */
  readonly directory: string;
  /** All parameters. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What differs between the trials of a model, for directories: `lr=0.005,l_w=1e-05`. */
const difference = (point: Point): string =>
  Object.entries(point)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(',')
    .replace(/[^\w.,+=-]+/g, '');

/** The trials of a model: one, every combination of its lists, or some drawn at random with the configuration's seed. */
export function trialsOf(of: ElliotModelRun, { seed }: Pick<ElliotConfig, 'seed'>): Trial[] {
  const stream = RandomStream.fromSeed(seed).split('search').split(of.key);
  const { fixed, space, search, most } = of;
  const points =
    search === 'rand' && most !== undefined
      ? randomPoints(space, most, () => stream.uniform())
      : gridPoints(space).slice(0, most);
  return points.map((point) => {
    const parameters = { ...fixed, ...point };
    const own = difference(point);
    return {
      ...{ of, parameters, name: elliotName(of.model, parameters) },
      directory: own === '' ? of.model.name : `${of.model.name}-${own}`,
    };
  });
}

/** The name by which rankings know the metric that chooses. */
export const metricOf = ({ chosenBy: { metric, k } }: ElliotModelRun): string =>
  `${choosingMetrics[metric]!}@${k}`;

/** The recipe of `ferry train` that a trial is on a fold. */
export async function trialRecipe(
  trial: Trial,
  fold: FoldDomain,
  { topK, cutoffs, relevance, seed, file }: ElliotConfig,
  { root, models }: { root: string; models: ModelRegistry<AnyModel> },
): Promise<TrainRecipe & { out: string }> {
  const { model, validationRate: rate } = trial.of;
  const { training, modalities, ...made } = model.recipe(trial.parameters as Record<string, never>);
  const uses = (modality: 'text' | 'image'): string => (modalities.includes(modality) ? 'stored' : 'none');
  const recipe = {
    job: 'train',
    target: fold.directory,
    seed: made.seed ?? seed,
    features: { text: uses('text'), image: uses('image') },
    model: made.model,
    ...(made.objective && { objective: made.objective }),
    ...(training && {
      training: {
        // Elliot looks at no epoch after the last validation.
        epochs: Math.floor(training.epochs / rate) * rate,
        batchSize: typeof training.batchSize === 'number' ? training.batchSize : fold[training.batchSize],
        learningRate: training.learningRate,
        patience: null,
        validateEvery: rate,
      },
    }),
    evaluation: {
      cutoffs: [...new Set([...cutoffs, topK])],
      ...{ history: 'mask', candidates: 'trained', validationItems: 'keep', relevance },
      metric: metricOf(trial.of),
    },
  };
  const whole = (await wholeRecipe(parseRecipe(JSON.stringify(recipe), file), models)) as TrainRecipe;
  return { ...whole, out: join(root, trial.directory, `${fold.test}-${fold.validation}`) };
}

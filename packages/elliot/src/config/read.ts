import { basename, dirname, resolve } from 'node:path';
import {
  checkRecipe,
  formatPath,
  parseRecipe,
  problemsOf,
  readText,
  RecipeError,
  type Space,
} from '@ferry/recipes';
import { z } from 'zod';
import type { Filter } from '../filters.ts';
import type { Splitting } from '../splits.ts';
import type { ElliotModality, ElliotModel } from './model.ts';
import { elliotModels } from './models.ts';
import { elliotPath, resultPath } from './paths.ts';
import {
  checkParameters,
  cutoffsOf,
  experimentSchema,
  parametersIn,
  validationMetric,
  type Experiment,
  type Meta,
  type Supported,
} from './schema.ts';
import { searchedParameters } from './search.ts';

/** Where the rows come from. */
export type ElliotData =
  /** One file, which is filtered and split. */
  | {
      readonly strategy: 'dataset';
      readonly file: string;
      readonly filters: readonly Filter[];
      readonly test: Splitting;
      readonly validation?: Splitting;
      /** Where the split is written as well. */
      readonly saveFolder?: string;
    }
  /** Files that are split. */
  | {
      readonly strategy: 'fixed';
      readonly train: string;
      readonly validation?: string;
      readonly test: string;
    }
  /** `<root>/<fold>/test.tsv`, `<root>/<fold>/<fold>/train.tsv` and `val.tsv`. */
  | { readonly strategy: 'hierarchy'; readonly root: string };

/** A model of a configuration. */
export interface ElliotModelRun {
  /** Its key, such as `external.VBPR`. */
  readonly key: string;
  /** What it is. */
  readonly model: ElliotModel;
  /** Parameters that are one value. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** Parameters that are searched. */
  readonly space: Space;
  /** How settings are chosen from the space. */
  readonly search: 'grid' | 'rand';
  /** Settings that are tried at most. */
  readonly most?: number;
  /** The metric that chooses epoch and settings, by Elliot's name. */
  readonly chosenBy: { readonly metric: string; readonly k: number };
  /** Epochs from one validation to the next. */
  readonly validationRate: number;
  /** Whether lists are written. */
  readonly saveRecs: boolean;
  /** Whether weights are written. */
  readonly saveWeights: boolean;
}

/** A configuration of Elliot, checked, paths resolved. */
export interface ElliotConfig {
  /** File name without its ending. */
  readonly name: string;
  /** The file. */
  readonly file: string;
  /** Name of the data set. */
  readonly dataset: string;
  /** Where the rows come from. */
  readonly data: ElliotData;
  /** Folders of features, `<item>.npy` each. */
  readonly features: Readonly<Partial<Record<ElliotModality, string>>>;
  /** Whether every rating counts as 1. */
  readonly binarize: boolean;
  /** Seed of the split. */
  readonly seed: number;
  /** Items of a list. */
  readonly topK: number;
  /** Cutoffs of the metrics. */
  readonly cutoffs: readonly number[];
  /** Metrics by Elliot's names. */
  readonly metrics: readonly string[];
  /** Rating from which an item is relevant. */
  readonly relevance: number;
  /** Tests that are written. */
  readonly tests: readonly ('paired_ttest' | 'wilcoxon_test')[];
  /** Whether results are written as triplets too. */
  readonly triplets: boolean;
  /** Elliot's result folders. */
  readonly out: { readonly recs: string; readonly weights: string; readonly performance: string };
  /** The models. */
  readonly models: readonly ElliotModelRun[];
}

function dataOf(
  { data_config: data, splitting, prefiltering }: Experiment,
  at: (text: string) => string,
): ElliotData {
  if (data.strategy === 'hierarchy') return { strategy: 'hierarchy', root: at(data.root_folder!) };
  if (data.strategy === 'fixed')
    return {
      strategy: 'fixed',
      train: at(data.train_path!),
      test: at(data.test_path!),
      ...(data.validation_path !== undefined && { validation: at(data.validation_path) }),
    };
  const {
    test_splitting: test,
    validation_splitting: validation,
    save_on_disk: saves,
    save_folder: folder,
  } = splitting!;
  return {
    strategy: 'dataset',
    file: at(data.dataset_path!),
    filters: prefiltering ?? [],
    test,
    validation,
    ...(saves === true && { saveFolder: at(folder!) }),
  };
}

function modelOf(key: string, experiment: Experiment): ElliotModelRun {
  const { meta } = experiment.models[key] as { meta: Meta };
  const model = elliotModels[key]!;
  return {
    key,
    model,
    ...searchedParameters(model.parameters, parametersIn(experiment.models[key]), () => undefined),
    search: meta.hyper_opt_alg as 'grid' | 'rand',
    ...(meta.hyper_max_evals !== undefined && { most: meta.hyper_max_evals }),
    chosenBy: validationMetric(meta.validation_metric, experiment)!,
    validationRate: meta.validation_rate,
    saveRecs: meta.save_recs,
    saveWeights: meta.save_weights,
  };
}

/**
 * Reads a configuration of Elliot as it stands. Nothing is looked for yet but the file.
 *
 * @param supported - What metrics there are.
 * @throws RecipeError with everything that is wrong or not supported, each with its line and with what is supported.
 */
export function readElliotConfig(file: string, supported: Supported): ElliotConfig {
  const document = parseRecipe(readText(file, 'configuration'), file);
  const schema = z.strictObject({ experiment: experimentSchema(supported) });
  const problems = problemsOf(document, schema);
  checkParameters(document.value, (path, message) => {
    const at = document.order(path);
    problems.push({ where: document.locate(path), message: `${formatPath(path)} ${message}`, at });
  });
  if (problems.length > 0)
    throw new RecipeError(
      file,
      problems.sort((a, b) => a.at - b.at),
    );
  const { experiment } = checkRecipe(document, schema);
  const folder = dirname(resolve(file));
  const { dataset, evaluation } = experiment;
  const at = (text: string): string => elliotPath(text, folder, dataset);
  const folders = (experiment.data_config.side_information ?? []).map((side) =>
    side.dataloader === 'VisualAttribute'
      ? (['image', at(side.visual_features!)] as const)
      : (['text', at(side.textual_features!)] as const),
  );
  return {
    name: basename(file).replace(/\.ya?ml$/, ''),
    ...{ file, dataset, data: dataOf(experiment, at), features: Object.fromEntries(folders) },
    ...{ binarize: experiment.binarize, seed: experiment.random_seed, topK: experiment.top_k },
    ...{ cutoffs: cutoffsOf(experiment), metrics: [...new Set(evaluation.simple_metrics)] },
    relevance: evaluation.relevance_threshold,
    tests: (['paired_ttest', 'wilcoxon_test'] as const).filter((test) => evaluation[test]),
    triplets: experiment.print_results_as_triplets,
    out: {
      recs: resultPath(experiment.path_output_rec_result, folder, dataset, 'recs'),
      weights: resultPath(experiment.path_output_rec_weight, folder, dataset, 'weights'),
      performance: resultPath(experiment.path_output_rec_performance, folder, dataset, 'performance'),
    },
    models: Object.keys(experiment.models).map((key) => modelOf(key, experiment)),
  };
}

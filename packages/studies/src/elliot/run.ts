import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { readElliotConfig, type ElliotConfig } from '@ferry/elliot';
import { selectBackend } from '@ferry/engine';
import { choosingMetrics, elliotMetrics, mean } from '@ferry/evaluation';
import { UserError } from '@ferry/recipes';
import { isUserItem } from '../jobs/anyModel.ts';
import { redrawnOnly, type JobConsole } from '../jobs/console.ts';
import { loadDomain, openForJob, type LoadedDomain } from '../jobs/domain.ts';
import { evaluateRun } from '../jobs/evaluate.ts';
import { checkPlace, checkWritable } from '../jobs/place.ts';
import type { TargetResult } from '../jobs/target.ts';
import { runUserItem } from '../jobs/userItem.ts';
import { storedWeights } from '../jobs/weights.ts';
import { counted } from '../words.ts';
import { writeFolds, type FoldDomain } from './data.ts';
import {
  chooseTrials,
  formatElliotResults,
  meanValues,
  valuesOfRows,
  writeElliotResults,
  type ModelResult,
  type TrialResult,
} from './results.ts';
import { metricOf, trialRecipe, trialsOf, type Trial } from './trials.ts';

/** An experiment under way. */
interface Experiment {
  readonly config: ElliotConfig;
  readonly console: JobConsole;
  /** Where runs are made. */
  readonly runs: string;
  /** Reads a fold's domain with the features that a recipe wants; the last one is kept. */
  readonly load: (
    fold: FoldDomain,
    recipe: Parameters<typeof loadDomain>[1] & Parameters<typeof openForJob>[1],
  ) => Promise<LoadedDomain>;
}

/** A run of a trial on a fold. */
interface FoldRun {
  readonly result: TargetResult;
  readonly target: LoadedDomain;
  readonly out: string;
}

async function runFold(
  trial: Trial,
  fold: FoldDomain,
  { config, console, runs, load }: Experiment,
): Promise<FoldRun> {
  const recipe = await trialRecipe(trial, fold, config, { root: runs, models: console.models });
  const model = await console.models.load(recipe.model.name);
  if (!isUserItem(model)) throw new Error(`${recipe.model.name} must be a user-item model`);
  const target = await load(fold, recipe);
  const quiet: JobConsole = { ...console, training: redrawnOnly(console.training) };
  // Elliot takes the first of the largest values.
  const result = await runUserItem(recipe, model, quiet, { loaded: target, describe: false, rule: 'strict' });
  return { result, target, out: recipe.out };
}

/** A trial on the validation folds of one test fold. */
async function runTrial(
  trial: Trial,
  folds: readonly FoldDomain[],
  experiment: Experiment,
): Promise<TrialResult> {
  const runs: FoldRun[] = [];
  for (const fold of folds) runs.push(await runFold(trial, fold, experiment));
  const metric = metricOf(trial.of);
  const valid = runs.map(({ result }) => result.summary.best.valid[metric]!);
  const found: TrialResult = {
    trial,
    test: folds[0]!.test,
    valid: folds[0]!.validated ? mean(valid) : undefined,
    epochs: runs.map(({ result }) => result.summary.best.epoch),
    values: meanValues(
      runs.map(({ result, target }) => valuesOfRows(result.rows, target.domain.training, experiment.config)),
    ),
  };
  const [k] = experiment.config.cutoffs;
  const [first] = experiment.config.metrics;
  const where = folds.length > 1 || folds[0]!.test > 0 ? `, fold ${folds[0]!.test}` : '';
  const value = found.values.get(k!)![first!]!.value.toFixed(5);
  const seconds = runs.map(({ result }) => result.summary.timings.totalSeconds.toFixed(1)).join(' + ');
  experiment.console.line(
    `${trial.directory}${where}: ${first!}@${k!} ${value}, epoch ${found.epochs.join(' ')}, ${seconds} s`,
  );
  return found;
}

/** Writes what a model's section asks for beside its results: lists and weights of the trials that were chosen. */
async function writeKept(
  { chosen }: ModelResult,
  folds: readonly FoldDomain[],
  experiment: Experiment,
): Promise<void> {
  const { config, console, runs } = experiment;
  for (const { trial, test, epochs } of chosen) {
    const { saveRecs, saveWeights, model } = trial.of;
    for (const [i, fold] of folds.filter((one) => one.test === test).entries()) {
      const run = join(runs, trial.directory, `${fold.test}-${fold.validation}`);
      const ending = folds.length > 1 ? `_fold=${fold.test}-${fold.validation}` : '';
      const name = `${trial.name}${model.trained ? `_it=${epochs[i]!}` : ''}${ending}.tsv`;
      if (saveRecs) {
        makeDirectory(config.out.recs);
        await evaluateRun(run, { saveLists: join(config.out.recs, name), depth: config.topK }, console);
      }
      if (saveWeights) {
        const { path } = await storedWeights(run);
        const file = join(config.out.weights, trial.name, `best-weights-${trial.name}${ending}.safetensors`);
        makeDirectory(dirname(file));
        copyFileSync(join(path, 'model.safetensors'), file);
      }
    }
  }
}

/** What {@link runElliot} found. */
export interface ElliotResult {
  /** A result for each model of the configuration. */
  readonly models: readonly ModelResult[];
  /** Files in Elliot's result folder. */
  readonly files: readonly string[];
  /** Ferry's folder: data, runs, `results.csv`. */
  readonly folder: string;
}

/** Reads a configuration of Elliot with all metrics that there are. */
export const openElliot = (file: string): ElliotConfig =>
  readElliotConfig(file, { metrics: elliotMetrics, choosing: Object.keys(choosingMetrics) });

/**
 * Runs a configuration of Elliot: filters and splits, trains or fits every model with every choice of its parameters,
 * chooses by the validation part, and writes the results where Elliot writes them. Finished runs are not trained again
 * and unfinished ones go on.
 *
 * @param file - Elliot's YAML.
 * @throws RecipeError with everything that is wrong or not supported, before any work.
 */
export async function runElliot(file: string, console: JobConsole): Promise<ElliotResult> {
  const config = openElliot(file);
  const folder = join(dirname(config.out.performance), 'ferry', config.name);
  checkPlace(folder, "Ferry's files of this configuration");
  const { recs, weights, performance } = config.out;
  checkWritable(performance);
  if (config.models.some(({ saveRecs }) => saveRecs)) checkWritable(recs);
  if (config.models.some(({ saveWeights }) => saveWeights)) checkWritable(weights);
  const trials = config.models.map((model) => trialsOf(model, config));
  const engine = await selectBackend('auto', { log: () => undefined });
  console.line(
    `${config.name}: ${config.dataset}, ${counted(trials.flat().length, 'setting')} of ` +
      `${counted(trials.length, 'model')}; ${engine.backend}, ${engine.threads} threads`,
  );
  const folds = await writeFolds(config, join(folder, 'data'), console.line);
  const number = (value: number): string => value.toLocaleString('en-US');
  const [first] = folds;
  const which = folds.length > 1 ? ` in the first of ${folds.length} folds` : '';
  console.line(
    `  ${number(first!.users)} users, ${number(first!.transactions)} training interactions${which}`,
  );
  const bare = folds.find(({ validated }) => !validated);
  // Of the other strategies the configuration itself says it.
  const searched = trials.find((own) => own.length > 1);
  if (bare && searched)
    throw new UserError(
      `${file}: ${searched[0]!.of.key} has several settings, and fold ${bare.test} has no validation part to ` +
        'choose by (Elliot would choose on the test)',
    );
  if (bare)
    console.line(
      '  no validation part: the last epoch counts (Elliot would choose the epoch on the test, and its figures ' +
        'are too good)',
    );
  if (config.tests.length > 0 && folds.length > 1)
    console.line(
      `  ${config.tests.join(' and ')} need one fold, got ${folds.length}: left out, as Elliot does`,
    );
  let last: { key: string; target: LoadedDomain } | undefined;
  const experiment: Experiment = {
    ...{ config, console, runs: join(folder, 'runs') },
    load: async (fold, recipe) => {
      const key = JSON.stringify([fold.directory, recipe.features]);
      if (last?.key !== key) {
        const opened = await openForJob(fold.directory, recipe, { ordered: false });
        last = { key, target: await loadDomain(opened, recipe, console) };
      }
      return last.target;
    },
  };
  const tests = [...new Set(folds.map(({ test }) => test))];
  const models: ModelResult[] = [];
  for (const own of trials) {
    const results: TrialResult[] = [];
    for (const test of tests)
      for (const trial of own)
        results.push(
          await runTrial(
            trial,
            folds.filter((fold) => fold.test === test),
            experiment,
          ),
        );
    const result = chooseTrials(results);
    await writeKept(result, folds, experiment);
    models.push(result);
  }
  const files = await writeElliotResults(config, models, folder, new Date());
  console.line(`\n${formatElliotResults(config, models, console.columns)}`);
  if (tests.length > 1)
    console.line(`means over ${tests.length} folds; Elliot prints those of the best fold`);
  console.line(`\nresults: ${config.out.performance}\nruns: ${experiment.runs}`);
  return { models, files, folder };
}

import { metricTitle } from '@ferry/evaluation';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { shellCommand, type RunRecipe } from '@ferry/recipes';
import { readSummary, replaceFile, type EarlyStopping } from '@ferry/training';
import { openDomain } from '../domains.ts';
import { redrawnOnly, type JobConsole } from '../jobs/console.ts';
import {
  describeDomain,
  loadDomain,
  openForJob,
  type LoadedDomain,
  type OpenedDomain,
} from '../jobs/domain.ts';
import { checkPlace } from '../jobs/place.ts';
import { runPretrain } from '../jobs/pretrain.ts';
import { isNews, isUserItem, type AnyModel } from '../jobs/anyModel.ts';
import { anyModelOf, modelOf, readsWords } from '../jobs/recommender.ts';
import { finishedTarget, runTarget, type TargetResult } from '../jobs/target.ts';
import { runUserItem } from '../jobs/userItem.ts';
import { recipeYaml } from '../recipeYaml.ts';
import { lineName, settingName } from './axes.ts';
import { runBaselines, type BaselineResult } from './baselines.ts';
import { refuseOthers } from './check.ts';
import { runNewsStudy } from './newsStudy.ts';
import type { ReadyStudy } from './complete.ts';
import { medianRule } from './medianRule.ts';
import type { PlannedRun, Preparation, StudyPlan } from './plan.ts';
import { counted } from '../words.ts';
import type { StudyReport } from './report.ts';
import { recallOf, studyRows, type Measure, type StudyResult } from './results.ts';
import { writeResults } from './write.ts';

/** A domain with the features that some runs want of it. */
const wantOf = (
  reference: string,
  { features, evaluation: { protocol, split } = {} }: Pick<RunRecipe, 'features' | 'evaluation'>,
): string => JSON.stringify([reference, features, protocol, split]);

/** What runs want of a domain. */
interface Want {
  reference: string;
  recipe: RunRecipe;
  /** Whether texts with words dropped. */
  words: boolean;
  /** Splits that must have rows. */
  rows: readonly ('train' | 'valid')[];
  /** Whether the items of users must have an order. */
  ordered: boolean;
  /** Runs that will read it. */
  left: number;
}

/**
 * Reads each domain once, finds what any of them lacks before the first is encoded, and lets go of what no run to come
 * will read.
 */
async function domainReader({ preparations, runs }: StudyPlan, console: JobConsole) {
  const wants = new Map<string, Want>();
  const want = (
    reference: string,
    recipe: RunRecipe,
    { words, rows, ordered }: Pick<Want, 'words' | 'rows' | 'ordered'>,
  ): void => {
    const key = wantOf(reference, recipe);
    const own = wants.get(key) ?? { reference, recipe, words, rows, ordered, left: 0 };
    wants.set(key, {
      ...own,
      words: own.words || words,
      rows: rows.length > own.rows.length ? rows : own.rows,
      ordered: own.ordered || ordered,
      left: own.left + 1,
    });
  };
  for (const { recipe } of preparations) {
    if (isPrepared(recipe)) continue;
    const words = readsWords(await modelOf(recipe, console), recipe);
    for (const source of recipe.sources) want(source, recipe, { words, rows: ['train'], ordered: true });
  }
  for (const { recipe } of runs) {
    const ordered = !isUserItem(await anyModelOf(recipe, console));
    want(recipe.target, recipe, { words: false, rows: ordered ? ['train', 'valid'] : [], ordered });
  }
  const left = new Map([...wants].map(([key, own]) => [key, own.left]));
  const opened = new Map<string, OpenedDomain>();
  for (const [key, { reference, recipe, words, rows, ordered }] of wants)
    opened.set(key, await openForJob(reference, recipe, { words, rows, ordered }));
  const known = new Map<string, LoadedDomain>();
  const described = new Set<string>();
  return {
    /** The domain, as a run is about to read it. */
    async take(reference: string, recipe: RunRecipe): Promise<LoadedDomain> {
      const want = wantOf(reference, recipe);
      const found = known.get(want) ?? (await loadDomain(opened.get(want)!, recipe, console));
      if (!described.has(want)) for (const line of describeDomain(found)) console.line(line);
      described.add(want);
      known.set(want, found);
      return found;
    },
    /** Says that a run is done with a domain. */
    done(reference: string, recipe: RunRecipe): void {
      const want = wantOf(reference, recipe);
      left.set(want, left.get(want)! - 1);
      if (left.get(want) === 0) known.delete(want);
    },
  };
}

/** Whether a preparation has been made, with as many epochs as it is to have. */
function isPrepared({ out, pretraining }: Preparation['recipe']): boolean {
  return (readSummary(out)?.epochs ?? 0) >= pretraining.epochs;
}

const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** The line that says how a run ended. */
function runLine(
  { axes, runs }: StudyPlan,
  run: PlannedRun,
  { summary }: TargetResult,
  { measure, before }: { measure: Measure; before: boolean },
): string {
  const named = ({ place, seed }: PlannedRun): string =>
    `${settingName(axes, place)}, ${lineName(axes, place)}, seed ${seed}`;
  const what = named(run);
  const width = runs.reduce((most, own) => Math.max(most, named(own).length), 44);
  const shown = [...new Set([measure.metric, recallOf(measure)])].flatMap((name) => {
    const value = summary.test?.[name];
    return value === undefined ? [] : [`${metricTitle(name)} ${value.toFixed(4)}  `];
  });
  const took = before ? 'finished before' : seconds(summary.timings.totalSeconds);
  const ending = `${took}${summary.reason === 'search' ? ', ended by the median rule' : ''}`;
  return `${what.padEnd(width)}  ${shown.join('')}epoch ${summary.best.epoch}/${summary.epochs}  ${ending}`;
}

/**
 * The first of the runs on a target that read most modalities, whose features baselines read too; undefined if none
 * reads any.
 */
function richestRun({ runs }: StudyPlan, reference: string): PlannedRun['recipe'] | undefined {
  const count = ({ features }: RunRecipe): number =>
    [features.text, features.image].filter((encoder) => encoder !== 'none').length;
  const [first, ...rest] = runs
    .map(({ recipe }) => recipe)
    .filter((recipe) => recipe.target === reference && count(recipe) > 0);
  return rest.reduce((best, recipe) => (count(recipe) > count(best!) ? recipe : best), first);
}

/** How many runs a study makes, in words. */
function runsText({ preparations, runs }: StudyPlan): string {
  const kind = runs.every(({ recipe }) => recipe.job === 'train') ? 'training run' : 'fine-tuning run';
  const before = preparations.length > 0 ? `${counted(preparations.length, 'pre-training run')} and ` : '';
  return before + counted(runs.length, kind);
}

/** Epochs of a model that is fitted; undefined for the others, whose recipes say. */
const epochsOf = (model: AnyModel): number | undefined =>
  isUserItem(model) && model.kind === 'fitted' ? 1 : undefined;

/** Does a planned run of a model of any kind. */
function runOne(
  { recipe }: PlannedRun,
  model: AnyModel,
  console: JobConsole,
  known: { loaded: LoadedDomain; least?: EarlyStopping['least'] },
): Promise<TargetResult> {
  const options = { ...known, describe: false };
  return recipe.job === 'train' && isUserItem(model)
    ? runUserItem(recipe, model, console, options)
    : runTarget(recipe, console, options);
}

/** Directories of the runs before one that it can be measured by: those of its model, target and seed. */
function rivalsOf(run: PlannedRun, runs: readonly PlannedRun[]): string[] {
  const { model, target } = run.recipe;
  return runs
    .slice(0, runs.indexOf(run))
    .filter(
      ({ recipe, seed }) => seed === run.seed && recipe.target === target && recipe.model.name === model.name,
    )
    .map(({ recipe }) => recipe.out);
}

/**
 * Does the runs of a study that are not done yet, then writes its table and report. Killed and run again, it skips what
 * is finished and resumes what is not.
 *
 * @param ready - From {@link readyStudy}.
 * @param name - Of the recipe.
 */
export async function runStudy(ready: ReadyStudy, name: string, console: JobConsole): Promise<StudyResult[]> {
  const { recipe, plan } = ready;
  const { out, evaluation, seeds } = recipe;
  checkPlace(out, 'a study');
  await refuseOthers(recipe, plan, console.models);
  const kinds = new Map<PlannedRun, AnyModel>();
  for (const run of plan.runs) kinds.set(run, await anyModelOf(run.recipe, console));
  if (plan.runs.length > 0 && [...kinds.values()].every(isNews)) return runNewsStudy(ready, name, console);
  const { metric, cutoffs, ties } = evaluation;
  const measure: Measure = { metric, cutoffs, ties };
  // Reading is cheap, and a wrong path should not be found after hours of training.
  const domains: StudyReport['domains'][number][] = [];
  for (const reference of plan.sources)
    domains.push({ role: 'source', domain: await openDomain(reference, evaluation) });
  const targets = [];
  for (const { reference, place } of plan.targets)
    targets.push({ place, domain: await openDomain(reference, evaluation) });
  domains.push(...targets.map(({ domain }) => ({ role: 'target', domain })));
  makeDirectory(out);
  replaceFile(join(out, 'recipe.yaml'), recipeYaml({ ...recipe, out: undefined }));
  const began = performance.now();
  const total = plan.preparations.length + plan.runs.length;
  console.line(`${name}: ${runsText(plan)} in ${out}`);
  const quiet: JobConsole = { ...console, training: redrawnOnly(console.training) };
  const reader = await domainReader(plan, console);
  let done = 0;
  const line = (text: string): void => {
    console.line(`[${String(++done).padStart(String(total).length)}/${total}] ${text}`);
  };
  const prepare = async ({ title, recipe: own }: Preparation): Promise<void> => {
    const before = isPrepared(own) ? readSummary(own.out) : undefined;
    const loaded: LoadedDomain[] = [];
    if (!before) for (const reference of own.sources) loaded.push(await reader.take(reference, own));
    const summary = before ?? (await runPretrain(own, quiet, { loaded, describe: false }));
    if (!before) for (const reference of own.sources) reader.done(reference, own);
    const ending = before ? 'finished before' : seconds(summary.timings.totalSeconds);
    line(`${title.padEnd(44)}  ${counted(summary.epochs, 'epoch')}, ${ending}`);
  };
  const baselines: BaselineResult[] = [];
  // Baselines rank the rows of models of sequences; those of user-item studies are models themselves.
  const sequences = plan.runs.length === 0 || [...kinds.values()].some((model) => !isUserItem(model));
  for (const [at, { place, domain }] of sequences ? targets.entries() : []) {
    const { reference } = plan.targets[at]!;
    const used = richestRun(plan, reference);
    const directory = join(out, 'baselines', domain.name);
    const features = used && (async () => (await reader.take(reference, used)).features);
    const target = { place, domain, directory, features };
    baselines.push(...(await runBaselines(recipe.baselines, target, evaluation, console.line)));
  }
  const command = console.resumeCommand ?? shellCommand('ferry', 'study', join(out, 'recipe.yaml'));
  const results: StudyResult[] = [];
  const report = (): Promise<string> =>
    writeResults(
      {
        ...{ out, recipe, command, plan, measure, results, baselines, domains },
        rows: studyRows(plan.axes, results, measure),
      },
      name,
      console.columns,
    );
  const prepared = new Set<string>();
  let written = began;
  let reportSeconds = 0;
  for (const run of plan.runs) {
    const { needs, recipe: own, place, seed } = run;
    if (needs !== undefined && !prepared.has(needs)) {
      await prepare(plan.preparations.find((each) => each.name === needs)!);
      prepared.add(needs);
    }
    const before = await finishedTarget(own, readSummary(own.out), epochsOf(kinds.get(run)!));
    const least = plan.medianRule && medianRule(plan.medianRule, metric, rivalsOf(run, plan.runs));
    const result =
      before ??
      (await runOne(run, kinds.get(run)!, quiet, {
        loaded: await reader.take(own.target, own),
        least,
      }));
    reader.done(own.target, own);
    line(runLine(plan, run, result, { measure, before: before !== undefined }));
    results.push({ name: run.name, place, seed, directory: own.out, ...result });
    // A long study can be read while it runs; what that takes must not be felt.
    const pause = (performance.now() - written) / 1000;
    if (!before && pause > 10 * reportSeconds) {
      const start = performance.now();
      await report();
      written = performance.now();
      reportSeconds = (written - start) / 1000;
    }
  }
  const table = await report();
  console.line(`\n${table}`);
  console.line(
    `${seconds((performance.now() - began) / 1000)}; ${counted(seeds.length, 'seed')}; report: ${join(out, 'report.html')}`,
  );
  return results;
}

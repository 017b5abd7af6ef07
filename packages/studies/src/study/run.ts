import { metricTitle } from '@ferry/evaluation';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { shellCommand } from '@ferry/recipes';
import { readSummary, replaceFile } from '@ferry/training';
import { openDomain } from '../domains.ts';
import { redrawnOnly, type JobConsole } from '../jobs/console.ts';
import { finishedFinetune, runFinetune } from '../jobs/finetune.ts';
import {
  describeDomain,
  dropsWords,
  loadDomain,
  openForJob,
  type LoadedDomain,
  type OpenedDomain,
} from '../jobs/model.ts';
import { checkPlace } from '../jobs/place.ts';
import { runPretrain } from '../jobs/pretrain.ts';
import type { TargetResult } from '../jobs/target.ts';
import { recipeYaml } from '../recipeYaml.ts';
import { lineName, settingName } from './axes.ts';
import { runBaselines, type BaselineResult } from './baselines.ts';
import { refuseOthers } from './check.ts';
import type { PlacedStudy, PlannedRun, Preparation, StudyDefinition, StudyPlan } from './plan.ts';
import { counted } from '../words.ts';
import type { StudyReport } from './report.ts';
import { recallOf, studyRows, type Measure, type StudyResult } from './results.ts';
import { writeResults } from './write.ts';

/** Reads each domain once, and finds what any of them lacks before the first is encoded. */
async function domainReader(recipe: PlacedStudy, plan: StudyPlan, console: JobConsole) {
  const words = dropsWords(recipe.pretraining);
  const prepares = plan.preparations.some(({ recipe: own }) => !readSummary(own.out));
  const opened = new Map<string, OpenedDomain>();
  const open = async (reference: string, rows: ('train' | 'valid')[]): Promise<void> => {
    const options = { words: words && plan.sources.includes(reference), rows };
    opened.set(reference, await openForJob(reference, recipe, options));
  };
  if (prepares) for (const source of plan.sources) await open(source, ['train']);
  for (const { reference } of plan.targets) await open(reference, ['train', 'valid']);
  const known = new Map<string, LoadedDomain>();
  return async (reference: string): Promise<LoadedDomain> => {
    const found = known.get(reference) ?? (await loadDomain(opened.get(reference)!, recipe, console));
    if (!known.has(reference)) for (const line of describeDomain(found)) console.line(line);
    known.set(reference, found);
    return found;
  };
}

const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** The line that says how a run ended. */
function runLine(
  { axes }: StudyPlan,
  { place, seed }: PlannedRun,
  { summary }: TargetResult,
  { measure, before }: { measure: Measure; before: boolean },
): string {
  const shown = [...new Set([measure.metric, recallOf(measure)])].flatMap((name) => {
    const value = summary.test?.[name];
    return value === undefined ? [] : [`${metricTitle(name)} ${value.toFixed(4)}  `];
  });
  const what = `${settingName(axes, place)}, ${lineName(axes, place)}, seed ${seed}`;
  const ending = before ? 'finished before' : seconds(summary.timings.totalSeconds);
  return `${what.padEnd(44)}  ${shown.join('')}epoch ${summary.best.epoch}/${summary.epochs}  ${ending}`;
}

/**
 * Does the runs of a study that are not done yet, then writes its table and report. Killed and run again, it skips what
 * is finished and resumes what is not.
 *
 * @param recipe - With the study's directory in `out`.
 * @param name - Of the recipe.
 * @param study - What kind of study it is.
 */
export async function runStudy(
  recipe: PlacedStudy,
  name: string,
  study: StudyDefinition,
  console: JobConsole,
): Promise<StudyResult[]> {
  const { out, evaluation, seeds } = recipe;
  const plan = study.plan(recipe, name);
  const { metric, cutoffs, ties } = evaluation;
  const measure: Measure = { metric, cutoffs, ties };
  checkPlace(out);
  refuseOthers(recipe, plan);
  // Reading is cheap, and a wrong path should not be found after hours of training.
  const domains: StudyReport['domains'][number][] = [];
  for (const reference of plan.sources) domains.push({ role: 'source', domain: await openDomain(reference) });
  const targets = [];
  for (const { reference, place } of plan.targets)
    targets.push({ place, domain: await openDomain(reference) });
  domains.push(...targets.map(({ domain }) => ({ role: 'target', domain })));
  mkdirSync(out, { recursive: true });
  replaceFile(join(out, 'recipe.yaml'), recipeYaml({ ...recipe, out: undefined }));
  const began = performance.now();
  const total = plan.preparations.length + plan.runs.length;
  console.line(
    `${name}: ${plan.preparations.length > 0 ? `${counted(plan.preparations.length, 'pre-training run')} and ` : ''}${counted(plan.runs.length, 'fine-tuning run')} in ${out}`,
  );
  const quiet: JobConsole = { ...console, training: redrawnOnly(console.training) };
  const open = await domainReader(recipe, plan, console);
  let done = 0;
  const line = (text: string): void => {
    console.line(`[${String(++done).padStart(String(total).length)}/${total}] ${text}`);
  };
  const prepare = async ({ title, recipe: own }: Preparation): Promise<void> => {
    const finished = readSummary(own.out);
    const before = finished && finished.epochs >= own.pretraining.epochs ? finished : undefined;
    const loaded: LoadedDomain[] = [];
    if (!before) for (const reference of own.sources) loaded.push(await open(reference));
    const summary = before ?? (await runPretrain(own, quiet, { loaded, describe: false }));
    line(
      `${title.padEnd(44)}  ${counted(summary.epochs, 'epoch')}, ${before ? 'finished before' : seconds(summary.timings.totalSeconds)}`,
    );
  };
  const baselines: BaselineResult[] = [];
  for (const { place, domain } of targets)
    baselines.push(...(await runBaselines(recipe.baselines, place, domain, evaluation)));
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
  for (const run of plan.runs) {
    const { needs, recipe: own, place, seed } = run;
    if (needs !== undefined && !prepared.has(needs)) {
      await prepare(plan.preparations.find((each) => each.name === needs)!);
      prepared.add(needs);
    }
    const before = await finishedFinetune(own, readSummary(own.out));
    const result =
      before ?? (await runFinetune(own, quiet, { loaded: await open(own.target), describe: false }));
    line(runLine(plan, run, result, { measure, before: before !== undefined }));
    results.push({ name: run.name, place, seed, directory: own.out, ...result });
    // A long study can be read while it runs.
    if (!before) await report();
  }
  const table = await report();
  console.line(`\n${table}`);
  console.line(
    `${seconds((performance.now() - began) / 1000)}; ${counted(seeds.length, 'seed')}; report: ${join(out, 'report.html')}`,
  );
  return results;
}

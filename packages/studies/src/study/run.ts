import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError, type StudyRecipe } from '@ferry/recipes';
import { tableToCsv, tableToMarkdown, tableToText } from '@ferry/report';
import { differences, readSummary, type JsonObject } from '@ferry/training';
import { parse } from 'yaml';
import { readDetails } from '../details.ts';
import { redrawnOnly, type JobConsole } from '../jobs/console.ts';
import { runFinetune, type FinetuneResult } from '../jobs/finetune.ts';
import { openDomain } from '../domains.ts';
import { describeDomain, dropsWords, loadDomain, type LoadedDomain } from '../jobs/model.ts';
import { runPretrain } from '../jobs/pretrain.ts';
import { recipeYaml } from '../jobs/runs.ts';
import { asJson, mayDiffer } from '../jobs/train.ts';
import { runBaselines, type BaselineResult } from './baselines.ts';
import { planStudy, type Cell, type StudyPlan } from './plan.ts';
import { studyReport } from './report.ts';
import { studyRows, type CellResult } from './results.ts';
import { lineName, studyTable } from './table.ts';

/** A study and where it is made. */
export type PlacedStudy = StudyRecipe & { out: string };

/** Refuses a directory whose runs were made by other settings, before any work is done. */
function refuseOthers(recipe: PlacedStudy, { pretrainings, cells }: StudyPlan): void {
  const problems = new Set<string>();
  for (const { recipe: planned } of [...pretrainings, ...cells]) {
    const file = join(planned.out, 'recipe.yaml');
    if (!existsSync(file)) continue;
    for (const { path, left, right } of differences(
      parse(readFileSync(file, 'utf8')) as JsonObject,
      asJson(planned),
    ))
      if (!mayDiffer.some((free) => path === free))
        problems.add(`${path} was ${JSON.stringify(left ?? null)}, is ${JSON.stringify(right ?? null)}`);
  }
  if (problems.size > 0)
    throw new UserError(
      `${recipe.out} holds runs of another recipe: ${[...problems].join('; ')}. Choose another directory with --out`,
    );
}

/** Reads each domain once. */
function domainReader(recipe: PlacedStudy, console: JobConsole) {
  const known = new Map<string, LoadedDomain>();
  const words = dropsWords(recipe.pretraining);
  return async (reference: string): Promise<LoadedDomain> => {
    const options = { words: words && recipe.sources.includes(reference) };
    const found = known.get(reference) ?? (await loadDomain(reference, recipe, console, options));
    if (!known.has(reference)) for (const line of describeDomain(found)) console.line(line);
    known.set(reference, found);
    return found;
  };
}

const seconds = (value: number): string => `${value.toFixed(1)} s`;

/** The line that says how a run ended. */
function cellLine(cell: Cell, cells: readonly Cell[], { summary }: FinetuneResult, before: boolean): string {
  const { target, ids, seed } = cell;
  const test = summary.test ?? {};
  const metric = (name: string, title: string): string =>
    test[name] === undefined ? '' : `${title} ${test[name].toFixed(4)}  `;
  const what = `${target}, ${lineName(cell, cells)}, ${ids ? 'IDs' : 'no IDs'}, seed ${seed}`;
  const ending = before ? 'finished before' : seconds(summary.timings.totalSeconds);
  return `${what.padEnd(44)}  ${metric('ndcg@10', 'NDCG@10')}${metric('recall@10', 'Recall@10')}epoch ${summary.best.epoch}/${summary.epochs}  ${ending}`;
}

/** What a finished run left behind, if it is finished. */
function finishedBefore(out: string): FinetuneResult | undefined {
  const summary = readSummary(out);
  const details = readDetails(out);
  return summary && details && { summary, details };
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

/** Writes the table in three forms and the report; returns the table for the terminal. */
function writeResults(
  recipe: PlacedStudy,
  plan: StudyPlan,
  results: readonly CellResult[],
  { name, command, baselines }: { name: string; command: string; baselines: readonly BaselineResult[] },
): string {
  const rows = studyRows(results);
  const table = studyTable(rows, baselines);
  const runs = results.map(({ target, start, ids, variant, seed, directory, summary }) => ({
    target,
    start,
    ids,
    variant,
    seed,
    directory,
    bestEpoch: summary.best.epoch,
    valid: summary.best.valid,
    test: summary.test,
    parameters: summary.parameters,
    seconds: summary.timings.totalSeconds,
  }));
  write(join(recipe.out, 'results.md'), tableToMarkdown(table));
  write(join(recipe.out, 'results.csv'), tableToCsv(table));
  const simple = baselines.map(({ target, name: baseline, test }) => ({ target, name: baseline, test }));
  write(
    join(recipe.out, 'results.json'),
    `${JSON.stringify({ name, command, baselines: simple, rows, runs }, null, 2)}\n`,
  );
  write(
    join(recipe.out, 'report.html'),
    studyReport({ recipe, name, command, plan, results, rows, baselines }),
  );
  return tableToText(table);
}

/**
 * Does the runs of a study that are not done yet, then writes its table and report. Killed and run again, it skips what
 * is finished and resumes what is not.
 *
 * @param recipe - With the study's directory in `out`.
 * @param name - Of the recipe.
 */
export async function runStudy(
  recipe: PlacedStudy,
  name: string,
  console: JobConsole,
): Promise<CellResult[]> {
  const plan = planStudy(recipe);
  refuseOthers(recipe, plan);
  mkdirSync(recipe.out, { recursive: true });
  write(join(recipe.out, 'recipe.yaml'), recipeYaml(recipe));
  const began = performance.now();
  const total = plan.pretrainings.length + plan.cells.length;
  console.line(
    `${name}: ${plan.pretrainings.length} pre-training and ${plan.cells.length} fine-tuning runs in ${recipe.out}`,
  );
  const quiet: JobConsole = { ...console, training: redrawnOnly(console.training) };
  const open = domainReader(recipe, console);
  let done = 0;
  const line = (text: string): void => {
    console.line(`[${String(++done).padStart(String(total).length)}/${total}] ${text}`);
  };
  const pretrain = async (out: string): Promise<void> => {
    const { recipe: own, variant } = plan.pretrainings.find((planned) => planned.recipe.out === out)!;
    const before = readSummary(out);
    const sources: LoadedDomain[] = [];
    if (!before) for (const reference of own.sources) sources.push(await open(reference));
    const summary = before ?? (await runPretrain(own, quiet, { loaded: sources, describe: false }));
    line(
      `${`pre-training${variant === undefined ? '' : ` of ${variant}`}, seed ${own.seed}`.padEnd(44)}  ${summary.epochs} epochs, ${before ? 'finished before' : seconds(summary.timings.totalSeconds)}`,
    );
  };
  const baselines: BaselineResult[] = [];
  for (const target of recipe.targets)
    baselines.push(...(await runBaselines(recipe.baselines, await openDomain(target), recipe.evaluation)));
  const command = console.resumeCommand ?? `ferry study ${join(recipe.out, 'recipe.yaml')}`;
  const results: CellResult[] = [];
  const report = (): string => writeResults(recipe, plan, results, { name, command, baselines });
  const pretrained = new Set<string>();
  for (const cell of plan.cells) {
    const { recipe: own, ...place } = cell;
    if (own.from !== null && !pretrained.has(own.from)) {
      await pretrain(own.from);
      pretrained.add(own.from);
    }
    const before = finishedBefore(own.out);
    const result =
      before ?? (await runFinetune(own, quiet, { loaded: await open(own.target), describe: false }));
    line(cellLine(cell, plan.cells, result, before !== undefined));
    results.push({ ...place, directory: own.out, ...result });
    // A long study can be read while it runs.
    if (!before) report();
  }
  const table = report();
  console.line(`\n${table}`);
  console.line(`${seconds((performance.now() - began) / 1000)}; report: ${join(recipe.out, 'report.html')}`);
  return results;
}

import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { evaluateImpressions, impressionMetrics as metricNames, type AnyNewsModel } from '@ferry/nrms';
import { shellCommand, type TrainRecipe } from '@ferry/recipes';
import { readSummary, replaceFile } from '@ferry/training';
import { anyModelOf } from '../jobs/recommender.ts';
import { redrawnOnly, type JobConsole } from '../jobs/console.ts';
import { newsFeatures } from '../jobs/newsFeatures.ts';
import { newsFloors } from '../jobs/newsFloors.ts';
import { runNews } from '../jobs/news.ts';
import { newsEvaluationOf, newsOptionsOf, openNews } from '../jobs/newsData.ts';
import { finishedTarget } from '../jobs/target.ts';
import { recipeYaml } from '../recipeYaml.ts';
import { counted } from '../words.ts';
import { lineName, settingName } from './axes.ts';
import type { ReadyStudy } from './complete.ts';
import { writeNewsStudy } from './newsReport.ts';
import type { NewsTarget } from './newsTargets.ts';
import type { PlannedRun, StudyPlan } from './plan.ts';
import type { StudyResult } from './results.ts';

type NewsRun = PlannedRun & { recipe: TrainRecipe & { out: string } };

/** What the targets are, and what their floors reach: of vectors those of the first run that reads most. */
async function openTargets({ targets, runs }: StudyPlan, console: JobConsole): Promise<NewsTarget[]> {
  const found: NewsTarget[] = [];
  for (const { reference, place } of targets) {
    const own = (runs as NewsRun[]).filter(({ recipe }) => recipe.target === reference);
    const read = ({ recipe: { features } }: NewsRun): number =>
      [features.text, features.image].filter((encoder) => encoder !== 'none' && encoder !== 'trained').length;
    const { recipe } = own.reduce((best, run) => (read(run) > read(best) ? run : best));
    const model = (await anyModelOf(recipe, console)) as AnyNewsModel;
    const options = { ...newsOptionsOf(model, recipe), defects: [], missingPictures: 'text-alone' };
    const opened = await openNews(recipe, options);
    const features = await newsFeatures(opened, recipe, options, (modality, progress) => {
      console.features?.(opened.name, modality, progress);
    });
    const { parts, data } = opened;
    const { ties } = newsEvaluationOf(recipe);
    found.push({
      ...{ place, protocol: parts.protocol, news: data.news.count, impressions: parts.test.count },
      floors: Object.entries(newsFloors(opened, { features })).map(([name, scores]) => ({
        ...{ place, name },
        values: evaluateImpressions(parts.test, scores, { ties }).values,
      })),
    });
  }
  return found;
}

/**
 * Does the runs of a study of news models that are not done yet, then writes its table and report. Killed and run again,
 * it skips what is finished and resumes what is not.
 *
 * @param name - Of the recipe.
 */
export async function runNewsStudy(
  { recipe, plan }: ReadyStudy,
  name: string,
  console: JobConsole,
): Promise<StudyResult[]> {
  const { out, seeds } = recipe;
  const began = performance.now();
  const targets = await openTargets(plan, console);
  makeDirectory(out);
  replaceFile(join(out, 'recipe.yaml'), recipeYaml({ ...recipe, out: undefined }));
  console.line(`${name}: ${counted(plan.runs.length, 'training run')} in ${out}`);
  const quiet: JobConsole = { ...console, line: () => undefined, training: redrawnOnly(console.training) };
  const { metric } = newsEvaluationOf(recipe);
  const named = ({ place, seed }: PlannedRun): string =>
    `${settingName(plan.axes, place)}, ${lineName(plan.axes, place)}, seed ${seed}`;
  const width = plan.runs.reduce((most, run) => Math.max(most, named(run).length), 0);
  const results: StudyResult[] = [];
  for (const [at, run] of (plan.runs as NewsRun[]).entries()) {
    const model = (await anyModelOf(run.recipe, console)) as AnyNewsModel;
    const before = await finishedTarget(run.recipe, readSummary(run.recipe.out));
    const result = before ?? (await runNews(run.recipe, model, quiet));
    const { summary } = result;
    const shown = metricNames.map((key) => summary.test?.[key]?.toFixed(4) ?? '').join(' ');
    console.line(
      `[${String(at + 1).padStart(String(plan.runs.length).length)}/${plan.runs.length}] ${named(run).padEnd(width)}  ` +
        `${shown}  epoch ${summary.best.epoch}/${summary.epochs}  ` +
        (before ? 'finished before' : `${summary.timings.totalSeconds.toFixed(1)} s`),
    );
    results.push({ name: run.name, place: run.place, seed: run.seed, directory: run.recipe.out, ...result });
  }
  const command = console.resumeCommand ?? shellCommand('ferry', 'study', join(out, 'recipe.yaml'));
  const text = await writeNewsStudy(
    { recipe, plan, results, targets, command, metric },
    name,
    console.columns,
  );
  console.line(`\n${text}`);
  console.line(
    `${((performance.now() - began) / 1000).toFixed(1)} s; ${counted(seeds.length, 'seed')}; report: ` +
      join(out, 'report.html'),
  );
  return results;
}

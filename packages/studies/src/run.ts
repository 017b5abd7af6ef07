import { metricTitle } from '@ferry/evaluation';
import { selectBackend, type BackendSpec } from '@ferry/engine';
import { shellCommand, type RunRecipe } from '@ferry/recipes';
import { formatCount, readSummary } from '@ferry/training';
import type { JobConsole } from './jobs/console.ts';
import { runPretrain } from './jobs/pretrain.ts';
import { isNews, isUserItem } from './jobs/anyModel.ts';
import { runNews } from './jobs/news.ts';
import { anyModelOf } from './jobs/recommender.ts';
import { runTarget } from './jobs/target.ts';
import { runUserItem } from './jobs/userItem.ts';
import { writeRunReport } from './runReport.ts';
import type { ReadyStudy } from './study/complete.ts';
import type { Placed } from './study/plan.ts';
import { counted } from './words.ts';
import { runStudy } from './study/run.ts';

const metrics = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${metricTitle(name)} ${value.toFixed(4)}`)
    .join('  ');

/** Starts what computes, and says what that is. */
export async function startBackend(
  recipe: { backend: string; threads?: number },
  console: JobConsole,
): Promise<void> {
  const engine = await selectBackend(recipe.backend as BackendSpec, {
    threads: recipe.threads,
    log: () => undefined,
  });
  console.line(
    `${engine.backend} on ${engine.device}, ${counted(engine.threads, 'thread')} (${engine.reason})`,
  );
}

/**
 * Does a recipe's job in the directory `recipe.out`: begins it, resumes it, or shows what is finished.
 *
 * @param recipe - Whole: of one run, or of a study with its plan.
 * @param name - Of the recipe.
 * @throws StoppedError if someone stopped it.
 */
export async function runJob(
  recipe: (RunRecipe & Placed) | ReadyStudy,
  name: string,
  console: JobConsole,
): Promise<void> {
  await startBackend('plan' in recipe ? recipe.recipe : recipe, console);
  if ('plan' in recipe) {
    await runStudy(recipe, name, console);
    return;
  }
  const before = readSummary(recipe.out)?.epochs;
  const command = console.resumeCommand;
  if (recipe.job === 'pretrain') {
    const summary = await runPretrain(recipe, console);
    const report = await writeRunReport(recipe, summary, { command });
    console.line(
      `${before === summary.epochs ? 'was finished before' : 'pre-trained'}: ${counted(summary.epochs, 'epoch')}, ` +
        `${formatCount(summary.parameters['total'] ?? 0)} weights`,
    );
    console.line(`report: ${report}`);
    console.line(`to go on: ferry finetune <recipe> ${shellCommand(`from=${recipe.out}`)}`);
    return;
  }
  const model = await anyModelOf(recipe, console);
  const { summary, details, rows } =
    recipe.job === 'train' && isUserItem(model)
      ? await runUserItem(recipe, model, console)
      : recipe.job === 'train' && isNews(model)
        ? await runNews(recipe, model, console)
        : await runTarget(recipe, console);
  const report = await writeRunReport(recipe, summary, { details, rows, command });
  if (before === summary.epochs)
    console.line(
      'was finished before; for another run choose another --out, or give it more ' +
        (recipe.job === 'train' ? 'training.epochs' : 'finetuning.epochs'),
    );
  console.line(
    `best epoch ${summary.best.epoch} of ${summary.epochs}: validation ${metrics(summary.best.valid)}`,
  );
  if (summary.test) console.line(`test: ${metrics(summary.test)}`);
  console.line(`report: ${report}`);
}

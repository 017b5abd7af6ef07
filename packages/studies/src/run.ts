import { metricTitle } from '@ferry/evaluation';
import { selectBackend, type BackendSpec } from '@ferry/engine';
import { shellCommand, type Recipe } from '@ferry/recipes';
import { formatCount, readSummary } from '@ferry/training';
import type { JobConsole } from './jobs/console.ts';
import { runFinetune } from './jobs/finetune.ts';
import { runPretrain } from './jobs/pretrain.ts';
import { modelOf, runTrain } from './jobs/trainModel.ts';
import { writeRunReport } from './runReport.ts';
import type { StudyDefinition } from './study/plan.ts';
import { counted } from './words.ts';
import { runStudy } from './study/run.ts';

const metrics = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${metricTitle(name)} ${value.toFixed(4)}`)
    .join('  ');

/**
 * Does a recipe's job in the directory `recipe.out`: begins it, resumes it, or shows what is finished.
 *
 * @param name - Of the recipe.
 * @param study - How a study's recipe becomes its plan; needed by studies alone.
 * @throws StoppedError if someone stopped it.
 */
export async function runJob(
  recipe: Recipe & { out: string },
  name: string,
  console: JobConsole,
  study?: StudyDefinition,
): Promise<void> {
  const engine = await selectBackend(recipe.backend as BackendSpec, {
    threads: recipe.threads,
    log: () => undefined,
  });
  console.line(
    `${engine.backend} on ${engine.device}, ${engine.threads} ${engine.threads === 1 ? 'thread' : 'threads'} (${engine.reason})`,
  );
  if (recipe.job === 'study') {
    if (!study) throw new Error('runJob: a study must be told how to plan');
    await runStudy(recipe, name, study, console);
    return;
  }
  const before = readSummary(recipe.out)?.epochs;
  const command = console.resumeCommand;
  if (recipe.job === 'pretrain') {
    const summary = await runPretrain(recipe, console);
    const report = await writeRunReport(recipe, summary, { command });
    console.line(
      `${before === summary.epochs ? 'was finished before' : 'pre-trained'}: ${counted(summary.epochs, 'epoch')}, ${formatCount(summary.parameters['total'] ?? 0)} weights`,
    );
    console.line(`report: ${report}`);
    console.line(`to go on: ferry finetune <recipe> ${shellCommand(`from=${recipe.out}`)}`);
    return;
  }
  const { summary, details, rows } =
    recipe.job === 'train'
      ? await runTrain(recipe, await modelOf(recipe, console), console)
      : await runFinetune(recipe, console);
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

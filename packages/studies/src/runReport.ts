import { metricTitle } from '@ferry/evaluation';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { domainName, shellCommand, type PretrainRecipe } from '@ferry/recipes';
import type { TargetRecipe } from './jobs/target.ts';
import { lineChart, renderReport, type Block, type Section } from '@ferry/report';
import { formatSpeed, readMetrics, type Summary } from '@ferry/training';
import type { RunDetails } from './details.ts';
import { readEnvironment } from './environment.ts';
import { groupTable } from './jobs/evaluate.ts';
import { interestChart } from './interestChart.ts';
import { areOfItems, groupsOf } from './rowMetrics.ts';
import type { RankedRows } from './rows.ts';
import { recallOf } from './study/results.ts';
import { epochsOf } from './study/curves.ts';

function lossChart(run: string): string {
  const steps = readMetrics(run).flatMap((record) =>
    record.kind === 'step' ? [[record.step, record.loss] as const] : [],
  );
  const epochs = epochsOf(run).map((record) => [record.step, record.loss] as const);
  return lineChart({
    title: 'Training loss',
    description: 'Training loss by step: of single batches, and mean over each epoch.',
    x: { title: 'step' },
    y: { title: 'loss' },
    series: [
      ...(steps.length > 1 ? [{ name: 'one batch', points: steps }] : []),
      { name: 'mean of the epoch', points: epochs },
    ],
  });
}

function validChart(run: string, best: number): string {
  const epochs = epochsOf(run);
  // With validateEvery the first epochs have no validation.
  const validated = epochs.find(({ valid }) => valid !== undefined);
  const names = Object.keys(validated?.valid ?? {}).filter((name) => !name.endsWith('mrr'));
  return lineChart({
    title: 'Validation',
    description: 'Validation metrics after each epoch.',
    x: { title: 'epoch' },
    y: { title: 'metric', zero: true },
    marks: [{ x: best, text: 'best' }],
    series: names.map((name) => ({
      name: metricTitle(name),
      points: epochs.flatMap(({ epoch, valid }) =>
        valid?.[name] === undefined ? [] : [[epoch, valid[name]] as const],
      ),
    })),
  });
}

function detailSections(
  { evaluation: { cutoffs, ties }, ...recipe }: TargetRecipe & { out: string },
  { details: { interests }, rows }: { details: RunDetails; rows: RankedRows },
  command: string,
): Section[] {
  return [
    {
      title: 'Test by group',
      blocks: groupsOf(rows, cutoffs, ties).map(({ title, groups }): Block => ({
        kind: 'table',
        table: groupTable(title, groups),
        caption: `${areOfItems(groups) ? 'Wanted items of the test rows' : 'Test rows'} by ${title}.`,
        command,
      })),
    },
    ...(interests
      ? [
          {
            title: 'Interests',
            blocks: [
              {
                kind: 'charts',
                charts: [interestChart(basename(recipe.out), interests, command)],
              } satisfies Block,
            ],
          },
        ]
      : []),
  ];
}

/** Title and summary of a run's report. */
function headOf(recipe: PretrainRecipe | TargetRecipe): { title: string; summary: string } {
  const { seed } = recipe;
  if (recipe.job === 'train') {
    const { name, ...settings } = recipe.model;
    const given = Object.entries(settings).filter(([, value]) => typeof value !== 'object');
    return {
      title: `${domainName(recipe.target)}: ${name}`,
      summary: [
        `Trained by ${recipe.objective.name ?? 'its first objective'}`,
        ...(recipe.warm === undefined ? [] : [`from \`${recipe.warm}\``]),
        ...given.map(([key, value]) => `${key} ${String(value)}`),
        `seed ${seed}.`,
      ].join(', '),
    };
  }
  const { name, preset } = recipe.model;
  const model = typeof preset === 'string' ? `${name!}, preset ${preset}` : name!;
  if (recipe.job === 'pretrain')
    return {
      title: `Pre-training on ${recipe.sources.map(domainName).join(', ')}`,
      summary: `${model}, seed ${seed}.`,
    };
  const scratch = recipe.from === null;
  return {
    title: `${domainName(recipe.target)}: ${scratch ? 'from scratch' : 'fine-tuned'}`,
    summary:
      `${model}, ${recipe.ids ? 'with' : 'without'} item IDs, ` +
      `${scratch ? 'from scratch' : `from \`${recipe.from!}\``}, seed ${seed}.`,
  };
}

/** The metrics that a report begins with. */
function ledMetrics({ evaluation }: TargetRecipe, rows: RankedRows | undefined): string[] {
  const { impressions } = rows ?? {};
  return impressions
    ? Object.keys(impressions.values)
    : [...new Set([evaluation.metric, recallOf(evaluation)])];
}

/** Writes a run's `report.html`; returns its path. */
export async function writeRunReport(
  recipe: (PretrainRecipe | TargetRecipe) & { out: string },
  summary: Summary,
  { details, rows, command: given }: { details?: RunDetails; rows?: RankedRows; command?: string },
): Promise<string> {
  const run = recipe.out;
  const command = given ?? shellCommand('ferry', recipe.job, join(run, 'recipe.yaml'));
  const number = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(4));
  const { test, best } = summary;
  const parameters = summary.parameters['trainable'] ?? summary.parameters['total'] ?? 0;
  const facts = [
    ...(test && recipe.job !== 'pretrain'
      ? ledMetrics(recipe, rows).map((name) => ({
          name: `test ${metricTitle(name)}`,
          value: number(test[name]),
        }))
      : []),
    { name: 'best epoch', value: String(best.epoch), note: `of ${summary.epochs} (${summary.reason})` },
    { name: 'weights trained', value: parameters.toLocaleString('en-US') },
    {
      name: 'seconds an epoch',
      value: summary.timings.epochSeconds.toFixed(2),
      note: formatSpeed(summary.timings.examplesPerSecond, summary.counted ?? 'sequences'),
    },
  ];
  const charts = [
    { svg: lossChart(run), caption: 'Loss of training.', command },
    ...(test ? [{ svg: validChart(run, best.epoch), caption: 'Validation after each epoch.', command }] : []),
  ];
  const html = await renderReport({
    ...headOf(recipe),
    sections: [
      {
        title: 'Result',
        blocks: [
          { kind: 'facts', facts },
          { kind: 'charts', charts },
        ],
      },
      ...(details && rows && recipe.job !== 'pretrain'
        ? detailSections(recipe, { details, rows }, command)
        : []),
      {
        title: 'How to repeat it',
        blocks: [{ kind: 'code', code: command }],
      },
    ],
    environment: readEnvironment(run),
  });
  const file = join(run, 'report.html');
  writeFileSync(file, html);
  return file;
}

import { metricTitle } from '@ferry/evaluation';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { domainName, shellCommand, type FinetuneRecipe, type PretrainRecipe } from '@ferry/recipes';
import { lineChart, renderReport, type Block, type Section } from '@ferry/report';
import { readMetrics, type Summary } from '@ferry/training';
import type { RunDetails } from './details.ts';
import { readEnvironment } from './environment.ts';
import { groupTable } from './jobs/evaluate.ts';
import { interestChart } from './interestChart.ts';
import { groupsOf, type RankedRows } from './rows.ts';
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
  const names = Object.keys(epochs[0]?.valid ?? {}).filter((name) => name !== 'mrr');
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
  { evaluation: { cutoffs, ties }, ...recipe }: FinetuneRecipe & { out: string },
  { details: { interests }, rows }: { details: RunDetails; rows: RankedRows },
  command: string,
): Section[] {
  return [
    {
      title: 'Test by group',
      blocks: groupsOf(rows, cutoffs, ties).map(({ title, groups }): Block => ({
        kind: 'table',
        table: groupTable(title, groups),
        caption: `Test rows by ${title}.`,
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

/** Writes a run's `report.html`; returns its path. */
export function writeRunReport(
  recipe: (PretrainRecipe | FinetuneRecipe) & { out: string },
  summary: Summary,
  {
    details,
    rows,
    command: given,
  }: { details?: RunDetails; rows?: RankedRows; command?: string | undefined },
): string {
  const run = recipe.out;
  const command = given ?? shellCommand('ferry', recipe.job, join(run, 'recipe.yaml'));
  const number = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(4));
  const { test, best } = summary;
  const parameters = summary.parameters['trainable'] ?? summary.parameters['total'] ?? 0;
  const facts = [
    ...(test && recipe.job === 'finetune'
      ? [...new Set([recipe.evaluation.metric, recallOf(recipe.evaluation)])].map((name) => ({
          name: `test ${metricTitle(name)}`,
          value: number(test[name]),
        }))
      : []),
    { name: 'best epoch', value: String(best.epoch), note: `of ${summary.epochs} (${summary.reason})` },
    { name: 'weights trained', value: parameters.toLocaleString('en-US') },
    {
      name: 'seconds an epoch',
      value: summary.timings.epochSeconds.toFixed(2),
      note: `${Math.round(summary.timings.sequencesPerSecond).toLocaleString('en-US')} sequences/s`,
    },
  ];
  const charts = [
    { svg: lossChart(run), caption: 'Loss of training.', command },
    ...(test ? [{ svg: validChart(run, best.epoch), caption: 'Validation after each epoch.', command }] : []),
  ];
  const from = recipe.job === 'finetune' && recipe.from !== null ? `from \`${recipe.from}\`` : 'from scratch';
  const html = renderReport({
    title:
      recipe.job === 'finetune'
        ? `${domainName(recipe.target)}: ${recipe.from === null ? 'from scratch' : 'fine-tuned'}`
        : `Pre-training on ${recipe.sources.map(domainName).join(', ')}`,
    summary:
      recipe.job === 'finetune'
        ? `Preset ${recipe.model.preset}, ${recipe.ids ? 'with' : 'without'} item IDs, ${from}, seed ${recipe.seed}.`
        : `Preset ${recipe.model.preset}, seed ${recipe.seed}.`,
    sections: [
      {
        title: 'Result',
        blocks: [
          { kind: 'facts', facts },
          { kind: 'charts', charts },
        ],
      },
      ...(details && rows && recipe.job === 'finetune'
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

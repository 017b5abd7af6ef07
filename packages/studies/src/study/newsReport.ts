import { join } from 'node:path';
import { meanOfKnown, metricTitle, summarise } from '@ferry/evaluation';
import { impressionMetrics as metricNames } from '@ferry/nrms';
import {
  renderReport,
  tableToCsv,
  tableToMarkdown,
  tableToText,
  type Block,
  type Section,
  type Table,
} from '@ferry/report';
import { describeEnvironment, replaceFile } from '@ferry/training';
import { environmentRows } from '../environment.ts';
import { cellOf, choicesOf, placesOn, samePlace } from './axes.ts';
import { settingsTable } from './domainTable.ts';
import { impressionMetrics, newsEffects, newsEffectTable, pairsAlong } from './newsEffects.ts';
import type { MetricValues, NewsTarget } from './newsTargets.ts';
import type { PlacedStudy, StudyPlan } from './plan.ts';
import { seedsText } from './report.ts';
import type { StudyResult } from './results.ts';

/** What the report of a study of news models shows. */
export interface NewsStudyReport {
  /** The study's recipe. */
  readonly recipe: PlacedStudy;
  /** The study. */
  readonly plan: StudyPlan;
  /** The finished runs. */
  readonly results: readonly StudyResult[];
  /** What they were measured on. */
  readonly targets: readonly NewsTarget[];
  /** The command that made it. */
  readonly command: string;
  /** What picks the best epochs. */
  readonly metric: string;
}

/** The one table: floors, then models, each metric as it was reported, and the AUC by the corrected evaluator. */
export function newsStudyTable({
  plan: { axes },
  results,
  targets,
}: Omit<NewsStudyReport, 'command'>): Table {
  const differs = results.some(({ rows }) => rows.impressions!.corrected);
  const group = axes[0]!;
  const nameKey = choicesOf(axes)[0]!.key;
  const means = (values: MetricValues): Record<string, number> =>
    Object.fromEntries(metricNames.map((name) => [name, meanOfKnown(values[name]!)]));
  const best = { kind: 'number' as const, decimals: 4 };
  return {
    groupBy: group.key,
    columns: [
      ...axes.map(({ key, title }) => ({ key, title })),
      ...metricNames.map((key) => ({ key, title: metricTitle(key), ...best })),
      ...(differs ? [{ key: 'corrected', title: 'AUC, corrected evaluator', ...best }] : []),
      { key: 'epoch', title: 'epoch', kind: 'number', decimals: 0 },
      { key: 'weights', title: 'weights', kind: 'number', decimals: 0 },
      { key: 'seconds', title: 's', kind: 'number', decimals: 0 },
    ],
    rows: targets.flatMap(({ place, floors }) => [
      ...floors.map(({ name, values }) => {
        const own = means(values);
        return {
          [group.key]: cellOf(group, place),
          [nameKey]: name,
          ...own,
          ...(differs && { corrected: own['auc']! }),
        };
      }),
      ...placesOn(axes, results)
        .filter((own) => own[group.key] === place[group.key])
        .map((own) => {
          const runs = results.filter((result) => samePlace(result.place, own, axes));
          const over = (value: (run: StudyResult) => number) => summarise(runs.map(value));
          return {
            ...Object.fromEntries(axes.map((axis) => [axis.key, cellOf(axis, own)])),
            ...Object.fromEntries(
              metricNames.map((name) => [
                name,
                over((run) => meanOfKnown(impressionMetrics(run, 'reported')[name]!)),
              ]),
            ),
            ...(differs && {
              corrected: over((run) => meanOfKnown(impressionMetrics(run, 'corrected')['auc']!)),
            }),
            epoch: over(({ summary }) => summary.best.epoch).mean,
            weights: runs[0]!.summary.parameters['trainable'] ?? 0,
            seconds: over(({ summary }) => summary.timings.totalSeconds).mean,
          };
        }),
    ]),
  };
}

/** A table for each family of comparisons. */
function effectBlocks({ plan: { axes, comparisons }, results, command }: NewsStudyReport): Block[] {
  return comparisons.flatMap(({ title, along, against }): Block[] => {
    const pairs = pairsAlong(axes, results, { along, against }, { measured: 'corrected' });
    if (pairs.length === 0) return [];
    return [
      {
        kind: 'table',
        table: newsEffectTable(axes, newsEffects(pairs, metricNames), metricNames),
        caption: `${title} ${howTested}`,
        command,
      },
    ];
  });
}

/** How effects are tested, for captions. */
export const howTested =
  'Impression by impression, each averaged over seeds: mean difference with its 95 % bootstrap interval over ' +
  'impressions; * marks what is beyond chance at 5 % by the paired permutation test, corrected by Holm over all ' +
  'lines and metrics of the table.';

/** What a target's test is, for captions. */
const testedOn = ({ impressions, news, protocol }: NewsStudyReport['targets'][number]): string =>
  `${impressions.toLocaleString('en-US')} impressions of ${news.toLocaleString('en-US')} news (${protocol})`;

/** Writes table, runs and report; returns the table for a terminal. */
export async function writeNewsStudy(
  study: NewsStudyReport,
  name: string,
  width: number | undefined,
): Promise<string> {
  const { recipe, plan, results, targets, command, metric } = study;
  const { out, seeds } = recipe;
  const table = newsStudyTable(study);
  const own = plan.newsSections?.(results, { command, targets }) ?? [];
  const sections: Section[] = [
    {
      title: 'Results',
      blocks: [
        {
          kind: 'table',
          table,
          caption:
            `Test of ${targets.map(testedOn).join('; ')}; mean ± deviation over ${seedsText(seeds)}. What needs no ` +
            `training comes first. epoch is the best one by validation ${metricTitle(metric)}.`,
          command,
        },
        ...effectBlocks(study),
      ],
    },
    ...own,
    {
      title: 'Settings',
      blocks: [
        {
          kind: 'table',
          table: settingsTable(
            Object.fromEntries(
              Object.entries(recipe).filter(
                ([key]) => !['job', 'description', 'needs', 'takes', 'out'].includes(key),
              ),
            ),
          ),
          caption: 'The recipe, every default filled in.',
          command,
        },
      ],
    },
  ];
  const tables = own.flatMap(({ title, blocks }) =>
    blocks
      .map((block) =>
        block.kind === 'table'
          ? `${tableToMarkdown(block.table)}\n${block.caption}\n`
          : block.kind === 'text'
            ? `${block.text}\n`
            : '',
      )
      .map((text, at) => (at === 0 ? `## ${title}\n\n${text}` : text)),
  );
  replaceFile(join(out, 'results.md'), [tableToMarkdown(table), ...tables].join('\n'));
  replaceFile(join(out, 'results.csv'), await tableToCsv(table));
  const json = {
    ...{ name, command, metric },
    targets: targets.map(({ floors, ...target }) => ({
      ...target,
      floors: floors.map(({ name: floor, values }) => ({
        name: floor,
        ...Object.fromEntries(metricNames.map((key) => [key, meanOfKnown(values[key]!)])),
      })),
    })),
    runs: results.map(({ place, seed, name: run, directory, summary, rows }) => ({
      ...{ ...place, seed, run, directory, bestEpoch: summary.best.epoch, test: summary.test },
      ...(rows.impressions!.corrected && {
        corrected: Object.fromEntries(
          metricNames.map((key) => [key, meanOfKnown(rows.impressions!.corrected![key]!)]),
        ),
      }),
      seconds: summary.timings.totalSeconds,
    })),
  };
  replaceFile(join(out, 'results.json'), `${JSON.stringify(json, null, 2)}\n`);
  const environment = environmentRows({ ...describeEnvironment(seeds[0]!), seed: undefined });
  const html = await renderReport({
    title: plan.title,
    summary: `${plan.summary.replace(/\.$/, '')}; ${seedsText(seeds)}.`,
    sections,
    environment: { ...environment, seeds: seeds.join(', ') },
  });
  replaceFile(join(out, 'report.html'), html);
  const words = own.flatMap(({ blocks }) =>
    blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : [])),
  );
  return [tableToText(table, { width }), ...words].join('\n\n');
}

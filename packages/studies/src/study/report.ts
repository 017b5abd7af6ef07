import { RandomStream } from '@ferry/engine';
import { comparePaired } from '@ferry/evaluation';
import { domainName, type StudyRecipe } from '@ferry/recipes';
import { renderReport, type Block, type Section, type Table } from '@ferry/report';
import { describeEnvironment, readSummary } from '@ferry/training';
import { environmentRows } from '../environment.ts';
import { interestChart, popularityChart, startsChart } from './charts.ts';
import { pretrainChart, validationChart } from './curves.ts';
import type { StudyPlan } from './plan.ts';
import type { BaselineResult } from './baselines.ts';
import {
  coldBelow,
  preTrainingEffects,
  variantEffects,
  type CellResult,
  type Comparison,
  type StudyRow,
} from './results.ts';
import { lineName, studyTable } from './table.ts';

/** What a study's report shows. */
export interface StudyReport {
  /** The study. */
  readonly recipe: StudyRecipe;
  /** Name of the recipe. */
  readonly name: string;
  /** The command that made it. */
  readonly command: string;
  /** Its runs. */
  readonly plan: StudyPlan;
  /** The finished ones. */
  readonly results: readonly CellResult[];
  /** The lines of its table. */
  readonly rows: readonly StudyRow[];
  /** What it is compared with. */
  readonly baselines: readonly BaselineResult[];
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]!}`;

/** Comparisons as a table: difference per test row, its interval and its p-value; undefined if there is none. */
export function effectTable(comparisons: readonly Comparison[]): Table | undefined {
  const lines = comparisons.flatMap(({ line, base }) => [line, base]);
  const compared = comparisons.filter(({ gains }) => gains.length > 0);
  const rows = compared.map(({ target, ids, line, base, gains, baseGains }) => {
    const what = `${lineName(line, lines)} − ${lineName(base, lines)}`;
    const random = RandomStream.fromSeed(1).split(`${target} ${ids}`);
    const { difference, low, high, permutation, wins, losses } = comparePaired(gains, baseGains, { random });
    const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
    return {
      target,
      ids: ids ? 'yes' : 'no',
      what,
      rows: gains.length,
      difference: signed(difference),
      interval: `${signed(low)} to ${signed(high)}`,
      p: permutation < 0.001 ? '< 0.001' : permutation.toFixed(3),
      wins,
      losses,
    };
  });
  if (rows.length === 0) return undefined;
  return {
    columns: [
      { key: 'target', title: 'target' },
      { key: 'ids', title: 'IDs' },
      { key: 'what', title: 'compared' },
      { key: 'rows', title: 'test rows', kind: 'number' },
      { key: 'difference', title: 'NDCG@10' },
      { key: 'interval', title: '95 % interval' },
      { key: 'p', title: 'p' },
      { key: 'wins', title: 'rows better', kind: 'number' },
      { key: 'losses', title: 'rows worse', kind: 'number' },
    ],
    rows,
  };
}

function effectBlocks(results: readonly CellResult[], command: string): Block[] {
  const how =
    'row by row (each row’s gain averaged over seeds): mean difference, bootstrap interval, p-value of the paired permutation test.';
  return [
    { what: 'What pre-training changed', effects: preTrainingEffects },
    { what: 'What each model changed against the first', effects: variantEffects },
  ].flatMap(({ what, effects }) =>
    [false, true].flatMap((cold): Block[] => {
      const table = effectTable(effects(results, { cold }));
      const where = cold ? ` on items with fewer than ${coldBelow} training interactions` : '';
      return table ? [{ kind: 'table', table, caption: `${what}${where}, ${how}`, command }] : [];
    }),
  );
}

function resultBlocks({ rows, results, baselines, command }: StudyReport): Block[] {
  return [
    {
      kind: 'table',
      table: studyTable(rows, baselines),
      caption: `Test metrics, full ranking over the whole catalogue; mean ± deviation over seeds; the best of each target in bold. Baselines without training come first. R@10 cold is Recall@10 over rows whose item has fewer than ${coldBelow} training interactions; epoch is the best one, weights how many were trained, s the seconds of a run.`,
      command,
    },
    {
      kind: 'charts',
      charts: [
        {
          svg: startsChart(rows, 'ndcg@10', 'NDCG@10'),
          caption: 'NDCG@10 of each start and model.',
          command,
        },
        { svg: startsChart(rows, 'recall@10', 'Recall@10'), caption: 'The same for Recall@10.', command },
      ],
    },
    ...effectBlocks(results, command),
  ];
}

function interestBlocks({ results, command }: StudyReport): Block[] {
  const first = results[0];
  if (!first) return [];
  const charts = results
    .filter((r) => r.seed === first.seed && r.ids === first.ids)
    .flatMap((result) => {
      const { interests } = result.details;
      if (!interests) return [];
      const { count, effective, mixed } = interests;
      return [
        {
          svg: interestChart(`${result.target}, ${lineName(result, results)}: sizes of interests`, interests),
          caption: `${count} interests, as spread out as ${effective.toFixed(1)} equally large ones; ${mixed} hold texts and pictures.`,
          command,
        },
      ];
    });
  return charts.length > 0
    ? [{ kind: 'charts', charts }]
    : [{ kind: 'text', text: 'The model has no interests (`model.interests.method: none`).' }];
}

/** A study's `report.html`. */
export function studyReport(study: StudyReport): string {
  const { recipe, name, plan, results, rows, command } = study;
  const targets = [...new Set(rows.map(({ target }) => target))];
  // The report of a study that goes on shows what is finished.
  const pretrained = plan.pretrainings.filter((own) => readSummary(own.recipe.out));
  const idChoices = [...new Set(rows.map(({ ids }) => ids))];
  const sections: Section[] = [
    { title: 'Results', blocks: resultBlocks(study) },
    {
      title: 'Learning curves',
      blocks: [
        {
          kind: 'charts',
          charts: [
            ...targets.map((target) => ({
              svg: validationChart(target, results),
              caption: `Fine-tuning on ${target}; bands are one deviation over seeds.`,
              command,
            })),
            ...(pretrained.length > 0
              ? [
                  {
                    svg: pretrainChart(pretrained),
                    caption: `Pre-training on ${list(recipe.sources.map(domainName))}.`,
                    command,
                  },
                ]
              : []),
          ],
        },
      ],
    },
    {
      title: 'Recall by popularity',
      blocks: [
        {
          kind: 'charts',
          charts: targets.flatMap((target) =>
            idChoices.map((ids) => ({
              svg: popularityChart(target, ids, results),
              caption: 'Rows are grouped by how often the wanted item occurs in training.',
              command,
            })),
          ),
        },
      ],
    },
    { title: 'Interests', blocks: interestBlocks(study) },
    {
      title: 'How to repeat it',
      blocks: [
        { kind: 'code', code: command },
        {
          kind: 'text',
          text: 'Every run has a directory of its own beside this file, with its recipe, metrics and checkpoints; the same command skips what is finished and resumes what is not.',
        },
      ],
    },
  ];
  const seeds = recipe.seeds.length === 1 ? '1 seed' : `${recipe.seeds.length} seeds`;
  return renderReport({
    title: `Transfer study: ${name}`,
    summary:
      recipe.sources.length > 0 && plan.pretrainings.length > 0
        ? `Pre-training on ${list(recipe.sources.map(domainName))}, carried over to ${list(targets)}, against training from scratch; ${seeds}.`
        : `Training from scratch on ${list(targets)}; ${seeds}.`,
    sections,
    environment: environmentRows(describeEnvironment(recipe.seeds[0]!)),
  });
}

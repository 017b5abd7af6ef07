import { metricTitle } from '@ferry/evaluation';
import { basename } from 'node:path';
import { selectBackend } from '@ferry/engine';
import type { GroupMetrics } from '@ferry/evaluation';
import { evaluateModel } from '@ferry/missrec';
import { tableToText, type Table } from '@ferry/report';
import { groupsOf, keepRows, rankedRows } from '../rows.ts';
import type { JobConsole } from './console.ts';
import { presentOf, rankingOptions } from './finetune.ts';
import { openRun } from './runs.ts';

/** What {@link evaluateRun} is asked for. */
export interface EvaluateRunOptions {
  /** Another domain than the run's own. */
  readonly on?: string | undefined;
  /** A modality that is taken away from every item. */
  readonly without?: 'image' | 'text' | undefined;
  /** Default test. */
  readonly split?: 'test' | 'valid' | undefined;
  /** Default: the recipe's. */
  readonly cutoffs?: readonly number[] | undefined;
}

/** A run's metrics on a split. */
export interface Evaluation {
  /** The checkpoint. */
  readonly checkpoint: string;
  /** Name of the domain. */
  readonly domain: string;
  /** The split. */
  readonly split: 'test' | 'valid';
  /** The modality taken away, if one was. */
  readonly without: 'image' | 'text' | null;
  /** Rows ranked. */
  readonly rows: number;
  /** Items each row's target was ranked among. */
  readonly items: number;
  /** Metrics over all rows. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Metrics by training interactions of the target, length of the history, and modalities of the target. */
  readonly groups: Readonly<Record<string, readonly GroupMetrics[]>>;
}

/** Full ranking of a split with a run's best checkpoint; its rows are kept with the run. */
export async function evaluateRun(
  run: string,
  { on, without, split = 'test', cutoffs }: EvaluateRunOptions,
  console: JobConsole,
): Promise<Evaluation> {
  await selectBackend('auto', { log: () => undefined });
  const open = await openRun(run, on, console);
  try {
    const { recipe, target, model, ranking } = open;
    const { domain } = target;
    const { history, ties } = recipe.evaluation;
    const k = cutoffs ?? recipe.evaluation.cutoffs;
    const places = await evaluateModel(ranking, model, domain[split], {
      ...rankingOptions(recipe.evaluation),
      k,
      without,
    });
    const { metrics } = places;
    const checkpoint = basename(open.checkpoint);
    const rows = rankedRows({ domain, split, history, places, present: presentOf(model), checkpoint });
    const name = [
      split,
      ...(without ? ['without', without] : []),
      ...(on === undefined ? [] : ['on', domain.name]),
    ];
    await keepRows(run, name.join('-'), rows);
    return {
      checkpoint: open.checkpoint,
      domain: domain.name,
      split,
      without: without ?? null,
      rows: places.ranks.length,
      items: domain.items.ids.length,
      metrics,
      groups: Object.fromEntries(groupsOf(rows, k, ties).map(({ title, groups }) => [title, groups])),
    };
  } finally {
    open.dispose();
  }
}

/** Metrics of groups as a table, groups without rows left out. */
export function groupTable(title: string, groups: readonly GroupMetrics[]): Table {
  const filled = groups.filter((group) => group.metrics);
  const names = Object.keys(filled[0]?.metrics ?? {});
  return {
    columns: [
      { key: 'label', title },
      { key: 'rows', title: 'rows', kind: 'number' },
      ...names.map((key) => ({ key, title: metricTitle(key), kind: 'number' as const, decimals: 4 })),
    ],
    rows: filled.map(({ label, rows, metrics }) => ({ label, rows, ...metrics })),
  };
}

/** An evaluation for the terminal. */
export function formatEvaluation(evaluation: Evaluation, width?: number): string {
  const { checkpoint, domain, split, without, rows, items, metrics, groups } = evaluation;
  const head = `${checkpoint}\n${domain}, ${split}${without === null ? '' : `, without ${without}`}: ${rows.toLocaleString('en-US')} rows among ${items.toLocaleString('en-US')} items`;
  const tables = [
    groupTable('', [{ label: 'all', rows, metrics: { ...metrics } }]),
    ...Object.entries(groups).map(([title, of]) => groupTable(title, of)),
  ];
  return [head, ...tables.map((table) => tableToText(table, { width }).trimEnd())].join('\n\n');
}

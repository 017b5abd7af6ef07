import { selectBackend } from '@ferry/engine';
import { groupMetrics, historyLengthGroups, modalityGroups, popularityGroups } from '@ferry/evaluation';
import type { GroupMetrics } from '@ferry/evaluation';
import { evaluateModel } from '@ferry/missrec';
import { tableToText, type Table } from '@ferry/report';
import type { JobConsole } from './console.ts';
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

/** Full ranking of a split with a run's best checkpoint. */
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
    const { batchSize, history } = recipe.evaluation;
    const k = cutoffs ?? recipe.evaluation.cutoffs;
    const rows = domain[split];
    const { ranks, metrics } = await evaluateModel(ranking, model, rows, { batchSize, history, k, without });
    const present = Object.fromEntries(
      Object.entries(model.catalogue.present).map(([modality, flags]) => [modality, flags.subarray(1)]),
    );
    return {
      checkpoint: open.checkpoint,
      domain: domain.name,
      split,
      without: without ?? null,
      rows: ranks.length,
      items: domain.items.ids.length,
      metrics,
      groups: {
        'training interactions of the item': groupMetrics(
          ranks,
          popularityGroups(domain.trainCounts, rows.targets),
          k,
        ),
        'length of the history': groupMetrics(ranks, historyLengthGroups(rows), k),
        'modalities of the item': groupMetrics(ranks, modalityGroups(present, rows.targets), k),
      },
    };
  } finally {
    open.dispose();
  }
}

const metricTitle = (name: string): string =>
  name === 'mrr' ? 'MRR' : name.replace('recall', 'Recall').replace('ndcg', 'NDCG');

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
export function formatEvaluation(evaluation: Evaluation): string {
  const { checkpoint, domain, split, without, rows, items, metrics, groups } = evaluation;
  const head = `${checkpoint}\n${domain}, ${split}${without === null ? '' : `, without ${without}`}: ${rows.toLocaleString('en-US')} rows among ${items.toLocaleString('en-US')} items`;
  const tables = [
    groupTable('', [{ label: 'all', rows, metrics: { ...metrics } }]),
    ...Object.entries(groups).map(([title, of]) => groupTable(title, of)),
  ];
  return [head, ...tables.map((table) => tableToText(table).trimEnd())].join('\n\n');
}

import { rowCount } from '@ferry/evaluation';
import { UserError, type FinetuneRecipe, type Recipe } from '@ferry/recipes';
import { listRows } from '@ferry/training';
import { keptRows } from '../keptRows.ts';
import type { RankedRows } from '../rows.ts';
import { runRecipe } from './runRecipe.ts';

/** What a run has kept of a ranking, and how the run was made. */
export interface OpenedRows {
  /** The run directory. */
  readonly run: string;
  /** What it ranked. */
  readonly rows: RankedRows;
  /** How it was made. */
  readonly recipe: Recipe;
  /** How it was measured; undefined for pre-training. */
  readonly evaluation: FinetuneRecipe['evaluation'] | undefined;
}

/**
 * Opens the rows that a run has kept.
 *
 * @param name - Such as `test`.
 * @throws UserError if it has none of that name.
 */
export async function openRows(run: string, name: string): Promise<OpenedRows> {
  const recipe = runRecipe(run);
  const rows = await keptRows(run, name);
  if (!rows) {
    const there = listRows(run);
    const [split = 'test'] = name.split('-');
    throw new UserError(
      `${run} has kept no rows '${name}'${there.length > 0 ? ` (it has ${there.join(', ')})` : ''}: ferry ` +
        `evaluate ${run}${split === 'test' ? '' : ` --split ${split}`} makes them`,
    );
  }
  return { run, rows, recipe, evaluation: recipe.job === 'pretrain' ? undefined : recipe.evaluation };
}

const historyWords: Readonly<Record<string, string>> = {
  keep: 'items of the history kept',
  mask: 'items of the history excluded',
  'mask-training': 'items of training excluded, those of validation not',
};

/** Rows of a run in words. */
function described({ run, rows }: OpenedRows): string {
  const { domain, split, history, items } = rows;
  const count = (value: number): string => value.toLocaleString('en-US');
  return (
    `${run}: ${split} of ${domain}, ${count(rowCount(rows))} rows` +
    (items > 0 ? ` among ${count(items)} items` : '') +
    (history in historyWords ? `, ${historyWords[history]!}` : '')
  );
}

/** Where the rows of two runs differ, in words; undefined where they are the same. */
export function differenceOf(first: OpenedRows, other: OpenedRows): string | undefined {
  const [a, b] = [first.rows, other.rows];
  const say = (detail = ''): string =>
    `runs must have ranked the same rows: ${described(first)}; ${described(other)}${detail}`;
  // A run of before rows were kept does not tell its protocol, its items or who its users are.
  const unequal = (key: 'history' | 'items' | 'key' | 'protocol'): boolean =>
    Boolean(a[key] && b[key]) && a[key] !== b[key];
  if (
    a.domain !== b.domain ||
    a.split !== b.split ||
    rowCount(a) !== rowCount(b) ||
    a.better.length !== b.better.length ||
    unequal('history') ||
    unequal('items')
  )
    return say();
  if (unequal('protocol')) return say(`; one is split ${a.protocol!}, the other ${b.protocol!}`);
  if (a.sampled !== b.sampled)
    return say(
      `; one is ranked among ${a.sampled ?? 'all items'}, the other among ${b.sampled ?? 'all items'}`,
    );
  const row = a.targets && b.targets ? a.targets.findIndex((target, r) => target !== b.targets![r]) : -1;
  if (row >= 0) return say(`; row ${row + 1} wants another item`);
  // Impressions say themselves what they are: runs of several days' training may be tested by those of one day.
  if (a.impressions && b.impressions && a.key && a.key === b.key) return undefined;
  const counts = a.targetCounts.findIndex((count, r) => count !== b.targetCounts[r]);
  if (counts >= 0) return say(`; the item of row ${counts + 1} occurs in training as often as another`);
  return unequal('key') ? say('; their users or items are others') : undefined;
}

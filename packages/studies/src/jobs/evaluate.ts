import { basename } from 'node:path';
import type { UserItemModel } from '@ferry/collaborative';
import type { Domain } from '@ferry/data';
import { meanOfKnown, metricTitle, rowCount, type GroupMetrics, type RankedLists } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import { UserError, type RunRecipe } from '@ferry/recipes';
import { tableToText, type Column, type Table } from '@ferry/report';
import { evaluateRecommender, firstOfUsers, topLists, type ListOptions } from '@ferry/sequential';
import { replaceFile } from '@ferry/training';
import { droppedOf, type ImpressionValues } from '../impressionValues.ts';
import { keepRows } from '../keptRows.ts';
import { areOfItems, groupsOf, metricsOf } from '../rowMetrics.ts';
import { rankedRows, type RankedRows } from '../rows.ts';
import {
  readSubmission,
  summariseImpressions,
  writeSubmission,
  type AnyNewsModel,
  type DroppedImpressions,
} from '@ferry/nrms';
import { isNews, isUserItem } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import { rankNews } from './news.ts';
import { openNewsRun, type OpenNewsRun } from './openNews.ts';
import { checkFilePlace } from './place.ts';
import { openUserItemRun } from './openUserItem.ts';
import { anyModelOf, knowsIds } from './recommender.ts';
import { wholeRun } from './runRecipe.ts';
import { openRun, type OpenRun, type OpenRunOptions } from './runs.ts';
import { presentOf, rankingOptions, type TargetRecipe } from './target.ts';
import { rowsOfRanking } from './userItem.ts';

/** What {@link evaluateRun} is asked for. */
export interface EvaluateRunOptions extends OpenRunOptions {
  /** Modalities that are taken away from every item. Default none. */
  readonly without?: readonly Modality[];
  /** Default test. */
  readonly split?: 'test' | 'valid';
  /** Default: the recipe's. */
  readonly cutoffs?: readonly number[];
  /** File to write ranked lists to; they are kept with the rows as well. */
  readonly saveLists?: string;
  /** Items of each list. Default the largest cutoff. */
  readonly depth?: number;
  /** Archive to write what MIND's leaderboard takes to: news models only. */
  readonly mindSubmission?: string;
}

/** A run's metrics on a split. */
export interface Evaluation {
  /** The checkpoint. */
  readonly checkpoint: string;
  /** Name of the domain. */
  readonly domain: string;
  /** The split. */
  readonly split: 'test' | 'valid';
  /** The modalities taken away. */
  readonly without: readonly Modality[];
  /** Rows ranked. */
  readonly rows: number;
  /** Items each row's target was ranked among. */
  readonly items: number;
  /** How the domain was split. */
  readonly protocol: string | undefined;
  /** How candidates were drawn, where they are a sample. */
  readonly sampled?: string;
  /** The file that lists were written to. */
  readonly lists?: string;
  /** What was submitted, and the archive it was written to. */
  readonly submission?: Submission;
  /** Where rows are impressions, ranked among what each shows. */
  readonly impressions?: {
    /** The rule for ties. */
    readonly ties: string;
    /** Rows that count: those with a clicked and another candidate. */
    readonly counted: number;
    /** Why the others do not. */
    readonly dropped: DroppedImpressions;
    /** Share of the counted rows that the rule for ties decides. */
    readonly tied: number;
    /** What the first ten candidates say about categories, in the mean over rows that say something. */
    readonly categories?: Readonly<Record<string, number>>;
  };
  /** Metrics over all rows. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Metrics by training interactions of the target, length of the history, and modalities of the target. */
  readonly groups: Readonly<Record<string, readonly GroupMetrics[]>>;
}

/** Refuses to take away what a model has not, and all that it has. */
async function checkLeft(
  run: string,
  recipe: RunRecipe,
  without: readonly Modality[],
  console: JobConsole,
): Promise<void> {
  const has = (['text', 'image'] as const).filter((modality) => recipe.features[modality] !== 'none');
  const unknown = without.find((modality) => !has.includes(modality));
  if (unknown !== undefined)
    throw new UserError(
      `${run} uses no ${unknown} features: it has ${has.length > 0 ? has.join(' and ') : 'none'}`,
    );
  const model = await anyModelOf(recipe, console);
  const ids = isUserItem(model) || isNews(model) || knowsIds(model, recipe);
  if (without.length > 0 && !ids && has.every((modality) => without.includes(modality)))
    throw new UserError(`${run} knows items by ${has.join(' and ')} alone: nothing is left without`);
}

/** Writes lists of some users: `user item score`, tabs between. */
function writeLists(
  file: string,
  { users: names, items: { ids } }: Domain,
  users: Int32Array,
  { items, listEnds, scores }: RankedLists & { readonly scores: ArrayLike<number> },
): void {
  const lines: string[] = [];
  for (const [row, user] of users.entries())
    for (let at = listEnds[row - 1] ?? 0; at < listEnds[row]!; at++)
      lines.push(`${names[user]!}\t${ids[items[at]! - 1]!}\t${scores[at]!}\n`);
  replaceFile(file, lines.join(''));
}

/**
 * Makes the lists of a split and writes them: one a user, from the history before the first of the user's rows.
 *
 * @returns The lists where they are those of all rows; undefined where users have several.
 */
async function savedLists(
  file: string,
  { model, ranking, target: { domain } }: OpenRun,
  split: 'test' | 'valid',
  options: ListOptions,
): Promise<RankedLists | undefined> {
  const rows = firstOfUsers(domain[split]);
  const lists = await topLists(ranking, model, rows, options);
  writeLists(file, domain, rows.users, lists);
  if (rows.users.length < domain[split].users.length) return undefined;
  const { items, listEnds, depth } = lists;
  return { items, listEnds, depth };
}

/** What was written for MIND's leaderboard. */
export interface Submission {
  /** The archive. */
  readonly file: string;
  /** The behaviours whose impressions it ranks. */
  readonly source: string;
  /** How many impressions. */
  readonly impressions: number;
}

/** What a run ranked of a split. */
interface RankedSplit {
  readonly submission?: Submission;
  readonly recipe: TargetRecipe;
  readonly rows: RankedRows;
  /** Where the weights came from. */
  readonly checkpoint: string;
}

/** {@link evaluateRun} of a model of sequences. */
async function rankSequences(
  run: string,
  { without = [], split = 'test', cutoffs, saveLists, depth, ...which }: EvaluateRunOptions,
  console: JobConsole,
): Promise<RankedSplit> {
  if (depth !== undefined && saveLists === undefined)
    throw new UserError('--depth is about the lists that --save-lists writes: name their file');
  const open = await openRun(run, which, console);
  try {
    const { recipe, target, model, ranking, checkpoint } = open;
    const { domain } = target;
    const { history } = recipe.evaluation;
    const k = cutoffs ?? recipe.evaluation.cutoffs;
    const options = { ...rankingOptions(recipe.evaluation, domain), k, without };
    const places = await evaluateRecommender(ranking, model, domain[split], options);
    const lists =
      saveLists === undefined
        ? undefined
        : await savedLists(saveLists, open, split, { without, history, depth: depth ?? Math.max(...k) });
    const about = { domain, split, history, places, present: presentOf(model), lists };
    return { recipe, rows: rankedRows({ ...about, checkpoint: basename(checkpoint) }), checkpoint };
  } finally {
    open.dispose();
  }
}

/** {@link evaluateRun} of a user-item model, whose lists come with its ranking. */
async function rankUserItem(
  run: string,
  own: RunRecipe,
  model: UserItemModel,
  { split = 'test', cutoffs, saveLists, depth, ...which }: EvaluateRunOptions,
  console: JobConsole,
): Promise<RankedSplit> {
  const evaluation = { ...(cutoffs && { k: cutoffs }), ...(depth !== undefined && { depth }) };
  const open = await openUserItemRun(run, own, model, { ...which, evaluation }, console);
  try {
    const { recipe, target, training, checkpoint } = open;
    const places = await training.rank(split);
    const { lists, listScores: scores, users } = places;
    if (saveLists !== undefined) writeLists(saveLists, target.domain, users, { ...lists, scores });
    const rows = rowsOfRanking(recipe, target, { split, places, checkpoint: basename(checkpoint) });
    return { recipe, rows, checkpoint };
  } finally {
    open.dispose();
  }
}

/**
 * Ranks the impressions that MIND's leaderboard asks for, those of a folder `test` without labels, or else those of a
 * split, and reads the archive again to be sure of it.
 */
async function submit(
  file: string,
  { opened: { data, parts }, scorer }: OpenNewsRun,
  split: 'test' | 'valid',
): Promise<Submission> {
  const { test } = data.splits;
  const impressions = test && !test.labels ? test : parts[split]!;
  writeSubmission(file, impressions, await scorer.score(impressions));
  await readSubmission(file, impressions);
  return { file, source: impressions.source, impressions: impressions.count };
}

/** {@link evaluateRun} of a news model, which ranks what each impression shows. */
async function rankImpressions(
  run: string,
  own: RunRecipe,
  model: AnyNewsModel,
  { split = 'test', cutoffs, saveLists, depth, mindSubmission, ...which }: EvaluateRunOptions,
): Promise<RankedSplit> {
  const given = { '--cutoffs': cutoffs, '--save-lists': saveLists, '--depth': depth };
  const wrong = Object.entries(given).find(([, value]) => value !== undefined);
  if (wrong)
    throw new UserError(
      `${wrong[0]} is for models that rank all items: ${model.title} is measured on what each impression shows, ` +
        'at 5 and 10',
    );
  const open = await openNewsRun(run, own, model, which);
  try {
    const { recipe, opened, recommender, scorer, checkpoint } = open;
    const ranked = { split, recipe, checkpoint: basename(checkpoint) };
    const rows = await rankNews(recommender, scorer, opened, ranked);
    if (mindSubmission === undefined) return { recipe, rows, checkpoint };
    return { recipe, rows, checkpoint, submission: await submit(mindSubmission, open, split) };
  } finally {
    open.dispose();
  }
}

/** What is said of impressions besides their metrics. */
function aboutImpressions(rows: RankedRows, own: ImpressionValues): NonNullable<Evaluation['impressions']> {
  const { impressions: counted, tied } = summariseImpressions(own);
  const categories = Object.entries(own.aspects ?? {}).map(
    ([name, all]) => [name, meanOfKnown(all)] as const,
  );
  return {
    ...{ ties: own.ties, counted, dropped: droppedOf(rows), tied },
    ...(categories.length > 0 && { categories: Object.fromEntries(categories) }),
  };
}

/** Full ranking of a split with a run's best checkpoint; its rows are kept with the run. */
export async function evaluateRun(
  run: string,
  options: EvaluateRunOptions,
  console: JobConsole,
): Promise<Evaluation> {
  const { without = [], split = 'test', saveLists, mindSubmission } = options;
  // Before anything is ranked.
  for (const file of [saveLists, mindSubmission]) if (file !== undefined) checkFilePlace(file);
  const own = await wholeRun(run, console);
  await checkLeft(run, own, without, console);
  const model = await anyModelOf(own, console);
  if (mindSubmission !== undefined && !isNews(model))
    throw new UserError(
      `--mind-submission is for models of news, which rank what impressions show; ${run} is a run of ${model.title}`,
    );
  const { recipe, rows, checkpoint, submission } = isUserItem(model)
    ? await rankUserItem(run, own, model, options, console)
    : isNews(model)
      ? await rankImpressions(run, own, model, options)
      : await rankSequences(run, options, console);
  const { ties, cutoffs: k } = { ...recipe.evaluation, ...(options.cutoffs && { cutoffs: options.cutoffs }) };
  const { domain, protocol, sampled, items } = rows;
  const name = [
    split,
    ...(without.length > 0 ? ['without', ...[...without].sort()] : []),
    ...(options.on === undefined ? [] : ['on', domain]),
    ...(options.checkpoint === 'last' ? ['last'] : []),
  ];
  await keepRows(run, name.join('-'), rows);
  return {
    ...{ checkpoint, domain, split, without, items, protocol },
    rows: rowCount(rows),
    sampled,
    ...(rows.impressions && {
      impressions: aboutImpressions(rows, rows.impressions),
    }),
    submission,
    metrics: metricsOf(rows, k, ties),
    lists: saveLists,
    groups: Object.fromEntries(groupsOf(rows, k, ties).map(({ title, groups }) => [title, groups])),
  };
}

/** How large groups are: of relevant items, rows and interactions. */
export function countColumns(groups: readonly Pick<GroupMetrics, 'interactions'>[]): Column[] {
  const keys = areOfItems(groups) ? ['rows', 'interactions'] : ['rows'];
  return keys.map((key) => ({ key, title: key, kind: 'number' }));
}

/** A group's cells in these columns. */
export const countCells = ({
  rows,
  interactions,
}: Pick<GroupMetrics, 'rows' | 'interactions'>): Readonly<Record<string, number>> =>
  interactions === undefined ? { rows } : { rows, interactions };

/** Metrics of groups as a table, groups without rows left out. */
export function groupTable(title: string, groups: readonly GroupMetrics[]): Table {
  const filled = groups.filter((group) => group.metrics);
  const names = Object.keys(filled[0]?.metrics ?? {});
  return {
    columns: [
      { key: 'label', title },
      ...countColumns(filled),
      ...names.map((key) => ({ key, title: metricTitle(key), kind: 'number' as const, decimals: 4 })),
    ],
    rows: filled.map((group) => ({ label: group.label, ...countCells(group), ...group.metrics })),
  };
}

/** What the first candidates say about categories, as a table. */
function categoryTable(categories: Readonly<Record<string, number>>): Table {
  const names = Object.keys(categories);
  return {
    columns: [
      { key: 'label', title: 'categories' },
      ...names.map((key) => ({ key, title: metricTitle(key), kind: 'number' as const, decimals: 4 })),
    ],
    rows: [{ label: 'of the first ten', ...categories }],
  };
}

/** How impressions that do not count are told. */
function droppedText({ empty, unclicked, allClicked }: DroppedImpressions): string[] {
  const all = empty + unclicked + allClicked;
  if (all === 0) return [];
  return [
    `${all} of them ${all === 1 ? 'does' : 'do'} not count: ${unclicked} without a click, ${allClicked} with nothing but ` +
      `clicks, ${empty} without candidates`,
  ];
}

/** What is said of every ranking among samples. */
export const notComparable = 'not comparable with full ranking';

/** An evaluation for the terminal. */
export function formatEvaluation(evaluation: Evaluation, width?: number): string {
  const { checkpoint, domain, split, protocol, sampled, without, rows, items, metrics, groups } = evaluation;
  const { impressions } = evaluation;
  const catalogue = items.toLocaleString('en-US');
  const among = sampled === undefined ? `${catalogue} items` : `${sampled} (${notComparable})`;
  const what = impressions
    ? `impressions of ${catalogue} news (${(100 * impressions.tied).toFixed(1)} % decided by the rule for ties, ` +
      `${impressions.ties})`
    : `rows among ${among}`;
  const lacking = without.length === 0 ? '' : `, without ${without.join(' and ')}`;
  const head = [
    `${checkpoint}\n${domain}, ${split}${lacking}: ${rows.toLocaleString('en-US')} ${what}, ` +
      `split ${protocol ?? 'unknown'}`,
    ...(impressions ? droppedText(impressions.dropped) : []),
  ].join('\n');
  const { counted = rows, categories } = impressions ?? {};
  const tables = [
    groupTable('', [{ label: 'all', rows: counted, metrics: { ...metrics } }]),
    ...Object.entries(groups).map(([title, of]) => groupTable(title, of)),
    ...(categories ? [categoryTable(categories)] : []),
  ];
  const { submission } = evaluation;
  const written = submission && [
    `${submission.file}: ranks for ${submission.impressions.toLocaleString('en-US')} impressions of ${submission.source}`,
  ];
  return [head, ...tables.map((table) => tableToText(table, { width }).trimEnd()), ...(written ?? [])].join(
    '\n\n',
  );
}

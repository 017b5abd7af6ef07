import { RandomStream } from '@ferry/engine';
import { comparePaired, metricTitle, type PairedComparison } from '@ferry/evaluation';
import {
  batchesOf,
  createNewsTraining,
  evaluateImpressions,
  impressionMetrics,
  selectImpressions,
  summariseImpressions,
  type AnyNewsModel,
  type Impressions,
} from '@ferry/nrms';
import { optimizerOf, recipeParts, UserError } from '@ferry/recipes';
import { tableToText, type Table } from '@ferry/report';
import { isNews } from './anyModel.ts';
import type { JobConsole } from './console.ts';
import { newsEvaluationOf } from './newsData.ts';
import { openNewsRun, type OpenNewsRun } from './openNews.ts';
import { anyModelOf } from './recommender.ts';
import { wholeRun } from './runRecipe.ts';
import type { OpenRunOptions } from './runs.ts';
import { encoderGroups } from './trainedEncoders.ts';

/** How a log is replayed. */
export interface ReplayOptions extends OpenRunOptions {
  /** Hours of a period, after which the model learns from it. */
  readonly hours: number;
  /** Epochs over each period. */
  readonly epochs: number;
  /** Learning rate. Default that of the run. */
  readonly learningRate?: number;
}

/** A period of the log. */
export interface ReplayedPeriod {
  /** When it begins, seconds since 1970. */
  readonly from: number;
  /** Its impressions that count. */
  readonly impressions: number;
  /** Means of the model as the run left it, by metric. */
  readonly still: Readonly<Record<string, number>>;
  /** The same of the model that has learned from the periods before. */
  readonly moving: Readonly<Record<string, number>>;
}

/** What a replay found. */
export interface Replay {
  /** The periods, in order. */
  readonly periods: readonly ReplayedPeriod[];
  /** What learning gained by metric, impression by impression, from the second period on. */
  readonly gain: Readonly<Record<string, PairedComparison>>;
}

/** Rows of impressions in order of time, by period. */
function periodsOf({ times, count }: Impressions, hours: number): { from: number; rows: Int32Array }[] {
  const order = Int32Array.from({ length: count }, (_, r) => r).sort(
    (a, b) => times[a]! - times[b]! || a - b,
  );
  const first = times[order[0]!] ?? 0;
  const byPeriod = new Map<number, number[]>();
  for (const row of order) {
    const period = Math.floor((times[row]! - first) / (3600 * hours));
    byPeriod.set(period, [...(byPeriod.get(period) ?? []), row]);
  }
  return [...byPeriod].map(([period, rows]) => ({
    from: first + 3600 * hours * period,
    rows: Int32Array.from(rows),
  }));
}

/**
 * Opens a run of a model of news, whose test is gone through in time.
 *
 * @throws UserError for a run of another kind of model.
 */
export async function openNewsReplay(
  run: string,
  options: OpenRunOptions,
  console: JobConsole,
): Promise<{ model: AnyNewsModel; open: OpenNewsRun }> {
  const recipe = await wholeRun(run, console);
  const model = await anyModelOf(recipe, console);
  if (!isNews(model) || recipe.job !== 'train')
    throw new UserError(
      `${run} must be a run of a model of news, which learns from impressions, got ${model.title}`,
    );
  return { model, open: await openNewsRun(run, recipe, model, options) };
}

/**
 * Replays the test impressions of a news run in the order of their time: each period is ranked by what was known before
 * it, then learned from, beside the model as the run left it, which learns nothing more. The run stays as it is.
 *
 * @throws UserError for a run of another kind of model, and where there is only one period.
 */
export async function replayRun(run: string, options: ReplayOptions, console: JobConsole): Promise<Replay> {
  const { model, open } = await openNewsReplay(run, options, console);
  const { scorer, recommender, recipe } = open;
  const { test } = open.opened.parts;
  const periods = periodsOf(test, options.hours);
  if (periods.length < 2) {
    const [first, last] = test.times.reduce(
      ([least, most], time) => [Math.min(least, time), Math.max(most, time)] as const,
      [Infinity, -Infinity] as readonly [number, number],
    );
    throw new UserError(
      `--hours must part the test of ${run} into two periods at least, got ${options.hours}: it spans ` +
        `${((last - first) / 3600).toFixed(1)} hours`,
    );
  }
  const { objective, settings } = recipeParts(recipe, model);
  const ready = model.objectives[objective]!.create(settings);
  const learningRate = options.learningRate ?? recipe.training.learningRate;
  const factor = learningRate / recipe.training.learningRate;
  const training = createNewsTraining({
    ...{ recommender, objective: ready, train: test, batchSize: recipe.training.batchSize },
    ...optimizerOf(recipe.training),
    learningRate,
    ...encoderGroups(recipe, recommender.catalogue.encoded?.encoders, {
      learningRate,
      factor,
      warmedUp: true,
    }),
  });
  const root = RandomStream.fromSeed(recipe.seed).split('replay');
  try {
    const still = await scorer.score(test);
    const moving = new Float32Array(still.length);
    let step = 0;
    for (const [period, { rows }] of periods.entries()) {
      const own = selectImpressions(test, rows);
      const scores = await scorer.score(own);
      rows.forEach((row, r) => {
        moving.set(
          scores.subarray(own.candidates.offsets[r], own.candidates.offsets[r + 1]),
          test.candidates.offsets[row],
        );
      });
      if (period === periods.length - 1) break;
      for (let epoch = 0; epoch < options.epochs; epoch++) {
        const drawn = ready.draw(own, root.split('draw', period).split('epoch', epoch));
        const samples = { ...drawn, impressions: drawn.impressions.map((r) => rows[r]!) };
        for (const batch of batchesOf(samples, recipe.training.batchSize))
          await training.trainStep(batch, { epoch, step: step++, random: root.split('steps') });
      }
      console.line(
        `${new Date(1000 * periods[period]!.from).toISOString()}: learned from ${rows.length} impressions`,
      );
    }
    const { ties } = newsEvaluationOf(recipe);
    const [a, b] = [still, moving].map((scores) => evaluateImpressions(test, scores, { ties }));
    const part = (results: typeof a, rows: Int32Array) =>
      summariseImpressions({
        values: Object.fromEntries(
          Object.entries(results!.values).map(([name, all]) => [
            name,
            Float64Array.from(rows, (row) => all[row]!),
          ]),
        ),
        tied: Uint8Array.from(rows, (row) => results!.tied[row]!),
      });
    const later = Int32Array.from(periods.slice(1).flatMap(({ rows }) => [...rows])).filter(
      (row) => !Number.isNaN(a!.values['auc']![row]),
    );
    return {
      periods: periods.map(({ from, rows }) => {
        const own = part(a, rows);
        return { from, impressions: own.impressions, still: own.means, moving: part(b, rows).means };
      }),
      gain: Object.fromEntries(
        impressionMetrics.map((metric) => [
          metric,
          comparePaired(
            Float64Array.from(later, (row) => b!.values[metric]![row]!),
            Float64Array.from(later, (row) => a!.values[metric]![row]!),
            { random: root.split(metric) },
          ),
        ]),
      ),
    };
  } finally {
    training.dispose();
    open.dispose();
  }
}

/** A replay for the terminal. */
export function formatReplay({ periods, gain }: Replay): string {
  const table: Table = {
    columns: [
      { key: 'from', title: 'period from' },
      { key: 'impressions', title: 'impressions', kind: 'number', decimals: 0 },
      ...impressionMetrics.flatMap((metric) => [
        { key: `still ${metric}`, title: metricTitle(metric), kind: 'number' as const, decimals: 4 },
        { key: `moving ${metric}`, title: 'learning on', kind: 'number' as const, decimals: 4 },
      ]),
    ],
    rows: periods.map(({ from, impressions, still, moving }) => ({
      from: new Date(1000 * from).toISOString().slice(0, 16).replace('T', ' '),
      impressions,
      ...Object.fromEntries(
        impressionMetrics.flatMap((metric) => [
          [`still ${metric}`, still[metric] ?? null],
          [`moving ${metric}`, moving[metric] ?? null],
        ]),
      ),
    })),
  };
  const lines = Object.entries(gain).map(
    ([metric, { difference, low, high, permutation, rows }]) =>
      `  ${metricTitle(metric).padEnd(8)} ${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(4)}  95 % interval ` +
      `${low.toFixed(4)} to ${high.toFixed(4)}, p ${permutation < 0.001 ? '< 0.001' : permutation.toFixed(3)}  ` +
      `(${rows} impressions)`,
  );
  return [
    tableToText(table).trimEnd(),
    '',
    'What learning on gained from the second period on, impression by impression',
    ...lines,
  ].join('\n');
}

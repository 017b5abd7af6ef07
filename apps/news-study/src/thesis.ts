import { meanOfKnown, metricTitle, summarise } from '@ferry/evaluation';
import { impressionMetrics } from '@ferry/nrms';
import type { Block, Cell, Table } from '@ferry/report';
import { impressionValues, type NewsFindings, type StudyResult } from '@ferry/studies';
import { experimentOf, isCorrected } from './experiments.ts';

/** What the thesis printed: test of MIND-small's dev, 73,152 impressions. */
const published = {
  impressions: 73_152,
  rows: [
    { key: 'random', title: 'random prediction', values: [0.5, 0.201, 0.203, 0.267] },
    { key: '1', title: '1: BLIP, frozen', values: [0.494, 0.217, 0.222, 0.285] },
    { key: '2', title: '2: BERT and ViT, frozen', values: [0.505, 0.222, 0.226, 0.289] },
    { key: '3', title: '3: BERT and ViT, fine-tuned', values: [0.638, 0.254, 0.281, 0.343] },
    { key: '4', title: '4: BERT alone, fine-tuned', values: [0.689, 0.306, 0.336, 0.4] },
  ],
} as const;

/** The thesis's table, with ours beside it. */
function thesisTable(results: readonly StudyResult[]): Table {
  const corrected = results.filter(isCorrected);
  return {
    columns: [
      { key: 'title', title: 'experiment' },
      ...impressionMetrics.map((key) => ({
        key: `thesis ${key}`,
        title: metricTitle(key),
        kind: 'number' as const,
        decimals: 3,
      })),
      ...impressionMetrics.map((key) => ({
        key,
        title: `${metricTitle(key)}, ours`,
        kind: 'number' as const,
        decimals: 3,
      })),
    ],
    rows: published.rows.map(({ key, title, values }) => {
      const all = corrected.filter((result) => experimentOf(result.place) === key);
      // Where an experiment was run in several ways, the first of them stands for it.
      const own = all.filter(({ place }) => place['experiment'] === all[0]!.place['experiment']);
      const ours = (metric: string): Cell =>
        own.length === 0
          ? null
          : summarise(own.map((run) => meanOfKnown(impressionValues(run, 'corrected')[metric]!)));
      return {
        title,
        ...Object.fromEntries(impressionMetrics.map((metric, at) => [`thesis ${metric}`, values[at]!])),
        ...Object.fromEntries(impressionMetrics.map((metric) => [metric, ours(metric)])),
      };
    }),
  };
}

/** The thesis's numbers beside ours, and whether they may be compared. */
export function thesisBlocks(results: readonly StudyResult[], { targets, command }: NewsFindings): Block[] {
  const same = targets.length === 1 && targets[0]!.impressions === published.impressions;
  const caption = same
    ? 'The test is MIND-small’s dev in both. Ours: corrected, mean ± deviation over seeds; encoders and sizes as the ' +
      'recipe says.'
    : 'The data differ: the thesis tested on MIND-small’s dev (73,152 impressions), ours are of ' +
      `${targets.map(({ impressions }) => impressions.toLocaleString('en-US')).join(' and ')} impressions of ` +
      'other news. Read directions, not sizes.';
  return [
    { kind: 'table', table: thesisTable(results), caption, command },
    {
      kind: 'text',
      text:
        'Of the thesis’s rows, “random prediction” and experiment 4 equal the table of another project (NRMS with ' +
        'BERT-base in news-recommendation-llm, 2023) to the last digit and the hour of training. Its experiments 1 ' +
        'and 2 were measured with the order of the candidates in place of their ranks (E1), under which good ' +
        'rankings are reported near an AUC of .5, and its experiment 3 was trained in bfloat16 weights at a ' +
        'learning rate of 1e-6 (F5), under which few weights can move.',
    },
  ];
}

import { barChart, histogram, lineChart } from '../src/index.ts';
import type { Point } from '../src/index.ts';
import { measure } from './measure.ts';

function curve(start: number, gain: number, rate: number): Point[] {
  return Array.from({ length: 30 }, (_, i) => [
    i + 1,
    start + gain * (1 - Math.exp(-i * rate)),
    0.001 + i * 4e-5,
  ]);
}

/** The charts whose pictures are kept in golden/. */
export const charts: Record<string, () => string> = {
  'line-bands': () =>
    lineChart({
      title: 'Validation NDCG@10 by epoch',
      description: 'Both lines rise; the pre-trained one stays ahead.',
      x: { title: 'epoch' },
      y: { title: 'NDCG@10' },
      marks: [{ x: 18, text: 'best epoch' }],
      series: [
        { name: 'pre-trained', points: curve(0.082, 0.014, 0.2) },
        { name: 'from scratch', points: curve(0.074, 0.019, 0.12) },
      ],
    }),
  'line-log': () =>
    lineChart({
      title: 'Popularity <curve> & "tail"',
      description: 'A straight fall on logarithmic axes.',
      x: { title: 'rank', scale: 'log' },
      y: { title: 'interactions', scale: 'log' },
      series: [
        {
          name: 'items',
          points: Array.from({ length: 60 }, (_, i) => [i * 20 + 1, 900 / (i * 20 + 1) ** 0.8]),
        },
      ],
    }),
  'line-gaps': () =>
    lineChart({
      title: 'Gaps',
      description: 'Ten short lines, some broken.',
      x: { title: 'step' },
      y: { title: 'loss', zero: true },
      series: Array.from({ length: 10 }, (_, s) => ({
        name: `variant ${s}`,
        points: Array.from({ length: 12 }, (_, i): Point => [
          i * 1000,
          i === s ? NaN : 7 * Math.exp(-i / (6 + s)),
        ]),
      })),
    }),
  'line-thin': () =>
    lineChart({
      title: 'Mean over seeds that end at different epochs',
      description: 'One line goes on dotted from epoch 6.',
      x: { title: 'epoch' },
      y: { title: 'NDCG@10' },
      series: [
        {
          name: 'two seeds',
          points: Array.from({ length: 10 }, (_, i): Point => [
            i + 1,
            0.1 - 0.5 / (i + 6),
            i < 6 ? 0.004 : 0,
          ]),
          thinFrom: 6,
        },
        {
          name: 'one seed',
          points: Array.from({ length: 10 }, (_, i): Point => [i + 1, 0.09 - 0.5 / (i + 6)]),
        },
      ],
    }),
  'bars-deviations': () =>
    barChart({
      title: 'Recall@10 by item popularity',
      description: 'Pre-training helps most where items are rare.',
      groups: ['no training interaction', '1 to 4', '5 to 19', '20 or more'],
      y: { title: 'recall@10' },
      series: [
        {
          name: 'from scratch',
          values: [
            measure([0.01, 0.012]),
            measure([0.05, 0.06]),
            measure([0.15, 0.17]),
            measure([0.29, 0.31]),
          ],
        },
        { name: 'pre-trained', values: [measure([0.03, 0.036]), measure([0.08, 0.085]), null, 0.3] },
      ],
    }),
  'bars-negative': () =>
    barChart({
      title: 'Change',
      description: 'Some targets gain, some lose.',
      groups: ['scientific18', 'office18', 'toys14', 'a-target-with-a-long_name'],
      x: { title: 'target' },
      y: { title: 'change' },
      series: [{ name: 'change', values: [-0.1, 0.05, 0, 0.2] }],
    }),
  histogram: () =>
    histogram({
      title: 'Interest sizes',
      description: 'Most interests are small.',
      x: { title: 'items' },
      y: { title: 'interests' },
      values: Array.from({ length: 300 }, (_, i) => Math.floor(-30 * Math.log((i + 0.5) / 300))),
    }),
};

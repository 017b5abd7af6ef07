/** News models on impressions of one's own, prepared by a description. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder } from './ferry.ts';
import { smallNrms } from './newsFolder.ts';

ownFolder('news-prepared');

const topics = ['sport', 'money', 'music', 'weather'];
const N = 40;

/** Impressions of users with a topic each, by number of the row. */
function rows(count: number, seed: number): string {
  const lines = Array.from({ length: count }, (_, r) => {
    const of = (topic: number, k: number): number =>
      ((r + 3 * Math.floor(r / 20) + k * 7 + seed) % (N / 4)) * 4 + (topic % 4);
    const shown = [0, 1, 2, 3].map((k) => of(r + k, k));
    return `${r + 1},u${r % 20},${1_700_000_000 + 3600 * (seed * 1000 + r)},${shown.join(' ')},${shown[0]}`;
  });
  return ['impression,reader,at,shown,clicked', ...lines].join('\n');
}

beforeAll(() => {
  const texts = Array.from(
    { length: N },
    (_, n) => `${n},${topics[n % 4]}${n % 3} and ${topics[n % 4]}${n % 5},${topics[n % 4]}`,
  );
  writeFileSync('news.csv', ['id,title,category', ...texts].join('\n'));
  writeFileSync('train.csv', rows(160, 1));
  writeFileSync('dev.csv', rows(60, 2));
  const clicks = (u: number): string =>
    [0, 1, 2].map((k) => ((u * 3 + k * 2) % (N / 4)) * 4 + (u % 4)).join(' ');
  const read = Array.from({ length: 20 }, (_, u) => `u${u},${clicks(u)}`);
  writeFileSync('histories.csv', ['reader,read', ...read].join('\n'));
  writeFileSync(
    'paper.yaml',
    `interactions: { form: lists, file: [train.csv, dev.csv], user: reader, item: clicked, time: at }
items: { file: news.csv }
impressions:
  form: log
  parts:
    train: { file: train.csv, histories: histories.csv }
    dev: { file: dev.csv, histories: histories.csv }
  id: impression
  user: reader
  time: at
  shown: shown
  clicked: clicked
  history: read
`,
  );
  writeFileSync('nrms.yaml', smallNrms('paper', 12));
});

it('are trained on, and the domain beside them is still one', async () => {
  expect(await ferry('prepare', 'paper.yaml', '--out', 'paper')).toMatch(
    /impressions of train: 160\n[^]*impressions of dev: 60\n/,
  );
  const out = await ferry('train', 'nrms.yaml', '--out', 'run');
  expect(out).toMatch(/paper: 40 news, 20 users, 144 training impressions with 144 clicks/);
  const { test } = JSON.parse(readFileSync('run/summary.json', 'utf8')) as { test: Record<string, number> };
  expect(test['auc']).toBeGreaterThan(0.8);
  expect(await ferry('inspect', 'paper')).toMatch(/interactions/);
  expect(await ferry('inspect', 'paper/impressions')).toMatch(/impressions/);
});

it('are sampled where nobody kept what was shown, by name alone', async () => {
  const log = [
    'prepare',
    'train.csv',
    '--user',
    'reader',
    '--item',
    'clicked',
    '--time',
    'at',
    '--items',
    'news.csv',
  ];
  await ferry(...log, '--out', 'clicks');
  expect(existsSync('clicks/impressions')).toBe(false);
  expect(await ferry('train', 'nrms.yaml', 'target=clicks', '--out', 'no')).toContain(
    'this domain has clicks alone',
  );
  expect(await ferry(...log, '--sampled-impressions', '3', '--out', 'sampled')).toMatch(
    /impressions: \d+, each an interaction beside up to 3 items that others took within 24 hours before it, sampled/,
  );
  expect(
    await ferry('train', 'nrms.yaml', 'target=sampled', 'training.epochs=1', '--out', 'sampled-run'),
  ).toMatch(/test: AUC/);
});

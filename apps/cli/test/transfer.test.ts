import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ferry, ownFolder } from './ferry.ts';

ownFolder('transfer');

/**
 * Users of a domain go round its items, and features say where on the round an item lies: what is learned in one holds
 * in all.
 */
function writeRound(name: string, items: number): void {
  mkdirSync(name);
  const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const ids = Array.from({ length: items }, (_, i) => `${name}-${i}`);
  writeFileSync(join(name, 'items.jsonl'), lines(ids.map((id) => ({ id, title: id }))));
  const users = Array.from({ length: 60 }, (_, u) => ({
    user: `u${u}`,
    items: Array.from({ length: 6 }, (_, l) => ids[(u + l) % items]),
  }));
  writeFileSync(join(name, 'sequences.jsonl'), lines(users));
  const angles = ids.map((_, i) => 0.1 + (2 * Math.PI * i) / items);
  const features = Float32Array.from(
    angles.flatMap((angle) => [1, 2].flatMap((k) => [Math.cos(k * angle), Math.sin(k * angle)])),
  );
  writeFileSync(join(name, `${name}.feat1CLS`), new Uint8Array(features.buffer));
}

const shared = `seed: 1
backend: cpu
threads: 1
features: { text: stored }
model: { name: sasrec, width: 16, inner: 16, positions: 6, dropout: 0, tower: { features: true } }
`;

beforeAll(() => {
  for (const [name, items] of [
    ['a', 20],
    ['b', 24],
    ['c', 22],
  ] as const)
    writeRound(name, items);
  writeFileSync(
    'pre.yaml',
    `job: pretrain\nsources: [a, b]\n${shared}pretraining: { epochs: 6, batchSize: 32, learningRate: 0.01 }\n`,
  );
  writeFileSync(
    'fine.yaml',
    `job: finetune\ntarget: c\n${shared}finetuning: { epochs: 1, batchSize: 32, objective: softmax ` +
      `}\nevaluation: { cutoffs: [1, 3], history: mask }\n`,
  );
});

const recall = async (...args: string[]): Promise<number> =>
  (
    JSON.parse(await ferry('evaluate', ...args, '--cutoffs', '3', '--json')) as {
      metrics: Record<string, number>;
    }
  ).metrics['recall@3']!;

it('SASRec is pre-trained on several domains and carried to another', { timeout: 60_000 }, async () => {
  expect(await ferry('pretrain', 'pre.yaml', '--out', 'pre')).toContain('pre-trained: 6 epochs');
  // Nothing of the target was seen, and yet it is known which item comes next.
  expect(await recall('pre', '--on', 'c')).toBeGreaterThan(0.4);
  expect(await ferry('recommend', 'pre', '--on', 'c', '--history', 'c-3,c-4')).toMatch(/Recommended\n +1 /);
  expect(await ferry('evaluate', 'pre')).toContain('name the domain to use it on with --on');

  expect(await ferry('finetune', 'fine.yaml', 'from=pre', '--out', 'ids')).toMatch(
    /from pre.*; fresh: items\.ids\.weight\n/,
  );
  const summary = (run: string) =>
    JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as {
      parameters: { total: number; trainable: number };
      test: Record<string, number>;
    };
  // Positions and blocks stay as they are.
  expect(summary('ids').parameters.trainable).toBeLessThan(summary('ids').parameters.total);
  expect(await ferry('evaluate', 'ids', '--on', 'a')).toBe(
    'error ids knows the items of c by ID: it cannot be used on a; train without (ids=false)',
  );
  await ferry('finetune', 'fine.yaml', 'ids=false', 'finetuning.tune=full', 'from=pre', '--out', 'plain');
  expect(summary('plain').parameters.trainable).toBe(summary('plain').parameters.total);
  // Sources have no IDs, and so has a target without.
  expect(summary('pre').parameters.total).toBe(summary('plain').parameters.total);
  expect(summary('ids').parameters.total).toBe(summary('plain').parameters.total + 23 * 16);
  expect(await recall('plain', '--on', 'a')).toBeGreaterThan(0.3);
});

it('models stand side by side in one study', { timeout: 60_000 }, async () => {
  writeFileSync(
    'study.yaml',
    `job: study
sources: [a, b]
targets: [c]
ids: [false]
seeds: [1]
backend: cpu
threads: 1
features: { text: stored }
model: { width: 8, heads: 2, inner: 8, positions: 6, interests: { method: none } }
variants:
  missrec: {}
  sasrec: { name: sasrec, width: 8, inner: 8, positions: 6, tower: { features: true } }
pretraining: { epochs: 1, batchSize: 32 }
finetuning: { epochs: 1, batchSize: 32 }
evaluation: { cutoffs: [3] }
`,
  );
  const out = await ferry('study', 'study.yaml', '--out', 'study');
  expect(out).toContain('2 pre-training runs and 4 fine-tuning runs in study');
  const { runs } = JSON.parse(readFileSync('study/results.json', 'utf8')) as {
    runs: { variant: string; start: string }[];
  };
  expect(runs.map(({ variant, start }) => `${variant} ${start}`).sort()).toEqual([
    'missrec pre-trained',
    'missrec scratch',
    'sasrec pre-trained',
    'sasrec scratch',
  ]);
  expect(await ferry('study', 'study')).toMatch(/(finished before[^]*){6}/);
});

it('a study of axes goes on where runs are missing, and takes more epochs', { timeout: 60_000 }, async () => {
  writeFileSync(
    'axes.yaml',
    `job: study
targets: [c]
seeds: [1]
backend: cpu
threads: 1
model: { name: sasrec, width: 8, inner: 8, positions: 6 }
training: { epochs: 1, batchSize: 32 }
axes:
  objective: [bce, in-batch]
  tower: { ID: {}, text: { model: { tower: { ids: false, features: true } }, features: { text: stored } } }
except: [{ objective: bce, tower: text }]
baselines: [popularity]
evaluation: { cutoffs: [3] }
`,
  );
  const metrics = (run: string): string =>
    readFileSync(join('axes/runs/c', run, 'seed-1/metrics.jsonl'), 'utf8');
  const out = await ferry('study', 'axes.yaml', '--out', 'axes');
  expect(out).toContain('axes: 3 training runs in axes');
  expect(out).toMatch(/c +popularity +0\.\d{4}/);
  const before = metrics('in-batch/text');
  rmSync('axes/runs/c/in-batch/text', { recursive: true });
  expect(await ferry('study', 'axes')).toMatch(/(finished before[^]*){2}/);
  expect(metrics('in-batch/text')).toBe(before);
  // Every run is one like any other.
  expect(await ferry('compare', 'axes/runs/c/bce/ID/seed-1', 'axes/runs/c/in-batch/ID/seed-1')).toContain(
    'p (Holm)',
  );
  expect(await ferry('train', 'axes/runs/c/bce/ID/seed-1')).toContain('was finished before');
  expect(await ferry('study', 'axes.yaml', 'training.epochs=2', '--out', 'axes')).toMatch(/epoch \d\/2/);
  expect(metrics('in-batch/text').startsWith(before.split('\n')[0]!)).toBe(true);
  expect(metrics('in-batch/text').match(/"kind":"epoch"/g)).toHaveLength(2);
  expect(await ferry('study', 'axes.yaml', 'model.width=4', '--out', 'axes')).toContain(
    'axes holds runs of another recipe: model.width was 8, is 4',
  );
  expect(await ferry('study', 'axes.yaml', 'study=modallity')).toContain("did you mean 'modality'?");
});

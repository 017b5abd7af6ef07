import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tf } from '@ferry/engine';
import { openRecipe, wholeRecipe } from '@ferry/recipes';
import { openServing, runJob } from '@ferry/studies';
import { beforeAll, describe, expect, it } from 'vitest';
import { models } from '../src/models.ts';
import { serve } from '../src/serve/server.ts';
import { ferry, launcher, ownFolder } from './ferry.ts';

const folder = ownFolder('use');
const lines = (values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

const items = Array.from({ length: 24 }, (_, i) => ({
  id: `i${i}`,
  title: `${i % 2 === 0 ? 'Red' : 'Blue'} \u001b[31mitem\u009b2J ${i}\nof two lines`,
  text: `a ${i % 2 === 0 ? 'red cup for coffee' : 'blue lamp for a desk'}, number ${i}`,
}));
/** Users of one kind of item; the last two did one and two things. */
const sequences = [
  ...Array.from({ length: 40 }, (_, u) => ({
    user: `u${u}`,
    items: Array.from({ length: 6 }, (_, l) => `i${(u + 2 * l) % 24}`),
  })),
  { user: 'once', items: ['i3'] },
  { user: 'twice', items: ['i4', 'i6'] },
];

function writeDomain(name: string, features = true): void {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'items.jsonl'), lines(items));
  writeFileSync(join(directory, 'sequences.jsonl'), lines(sequences));
  if (!features) return;
  for (const ending of ['feat1CLS', 'feat3CLS']) {
    const rows = Float32Array.from(
      items.flatMap((_, i) => [i % 2, (i + 1) % 2, i / 24, ending === 'feat1CLS' ? 1 : 0.5]),
    );
    writeFileSync(join(directory, `x.${ending}`), new Uint8Array(rows.buffer));
  }
}

const recipe = (more: string): string =>
  `job: finetune
target: shop
seed: 1
backend: cpu
threads: 1
features: { text: stored, image: stored }
model: { width: 8, heads: 2, inner: 8, positions: 6 }
finetuning: { epochs: 1, batchSize: 16, checkpointEvery: 1 }
${more}`;

beforeAll(async () => {
  writeDomain('shop');
  writeFileSync('ids.yaml', recipe('ids: true\n'));
  writeFileSync('plain.yaml', recipe('ids: false\n'));
  for (const name of ['ids', 'plain']) await ferry('finetune', `${name}.yaml`);
}, 120_000);

describe('a run in use', { timeout: 120_000 }, () => {
  it('knows users with one and with two interactions', async () => {
    for (const [user, ids] of [
      ['once', ['i3']],
      ['twice', ['i4', 'i6']],
    ] as const) {
      const found = JSON.parse(await ferry('recommend', 'runs/plain', '--user', user, '--json')) as {
        history: { id: string }[];
        items: { id: string }[];
      };
      expect(found.history.map(({ id }) => id)).toEqual(ids);
      expect(found.items).toHaveLength(10);
      for (const { id } of found.items) expect(ids).not.toContain(id);
    }
  });

  it('prints titles that a terminal does not obey, and keeps them in JSON', async () => {
    const text = await ferry('recommend', 'runs/plain', '--user', 'once');

    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(text).toContain('Blue  [31mitem 2J 3 of two lines');
    const json = await ferry('recommend', 'runs/plain', '--user', 'once', '--json');

    expect(json).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect((JSON.parse(json) as { history: { title: string }[] }).history[0]!.title).toBe(items[3]!.title);
    expect(await ferry('recommend', 'runs/plain', '--user', '\u001b[2Jnobody')).toMatch(
      /^error no user ' \[2Jnobody' in shop/,
    );
  });

  it('is served with the answers that recommend gives, and takes clicks', async () => {
    const served = await openServing('runs/plain', {}, { line: () => undefined, training: null, models });
    const server = await serve(served, { port: 0 });
    try {
      const ask = async (
        path: string,
        body: object,
      ): Promise<{ history: number; items: { id: string; score: number }[] }> => {
        const answer = await fetch(`${server.address}/${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        expect(answer.status).toBe(200);
        return (await answer.json()) as never;
      };
      const recommended = async (...args: string[]): Promise<unknown> =>
        (JSON.parse(await ferry('recommend', 'runs/plain', '--json', ...args)) as { items: unknown }).items;
      expect((await ask('recommend', { user: 'u1', top: 5 })).items).toEqual(
        await recommended('--user', 'u1', '--top', '5'),
      );
      const own = await ask('recommend', { history: ['i3', 'i5'], again: true });
      expect(own.items).toEqual(await recommended('--history', 'i3,i5', '--again'));
      await ask('click', { user: 'somebody new', item: 'i3' });
      await ask('click', { user: 'somebody new', item: 'i5' });
      expect(await ask('recommend', { user: 'somebody new', again: true })).toEqual(own);
    } finally {
      await server.close();
    }
  });

  it('is not served where its model knows users by number alone', async () => {
    writeFileSync(
      'dssm.yaml',
      recipe('ids: true\n')
        .replace('{ text: stored, image: stored }', '{ text: none, image: none }')
        .replace(/model: .*/, 'model: { name: dssm, width: 8 }'),
    );
    await ferry('finetune', 'dssm.yaml');
    await expect(
      openServing('runs/dssm', {}, { line: () => undefined, training: null, models }),
    ).rejects.toThrow(/runs\/dssm cannot answer a history: dssm: with user: id only users of the training/);
  });

  it('submits nothing to a leaderboard of news', async () => {
    expect(await ferry('evaluate', 'runs/plain', '--mind-submission', 'x.zip')).toMatch(
      /^error --mind-submission is for models of news, .*; runs\/plain is a run of MISSRec/,
    );
    expect(existsSync('x.zip')).toBe(false);
  });

  it('computes where its recipe says', async () => {
    await tf.setBackend('wasm').catch(() => false);
    expect(await ferry('evaluate', 'runs/plain')).toContain('shop, test: 40 rows among 24 items');
    expect(tf.getBackend()).toBe('cpu');
  });

  it('can lack a modality, and both where it has IDs; never all it knows', async () => {
    const metrics = async (run: string, ...args: string[]): Promise<Record<string, number>> =>
      (JSON.parse(await ferry('evaluate', run, '--json', ...args)) as { metrics: Record<string, number> })
        .metrics;
    const seen = new Set<number>();
    for (const args of [[], ['image'], ['text'], ['image', 'text']]) {
      const { mrr } = await metrics('runs/ids', ...args.flatMap((modality) => ['--without', modality]));
      expect(mrr).toBeGreaterThan(0);
      seen.add(mrr!);
    }
    expect(seen.size).toBe(4);
    expect(await metrics('runs/ids', '--without', 'text', '--without', 'image')).toEqual(
      await metrics('runs/ids', '--without', 'image', '--without', 'text'),
    );
    expect(await ferry('evaluate', 'runs/plain', '--without', 'image', '--without', 'text')).toBe(
      'error runs/plain knows items by text and image alone: nothing is left without',
    );
  });

  it('that was stopped in its first epoch can be evaluated by its last checkpoint', async () => {
    const own = await wholeRecipe(openRecipe('plain.yaml').document, models);
    const stopped = runJob({ ...own, out: 'stopped' }, 'plain', {
      line: () => undefined,
      training: null,
      models,
      signal: AbortSignal.abort(),
    });
    await expect(stopped).rejects.toThrow('saved in stopped');
    expect(await ferry('evaluate', 'stopped')).toMatch(
      /^error stopped: no epoch was completed.*\(ferry: --checkpoint last\)$/,
    );
    expect(await ferry('evaluate', 'stopped', '--checkpoint', 'last')).toContain('40 rows among 24 items');
    expect(await ferry('recommend', 'stopped', '--user', 'u1', '--checkpoint', 'last')).toContain(
      'Recommended',
    );
  });
});

describe('what is missing is found before anything is encoded', () => {
  beforeAll(() => {
    writeDomain('bare', false);
    writeFileSync('file', '');
    writeFileSync(
      'bare.yaml',
      recipe('').replace('shop', 'bare').replace('{ text: stored, image: stored }', '{ text: use-lite }'),
    );
    mkdirSync('few');
    writeFileSync('few/items.jsonl', lines(items));
    writeFileSync('few/sequences.jsonl', lines([{ user: 'a', items: ['i1', 'i2', 'i3'] }]));
  });

  it.each<readonly [string, readonly string[], RegExp]>([
    [
      'a run to start from',
      ['finetune', 'bare.yaml', 'from=runs/none'],
      /from: no such run or checkpoint: runs\/none/,
    ],
    [
      'pictures',
      ['finetune', 'bare.yaml', 'features.image=pixels'],
      /got none named for the 24 items of bare/,
    ],
    ['a feature file', ['finetune', 'bare.yaml', 'features.image=stored'], /bare has no image features/],
    [
      'a place',
      ['finetune', 'bare.yaml', '--out', 'file/run'],
      /out: file\/run cannot be made: .*file is a file/,
    ],
    [
      'training rows of the target',
      ['finetune', 'bare.yaml', 'target=few'],
      /few \(few\) has no training rows/,
    ],
    ['training rows of a source', ['pretrain', 'sources.yaml'], /few \(few\) has no training rows/],
    // Before the runs and the domain, of which there are none.
    ...[
      ['compare', 'one', 'two', '--csv'],
      ['longtail', 'one', '--csv'],
      ['longtail', 'one', '--svg'],
      ['inspect', 'nowhere', '--report'],
    ].map(
      (args) =>
        [
          `the place of ${args.join(' ')}`,
          [...args, 'no/x'],
          /cannot write no\/x: there is no directory no/,
        ] as const,
    ),
    ['a domain of a study', ['study', 'study.yaml'], /no such domain directory: nowhere/],
    [
      'the pictures of a domain of a study',
      ['study', 'study.yaml', 'targets=[bare,shop]', 'features.image=pixels'],
      /got none named for the 24 items of bare/,
    ],
  ])('%s', async (_, args, message) => {
    writeFileSync('sources.yaml', 'job: pretrain\nsources: [bare, few]\nbackend: cpu\n');
    writeFileSync(
      'study.yaml',
      'job: study\ntargets: [bare, nowhere]\nstarts: [scratch]\nbackend: cpu\nbaselines: []\n',
    );
    expect(await ferry(...args)).toMatch(message);
    expect(existsSync('bare/features') || existsSync('bare/.ferry')).toBe(false);
  });
});

describe('the guide', () => {
  it('can be followed word by word on data with texts alone', { timeout: 240_000 }, () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide.md'), 'utf8');
    const section = guide.slice(guide.indexOf('### On your own data'));
    const block = /```\n([^`]+)```/.exec(section)![1]!;
    expect(block).toContain('npx ferry finetune mine.yaml');
    writeDomain('data/mine', false);
    const script = block.replaceAll('npx ferry', `"${process.execPath}" "${launcher}"`).replace('USER', 'u1');
    const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', script], {
      env: { ...process.env, FERRY_BACKEND: 'ort', FERRY_THREADS: '1' },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toContain('test: Recall@10');
    expect(stdout).toContain('Recommended');
  });
});

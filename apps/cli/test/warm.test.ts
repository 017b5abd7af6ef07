import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openServing } from '@ferry/studies';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeNewsWorld, writeNewsWorld } from '@ferry/sample-world';
import { ferry, launch, ownFolder, refusal } from './ferry.ts';
import { smallNrms, writeNewsFolder } from './newsFolder.ts';

ownFolder('warm', { FERRY_THREADS: '1' });

const lines = (values: readonly object[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join('');

/** Users who go round some items, in either direction; each item has text features. */
function writeShop(
  place: string,
  { items, users }: { items: readonly number[]; users: readonly number[] },
): void {
  mkdirSync(place);
  writeFileSync(`${place}/items.jsonl`, lines(items.map((i) => ({ id: `i${i}`, title: `thing ${i}` }))));
  const of = (u: number): string[] =>
    Array.from(
      { length: 6 },
      (_, l) => `i${((((u % 2 ? -l : l) + u) % items.length) + items.length) % items.length}`,
    );
  writeFileSync(`${place}/sequences.jsonl`, lines(users.map((u) => ({ user: `u${u}`, items: of(u) }))));
  for (const ending of ['feat1CLS', 'feat3CLS']) {
    const of = (i: number, f: number): number => Math.sin(i * (f + 1.3) + ending.charCodeAt(4));
    const features = Float32Array.from(items.flatMap((i) => [0, 1, 2, 3].map((f) => of(i, f))));
    writeFileSync(`${place}/shop.${ending}`, new Uint8Array(features.buffer));
    writeFileSync(`${place}/shop.${ending}.json`, '{ "width": 4, "dtype": "float32" }');
  }
}

/** A news of a topic that no other has, in words that no other has, and someone new who reads it. */
const article = ['N900', 'garden', 'roses', 'spade rake', '', '', '[]', '[]'].join('\t');
const impression = ['900', 'U900', '11/11/2019 1:30:00 AM', 'N1', 'N900-1 N2-0 N3-0'].join('\t');

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

beforeAll(() => {
  writeShop('shop', { items: range(12), users: range(30) });
  // The same, each list the other way round: whoever goes by rows takes one item for another.
  writeShop('turned', { items: range(12).reverse(), users: range(30).reverse() });
  writeShop('grown', { items: [14, 13, 12, ...range(12).reverse()], users: range(36).reverse() });
  writeNewsFolder('news');
  for (const split of ['train', 'dev'])
    for (const file of ['news.tsv', 'behaviors.tsv']) {
      const rows = readFileSync(`news/${split}/${file}`, 'utf8').trimEnd().split('\n').reverse();
      const more = { 'news.tsv': article, 'behaviors.tsv': impression }[file]!;
      for (const [place, all] of [
        ['news-turned', rows],
        ['news-grown', [more, ...rows]],
      ] as const) {
        mkdirSync(`${place}/${split}`, { recursive: true });
        writeFileSync(`${place}/${split}/${file}`, `${all.join('\n')}\n`);
      }
    }
  writeFileSync(
    'shop.yaml',
    `job: train
target: shop
seed: 1
backend: cpu
threads: 1
features: { text: stored }
model: { name: sasrec, width: 8, inner: 8, positions: 6, tied: false }
training: { epochs: 2, batchSize: 16, learningRate: 0.01 }
evaluation: { cutoffs: [1, 3], history: mask }
`,
  );
  writeFileSync('news.yaml', smallNrms('news', 2));
});

const jsonOf = (run: string, name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(run, name), 'utf8')) as Record<string, unknown>;
const test = (run: string): Record<string, number> =>
  jsonOf(run, 'summary.json')['test'] as Record<string, number>;

/** A step so small that no weight moves: what was begun with is what is tested. */
const still = ['training.epochs=1', 'training.learningRate=1e-30'];

/** Settings of every model that is trained by gradients, with each table by ids that it may have. */
const shopModels = {
  sasrec: '{ width: 8, inner: 8, positions: 6, tied: false }',
  gru4rec: '{ width: 8, hidden: 8, positions: 6, tied: false, outputBias: true }',
  bert4rec: '{ width: 8, inner: 8, positions: 6, outputBias: true }',
  dssm: '{ width: 8, user: id }',
  unisrec: '{ width: 8, inner: 8, positions: 6, ids: true }',
  missrec:
    '{ width: 8, heads: 2, inner: 8, positions: 6, itemFusion: per-item, interests: { method: none } }',
  'bpr-mf': '{ factors: 4, itemBias: true }',
  vbpr: '{ factors: 4, visualFactors: 4 }',
  lightgcn: '{ factors: 4 }',
  'lightgcn-m': '{ factors: 4 }',
  'ngcf-m': '{ factors: 4 }',
  freedom: '{ factors: 4, neighbours: 3 }',
  bm3: '{ factors: 4 }',
  lattice: '{ factors: 4, neighbours: 3 }',
};

const usersToo = new Set(['dssm', ...Object.keys(shopModels).slice(6)]);

/** Trains on a world, then on the same one turned round, where nothing may change, and on one that has grown. */
async function checkCarried(
  name: string,
  train: (...more: string[]) => Promise<string>,
  { turned, grown, said }: { turned: string; grown: string; said: readonly string[] },
): Promise<void> {
  const before = `${name}-before`;
  expect(await train('--out', before)).toContain('report:');
  await train(`target=${turned}`, ...still, '--warm', before, '--out', `${name}-after`);
  for (const [metric, value] of Object.entries(test(before)))
    expect(test(`${name}-after`)[metric], metric).toBeCloseTo(value, 5);
  // Whatever table goes by ids and does not say so no longer fits.
  const out = await train(`target=${grown}`, 'training.epochs=1', '--warm', before, '--out', `${name}-grown`);
  for (const words of said) expect(out).toContain(words.replace('RUN', before));
}

describe('what is carried goes by ids, not by rows', () => {
  it.each(Object.entries(shopModels))('of %s', async (name, settings) => {
    const model = `model=${settings.replace('{', `{ name: ${name},`)}`;
    const image = name === 'missrec' ? ['features.image=stored'] : [];
    await checkCarried(name, (...more) => ferry('train', 'shop.yaml', model, ...image, ...more), {
      ...{ turned: 'turned', grown: 'grown' },
      said: [
        'of 15 items 12 known to RUN, 3 new',
        ...(usersToo.has(name) ? ['of 36 users 30 known to RUN, 6 new'] : []),
      ],
    });
  });

  it.each([
    ['nrms', '{ name: nrms, encoder: ids, heads: 2, headWidth: 4, queryWidth: 8 }', ['of 61 news 60']],
    [
      'naml',
      '{ name: naml, wordWidth: 8, filters: 8, views: [title, category, subcategory, entities] }',
      ['of 22 words 20', 'of 5 categories 4', 'of 5 subcategories 4'],
    ],
    [
      'lstur',
      '{ name: lstur, wordWidth: 8, filters: 8, labelWidth: 4 }',
      ['of 5 categories 4', 'of 41 users 40'],
    ],
  ])('of %s', async (name, model, said) => {
    await checkCarried(name, (...more) => ferry('train', 'news.yaml', `model=${model}`, ...more), {
      ...{ turned: 'news-turned', grown: 'news-grown' },
      said: said.map((words) => `${words} known to RUN`),
    });
  });
});

describe('a training that goes on day by day', () => {
  const model =
    'model={ name: lstur, wordWidth: 8, filters: 8, labelWidth: 4, titleWords: 8, leastCount: 3, history: 5 }';
  const span = (day: number, from?: number): string =>
    `evaluation.span={ ${from === undefined ? '' : `trainFrom: 2019-11-${from}, `}` +
    `testFrom: 2019-11-${day}, testUntil: 2019-11-${day + 1} }`;
  const names = (run: string) => jsonOf(run, 'names.json') as Record<string, string[]>;

  beforeAll(async () => {
    await writeNewsWorld('world', makeNewsWorld({ articles: 240, readers: 60, visits: 4 }), {
      pictures: false,
    });
    const train = (...more: string[]) => ferry('train', 'news.yaml', 'target=world', model, ...more);
    await train(span(12), '--out', 'days/12');
    await train(span(13, 12), '--warm', 'days/12', '--out', 'days/13');
    await train(span(14, 13), '--warm', 'days/13', '--out', 'days/14');
    await train(span(14, 13), '--out', 'days/alone');
    await train(span(14, 13), 'seed=2', '--warm', 'days/13', '--out', 'days/14b');
    await train(span(14), 'training.epochs=1', '--out', 'days/whole');
  }, 120_000);

  it('keeps what is known from the days before, and records where it started', () => {
    // A day shows few of the words and readers: those of the days before are not forgotten.
    expect(names('days/alone')['words']!.length).toBeLessThan(names('days/14')['words']!.length);
    expect(names('days/alone')['users']!.length).toBeLessThan(names('days/14')['users']!.length);
    for (const kind of ['words', 'users'])
      expect(names('days/14')[kind]).toEqual(expect.arrayContaining(names('days/12')[kind]!));
    const { checkpoint } = jsonOf('days/13', 'summary.json')['best'] as { checkpoint: string };
    const sums = readFileSync(`days/13/checkpoints/${checkpoint}/SHA256SUMS`, 'utf8');
    expect(jsonOf('days/14', 'start.json')).toMatchObject({
      warm: 'days/13',
      checkpoint,
      sha256: sums
        .split('\n')
        .find((line) => line.endsWith('model.safetensors'))!
        .slice(0, 64),
    });
    expect(readFileSync('days/14/recipe.yaml', 'utf8')).toContain('warm: days/13');
    expect(readFileSync('days/14/report.html', 'utf8')).toContain('days/13');
  });

  it('gives a run like any other', async () => {
    const again = JSON.parse(await ferry('evaluate', 'days/14', '--json')) as {
      metrics: Record<string, number>;
    };
    for (const [metric, value] of Object.entries(test('days/14')))
      expect(again.metrics[metric]).toBeCloseTo(value, 5);
    // Tested by the same day, trained on others: nothing is said of who was in training.
    const compared = await ferry('compare', 'days/14', 'days/whole');
    expect(compared).toMatch(/AUC by group[^]*length of the history/);
    expect(compared).not.toContain('new user');
    expect(await ferry('compare', 'days/14', 'days/14b')).toContain('new user');
    const { models } = await import('../src/models.ts');
    const console = { models, line: () => undefined, training: null };
    const served = await openServing('days/14', { checkpoint: 'best' }, console);
    try {
      const [reader] = names('days/14')['users']!;
      expect(await served.recommend(served.historyOf(reader!)!, { top: 3, again: false })).toHaveLength(3);
    } finally {
      served.dispose();
    }
    expect(await ferry('replay', 'days/14', '--hours', '8')).toMatch(/What learning on gained/);
    expect(await ferry('train', 'days/14')).toContain('was finished before');
  });

  it('goes on after a kill to the same numbers, without the run that it started from', async () => {
    const more = ['target=news-grown', 'training.epochs=6', 'training.checkpointEvery=1'];
    const args = ['train', 'news.yaml', model, ...more];
    await ferry(...args, '--warm', 'days/12', '--out', 'whole');
    cpSync('days/12', 'days/gone', { recursive: true });
    const gone = [...args, '--warm', 'days/gone', '--out', 'killed'];
    const killed = await launch(gone, (child) => {
      const timer = setInterval(() => {
        if (!existsSync('killed/checkpoints/step-00000003')) return;
        clearInterval(timer);
        child.kill('SIGKILL');
      }, 5);
    });
    expect(killed.code).toBe(null);
    expect(existsSync('killed/summary.json')).toBe(false);
    rmSync('days/gone', { recursive: true });
    expect(await ferry(...gone)).not.toContain('starts from');
    expect(readFileSync('killed/metrics.jsonl', 'utf8')).toBe(readFileSync('whole/metrics.jsonl', 'utf8'));
    expect(test('killed')).toEqual(test('whole'));
    // Before its first checkpoint there is nothing to go on from but the run.
    rmSync('killed/checkpoints', { recursive: true });
    rmSync('killed/summary.json');
    expect(await refusal(...gone)).toBe('error warm: no such run: days/gone');
  }, 60_000);
});

describe('a warm start is refused', () => {
  const copy = (name: string): string => {
    cpSync('sasrec-before', name, { recursive: true });
    return name;
  };
  const sasrec = 'model={ name: sasrec, width: 8, inner: 8, positions: 6, tied: false }';

  it.each<[string, () => string[], RegExp]>([
    ['from what is not there', () => ['--warm', 'nowhere'], /^error warm: no such run: nowhere$/],
    ['from what is no run', () => ['--warm', 'shop'], /^error shop must be a run directory, got a domain /],
    [
      'into the directory that it starts from',
      () => ['--warm', './sasrec-before', '--out', 'sasrec-before'],
      /^error warm: \.\/sasrec-before must be another directory than that of the new run, got out=sasrec-before$/,
    ],
    [
      'from a run that is not finished',
      () => {
        rmSync(join(copy('unfinished'), 'summary.json'));
        return ['--warm', 'unfinished'];
      },
      /^error warm: unfinished is not finished: finish it first$/,
    ],
    [
      'from another model',
      () => ['--warm', 'vbpr-before'],
      /^error warm: vbpr-before must be of the same model \(sasrec\), got vbpr$/,
    ],
    [
      'from other features',
      () => ['--warm', 'sasrec-before', 'features.text=use-lite'],
      /must have read the same features, and features\.text was "stored", is "use-lite"$/,
    ],
    [
      'from another width, said by key and weight',
      () => ['--warm', 'sasrec-before', 'model.width=16'],
      /'items\.ids\.weight' must be F32 \[13, 16\], got F32 \[13, 8\] \(and \d+ more\); model\.width was 8, is 16$/,
    ],
    [
      'from more layers',
      () => ['--warm', 'sasrec-before', 'model.layers=1'],
      /'encoder\.layers\.1\.[^']*' is unknown to the model .*; model\.layers was (absent|2), is 1$/,
    ],
    [
      'from a damaged checkpoint',
      () => {
        const { checkpoint } = jsonOf(copy('damaged'), 'summary.json')['best'] as { checkpoint: string };
        const file = `damaged/checkpoints/${checkpoint}/model.safetensors`;
        const bytes = readFileSync(file);
        bytes[bytes.length - 1]! ^= 1;
        writeFileSync(file, bytes);
        return ['--warm', 'damaged'];
      },
      /damaged\/checkpoints\/step-\d+\/model\.safetensors is damaged: SHA-256/,
    ],
    [
      'from a run of before ids were kept',
      () => {
        rmSync(join(copy('older'), 'names.json'));
        return ['--warm', 'older'];
      },
      /^error warm: older keeps no ids of its items \(names\.json\): .* ferry train older writes them/,
    ],
    [
      'by what is fitted at once',
      () => ['--warm', 'vbpr-before', 'model={ name: ease }'],
      /^error warm: EASE.* is fitted at once and starts from no weights/,
    ],
    [
      'by a text encoder from nothing',
      () => ['--warm', 'sasrec-before', 'features={ text: trained }', 'model.tower={ features: true }'],
      /^error warm: a text encoder from nothing knows the words of its own domain alone/,
    ],
  ])('%s', async (_name, args, message) => {
    const refused = ['train', 'shop.yaml', '--out', 'refused', sasrec, ...args()];
    expect(await refusal(...refused)).toMatch(message);
    // Nothing was begun.
    expect(existsSync('refused/checkpoints')).toBe(false);
  });

  it('but a run of before ids were kept takes them where its data are still the same', async () => {
    expect(await ferry('train', 'older')).toContain('was finished before');
    expect(readFileSync('older/names.json', 'utf8')).toBe(readFileSync('sasrec-before/names.json', 'utf8'));
  });

  it('and settings that change no shape may differ, and are told', async () => {
    const args = ['model.dropout=0.4', 'training.epochs=1', '--warm', 'sasrec-before', '--out', 'dropped'];
    expect(await ferry('train', 'shop.yaml', sasrec, ...args)).toMatch(
      /\n {2}model\.dropout was absent, is 0\.4\n/,
    );
  });
});

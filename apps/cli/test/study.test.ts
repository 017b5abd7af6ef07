import { spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { makeSampleWorld, themes, writeSampleWorld } from '@ferry/sample-world';
import { formatComparison, keepRows, keptRows, type RunComparison } from '@ferry/studies';
import { beforeAll, describe, expect, it } from 'vitest';
import { launch, launcher, ownFolder, refusal, run as ferry } from './ferry.ts';

// One thread: test files run side by side.
const folder = ownFolder('study', { FERRY_BACKEND: 'ort', FERRY_THREADS: '1' });

/** Whether this machine lets us mount a file system of a few hundred KiB in a namespace of our own. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;

/** Calls `act` once a condition holds or the child has ended. */
function once(child: ChildProcess, condition: () => boolean, act: () => void): void {
  const timer = setInterval(() => {
    if (child.exitCode === null && !condition()) return;
    clearInterval(timer);
    if (child.exitCode === null) act();
  }, 5);
}

const shared = [
  'features: { text: stored }',
  'model: { width: 16, heads: 2, inner: 16, positions: 10, dropout: 0.2 }',
];

const runs = (study: string): string[] =>
  [
    'pretrain/seed-1',
    ...['scratch-ids', 'scratch-no-ids', 'pre-trained-ids', 'pre-trained-no-ids'].map(
      (cell) => `finetune/puzzles/${cell}/seed-1`,
    ),
  ].map((run) => join(folder, study, run));

/** The runs of `ids=[true]`: the pre-training and one fine-tuning from each start. */
const withIds = (study: string): string[] => runs(study).filter((run) => !run.includes('no-ids'));

const contents = (directories: readonly string[]): string[] =>
  directories.map((run) => readFileSync(join(run, 'metrics.jsonl'), 'utf8'));

beforeAll(async () => {
  const world = makeSampleWorld({ persons: 150, domains: ['games', 'puzzles'] });
  await writeSampleWorld(folder, world);
  // Features that cost nothing: an item's theme and some of its look, as MISSRec's files hold them.
  for (const { name, items } of world.domains) {
    const rows = Float32Array.from(
      items.flatMap(({ theme, style, volume }) => [
        ...themes.map((_, t) => (t === theme ? 1 : 0)),
        style / 4,
        volume / 3,
      ]),
    );
    await writeFile(join(folder, name, `${name}.feat1CLS`), new Uint8Array(rows.buffer));
    // The text with words dropped: the theme alone.
    const dropped = rows.map((value, i) => (i % (themes.length + 2) < themes.length ? value : 0));
    await writeFile(join(folder, name, `${name}.feat2CLS`), new Uint8Array(dropped.buffer));
  }
  await writeFile(
    join(folder, 'tiny.yaml'),
    [
      'job: study',
      'sources: [games]',
      'targets: [puzzles]',
      'seeds: [1]',
      ...shared,
      'pretraining: { epochs: 2, batchSize: 64, wordDropShare: 0.5 }',
      'finetuning: { epochs: 3, batchSize: 64 }',
      '',
    ].join('\n'),
  );
});

describe('a study', { timeout: 300_000 }, () => {
  it('does its runs, prints one table and writes a report', async () => {
    const { code, out, error } = await launch(['study', 'tiny.yaml', '--out', 'whole']);
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('1 pre-training run and 4 fine-tuning runs');
    expect(out).toMatch(/puzzles +yes +pre-trained +0\.\d{4}/);
    expect(out.trimEnd().endsWith(join('whole', 'report.html'))).toBe(true);
    const html = await readFile(join(folder, 'whole/report.html'), 'utf8');
    for (const part of [
      'Learning curves',
      'Recall by popularity',
      'Interests',
      'Data sets',
      'Settings',
      '<svg',
    ])
      expect(html).toContain(part);
    const csv = await readFile(join(folder, 'whole/results.csv'), 'utf8');
    // A heading, six baselines, four lines of runs.
    expect(csv.trimEnd().split('\n')).toHaveLength(11);
    // A heading, four runs: five metrics in validation and as many in the test.
    const runsCsv = await readFile(join(folder, 'whole/runs.csv'), 'utf8');
    expect(runsCsv.trimEnd().split('\n')).toHaveLength(1 + 4 * 10);
    const { runs: listed } = JSON.parse(await readFile(join(folder, 'whole/results.json'), 'utf8')) as {
      runs: { test: Record<string, number> }[];
    };
    expect(listed).toHaveLength(4);
    for (const { test } of listed) expect(test['recall@10']).toBeGreaterThan(0);
  });

  it('skips what is finished', async () => {
    const before = contents(runs('whole'));
    const { out } = await ferry('study', 'tiny.yaml', '--out', 'whole');
    expect(out.match(/finished before/g)).toHaveLength(5);
    expect(contents(runs('whole'))).toEqual(before);
  });

  it('is done by several processes at once, each with seeds of its own', async () => {
    const study = (seeds: string) => launch(['study', 'tiny.yaml', `seeds=${seeds}`, '--out', 'shared']);
    const parts = await Promise.all([study('[1]'), study('[2]')]);
    expect(parts.map(({ error, code }) => [error, code])).toEqual([
      ['', 0],
      ['', 0],
    ]);
    const { code, out, error } = await ferry('study', 'tiny.yaml', 'seeds=[1,2]', '--out', 'shared');
    expect([error, code]).toEqual(['', 0]);
    expect(out.match(/finished before/g)).toHaveLength(10);
    expect(contents(runs('shared'))).toEqual(contents(runs('whole')));
  });

  it('goes on wherever it lies and by whatever path it is named', async () => {
    await cp(join(folder, 'whole'), join(folder, 'elsewhere/moved it'), { recursive: true });
    await rm(join(folder, 'elsewhere/moved it/finetune/puzzles/pre-trained-ids'), { recursive: true });
    const { code, out, error } = await ferry('study', join(folder, 'elsewhere/moved it'));
    expect([error, code]).toEqual(['', 0]);
    expect(out.match(/finished before/g)).toHaveLength(4);
    expect(contents(runs('elsewhere/moved it'))).toEqual(contents(runs('whole')));
    const html = await readFile(join(folder, 'elsewhere/moved it/report.html'), 'utf8');
    expect(html).toContain('ferry evaluate &#39;');
  });

  it('reads run directories of before rows were kept', async () => {
    await cp(join(folder, 'whole'), join(folder, 'old'), { recursive: true });
    for (const run of runs('old').slice(1)) {
      const rows = await keptRows(run);
      const ranks = Array.from(rows!.better, (better, r) => 1 + better + rows!.tied[r]! / 2);
      const details = { domain: 'puzzles', ranks, targetCounts: [...rows!.targetCounts], interests: null };
      await writeFile(join(run, 'details.json'), JSON.stringify(details));
      await rm(join(run, 'rows'), { recursive: true });
      const recipe = await readFile(join(run, 'recipe.yaml'), 'utf8');
      const then = recipe
        .replace(/ {2}(metric|ties): .*\n/g, '')
        .replace(/^from: "?study:(.*?)"?$/m, 'from: old/$1');
      await writeFile(join(run, 'recipe.yaml'), `${then}out: ${run}\n`);
    }
    const { out, error } = await ferry('study', 'tiny.yaml', '--out', 'old');
    expect(error).toBe('');
    expect(out.match(/finished before/g)).toHaveLength(5);
    const rowsOf = (study: string) =>
      (
        JSON.parse(readFileSync(join(folder, study, 'results.json'), 'utf8')) as {
          rows: { test: object; cold: { mean: number } }[];
        }
      ).rows;
    for (const [i, { test, cold }] of rowsOf('old').entries()) {
      const whole = rowsOf('whole')[i]!;
      expect(test).toEqual(whole.test);
      // What was kept does not tell how wide a tie was.
      expect(Math.abs(cold.mean - whole.cold.mean)).toBeLessThan(0.02);
    }
  });

  it('gives finished runs more epochs, unless others began from what they were', async () => {
    await cp(join(folder, 'whole'), join(folder, 'longer'), { recursive: true });
    const more = await ferry('study', 'tiny.yaml', 'finetuning.epochs=4', 'ids=[false]', '--out', 'longer');
    expect(more.error).toBe('');
    expect(more.out.match(/epoch \d\/4 /g)).toHaveLength(2);
    const [, , then] = contents(runs('whole'));
    const [, , now] = contents(runs('longer'));
    const epochs = (text: string): string =>
      text
        .split('\n')
        .filter((line) => line.includes('"epoch"'))
        .join('\n');
    expect(epochs(now!).length).toBeGreaterThan(epochs(then!).length);
    expect(await refusal('study', 'tiny.yaml', 'pretraining.epochs=3', '--out', 'longer')).toContain(
      'pretraining.epochs was 2, is 3, and finetune/puzzles/pre-trained-ids/seed-1 began from what pretrain/seed-1 was',
    );
  });

  it('killed in pre-training and in fine-tuning and run again gives the same numbers', async () => {
    const args = ['study', 'tiny.yaml', 'ids=[true]', '--out', 'killed'];
    const checkpointIn = (run: string) => () =>
      existsSync(join(run, 'checkpoints')) &&
      readdirSync(join(run, 'checkpoints')).some((name) => name.startsWith('step-')) &&
      !existsSync(join(run, 'summary.json'));
    const [pretrain, , tuned] = withIds('killed');
    for (const run of [pretrain!, tuned!]) {
      const { code } = await launch(args, (child) => {
        once(child, checkpointIn(run), () => child.kill('SIGKILL'));
      });
      expect(code).toBe(null);
    }
    const { code, out } = await launch(args);
    expect(code).toBe(0);
    expect(out).toContain('finished before');
    expect(contents(withIds('killed'))).toEqual(contents(withIds('whole')));
  });

  it.skipIf(!canMount)('loses nothing on a full disk, and goes on once there is room', async () => {
    // The first attempt has 512 KiB, the second as much as it wants; the mount is gone with its shell.
    const ferryStudy = `"${process.execPath}" "${launcher}" study tiny.yaml ids=[true] --out small/study`;
    const script = [
      'mkdir small && mount -t tmpfs -o size=512k tmpfs small',
      `${ferryStudy} > full.txt 2>&1; echo $? >> full.txt`,
      'mount -o remount,size=64m small',
      `${ferryStudy} > roomy.txt 2>&1; echo $? >> roomy.txt`,
      'cp -r small/study roomy',
    ].join('\n');
    spawnSync('unshare', ['-rm', 'sh', '-c', script]);
    const full = (await readFile(join(folder, 'full.txt'), 'utf8')).trimEnd().split('\n');
    expect(full.at(-1)).toBe('1');
    expect(full.at(-2)).toMatch(
      /^error cannot write small\/study\/.*: no space left on the device; last good checkpoint: .*, untouched\. Free some space, then go on with: ferry study tiny\.yaml 'ids=\[true\]' --out small\/study$/,
    );
    expect((await readFile(join(folder, 'roomy.txt'), 'utf8')).trimEnd().endsWith('\n0')).toBe(true);
    expect(contents(withIds('roomy'))).toEqual(contents(withIds('whole')));
  });

  it('goes on from the checkpoint before a damaged one if told to', async () => {
    await writeFile(
      join(folder, 'solo.yaml'),
      [
        'job: finetune',
        'target: puzzles',
        'seed: 1',
        ...shared,
        'finetuning: { epochs: 3, batchSize: 64, checkpointEvery: 1 }',
        '',
      ].join('\n'),
    );
    const run = join(folder, 'solo');
    const saved = () =>
      readdirSync(join(run, 'checkpoints'))
        .filter((name) => name.startsWith('step-'))
        .sort();
    const killed = await launch(['finetune', 'solo.yaml', '--out', 'solo'], (child) => {
      once(
        child,
        () => existsSync(join(run, 'checkpoints')) && saved().length > 1,
        () => child.kill('SIGKILL'),
      );
    });
    expect(killed.code).toBe(null);
    const file = join(run, 'checkpoints', saved().at(-1)!, 'model.safetensors');
    truncateSync(file, statSync(file).size - 4);
    const refused = await ferry('finetune', 'solo.yaml', '--out', 'solo');
    expect(refused.code).toBe(1);
    expect(refused.error).toMatch(/model\.safetensors is damaged: .*\(ferry: --fallback\)\n$/);
    const { code } = await ferry('finetune', 'solo.yaml', '--out', 'solo', '--fallback');
    expect(code).toBe(0);
    const [, whole] = contents(runs('whole'));
    expect(readFileSync(join(run, 'metrics.jsonl'), 'utf8')).toBe(whole);
  });

  it('refuses a directory that holds runs of another recipe, before it does anything', async () => {
    expect(await refusal('study', 'tiny.yaml', 'model.width=32', '--out', 'whole')).toBe(
      'error whole holds runs of another recipe: model.width was 16, is 32. Choose another directory with --out',
    );
  });

  it('leaves runs that can be compared, if they ranked the same rows', async () => {
    const [, ...tuned] = runs('whole').map((run) => relative(folder, run));
    const { out, error } = await ferry('compare', ...tuned, '--json');
    expect(error).toBe('');
    const found = JSON.parse(out) as RunComparison;
    await ferry('compare', ...tuned, '--csv', 'tuned.csv');
    const [titles, first] = readFileSync(join(folder, 'tuned.csv'), 'utf8').split('\n');
    expect(titles).toMatch(/^run,domain,split,grouping,group,rows,interactions,metric,value,/);
    expect(first).toContain(`,recall@10,${found.metrics[0]!['recall@10']!.mean},`);
    const summaries = runs('whole')
      .slice(1)
      .map((run) => JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8')) as { test: object });
    const means = found.metrics.map((own) =>
      Object.fromEntries(Object.entries(own).map(([name, { mean }]) => [name, mean])),
    );
    expect(means).toEqual(summaries.map(({ test }) => test));
    expect(found.metric).toBe('ndcg@10');
    expect(found.lines.map(({ runs: own }) => own)).toEqual(tuned.map((run) => [run]));
    expect(found.differences.map(({ line }) => line)).toEqual(found.lines.slice(1).map(({ name }) => name));
    for (const [i, one] of found.differences.entries()) {
      expect(one.difference).toBeCloseTo(means[i + 1]!['ndcg@10']! - means[0]!['ndcg@10']!, 12);
      expect(one.corrected).toBeGreaterThanOrEqual(one.permutation);
    }
    for (const groups of Object.values(found.groups))
      for (const group of groups) expect(group.reduce((sum, { rows }) => sum + rows, 0)).toBe(found.count);
    expect(
      formatComparison(found, { width: 60 })
        .split('\n')
        .every((line) => line.length <= 60 || !line.includes('─')),
    ).toBe(true);
    expect(await refusal('compare', tuned[0]!, tuned[0]!)).toContain(`got ${tuned[0]!} twice`);
    expect(await refusal('compare', tuned[0]!, tuned[1]!, '--metric', 'ndgc@7')).toContain('got ndgc@7');
    expect(await refusal('compare', tuned[0]!, 'whole/pretrain/seed-1')).toContain("has kept no rows 'test'");
    const other = await keptRows(join(folder, tuned[1]!));
    const twisted = {
      ...other!,
      targets: other!.targets!.map((item, r) => (r === 2 ? item + 1 : item)),
      key: 'x',
    };
    await cp(join(folder, tuned[1]!), join(folder, 'twisted'), { recursive: true });
    await keepRows(join(folder, 'twisted'), 'test', twisted);
    expect(await refusal('compare', tuned[0]!, 'twisted')).toMatch(
      /same rows: whole.*: test of puzzles, 39 rows among 140 items, items of the history kept; twisted: .*; row 3 wants another item$/,
    );
    await keepRows(join(folder, 'twisted'), 'test', { ...other!, history: 'mask' });
    expect(await refusal('compare', tuned[0]!, 'twisted')).toContain('items of the history excluded');
  });

  it('leaves runs that can be evaluated, carried to another domain, and asked for recommendations', async () => {
    const run = 'whole/finetune/puzzles/pre-trained-no-ids/seed-1';
    const evaluation = await ferry('evaluate', run, '--json');
    const { metrics } = JSON.parse(evaluation.out) as { metrics: Record<string, number> };
    const summary = JSON.parse(await readFile(join(folder, run, 'summary.json'), 'utf8')) as {
      test: Record<string, number>;
    };
    expect(metrics).toEqual(summary.test);
    const { out: other } = await ferry('evaluate', run, '--cutoffs', '1,20', '--json');
    expect(Object.keys((JSON.parse(other) as { metrics: object }).metrics)).toEqual([
      ...['recall@1', 'ndcg@1', 'recall@20', 'ndcg@20', 'mrr'],
    ]);
    const elsewhere = await ferry('evaluate', run, '--on', 'games');
    expect(elsewhere.out).toContain('games, test:');
    const withIds = 'whole/finetune/puzzles/scratch-ids/seed-1';
    expect(await refusal('evaluate', withIds, '--on', 'games')).toContain('knows the items of puzzles by ID');
    const { out } = await ferry('recommend', run, '--history', 'pu0003,pu0004', '--top', '3');
    expect(out).toMatch(/Recommended\n {3}1 {2}-?\d\.\d{4} {2}pu\d{4} {2}\w/);
    expect(out).toContain('Interests that fired');
  });
});

describe('errors', { timeout: 120_000 }, () => {
  const run = 'whole/finetune/puzzles/scratch-no-ids/seed-1';

  it('end with code 1 and one line, and with a trace only if asked', async () => {
    const nothing = await launch(['evaluate', 'nowhere']);
    expect(nothing).toEqual({
      code: 1,
      out: '',
      error: 'error no such run directory: nowhere\n',
    });
    const traced = await launch(['evaluate', 'nowhere', '--debug']);
    expect(traced.error).toContain('runRecipe.ts');
  });

  it('name what is wrong and what was meant', async () => {
    expect(await refusal('recommend', run, '--history', 'pu003')).toMatch(
      /^error no item 'pu003' in puzzles; did you mean 'pu\d{4}'\?/,
    );
    expect(await refusal('study', 'tiny.yaml', 'pretraining.epohcs=3')).toContain(
      "unknown key 'epohcs' in pretraining; did you mean 'epochs'?",
    );
    expect(await refusal('pretrain', 'tiny.yaml')).toContain("recipe for 'ferry study'");
    expect(await refusal('recommend', run)).toContain('give either --user <id> or --history <ids>');
  });

  it('tell of a damaged checkpoint, a short feature file and an item that comes twice', async () => {
    const checkpoints = join(folder, run, 'checkpoints');
    for (const name of readdirSync(checkpoints)) {
      const file = join(checkpoints, name, 'model.safetensors');
      truncateSync(file, statSync(file).size - 100);
    }
    expect(await refusal('evaluate', run)).toMatch(/^error .*model\.safetensors is damaged: .*$/);
    const features = join(folder, 'games/games.feat1CLS');
    truncateSync(features, statSync(features).size - 8);
    expect(await refusal('study', 'tiny.yaml', '--out', 'cut')).toMatch(/^error .*games\.feat1CLS: .*$/);
    const items = join(folder, 'puzzles/items.jsonl');
    await appendFile(items, `${(await readFile(items, 'utf8')).split('\n')[0]!}\n`);
    expect(await refusal('inspect', 'puzzles')).toMatch(
      /^error .*items\.jsonl:141: item ids must be unique.*first on line 1.*$/,
    );
  });
});

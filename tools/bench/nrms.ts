// NRMS beside its PyTorch twin (tools/parity/nrms_twin.py), in one run: training samples a second at B = 64, titles of
// 30 words and histories of 50 clicks (the preset `paper`, learned words), and at MIND's lengths of titles; the twin as
// published code is, which encodes every time a news occurs, and with each distinct news encoded once, as Ferry does.
// Then a whole evaluation at the shape of MIND-small's dev part, news vectors made beforehand.
//
// `--steps 0` leaves out the training, so that the peak of memory is the evaluation's.
//
//   npm run bench:nrms -- [--steps 6] [--python python3] [--threads 2] [--impressions 73152]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import {
  createNewsScorer,
  createNewsTraining,
  evaluateImpressions,
  nrms,
  summariseImpressions,
} from '@ferry/nrms';
import { clock, median } from './clock.ts';
import { impressionsOf, N, recommenderOf, words } from './noiseNews.ts';
import { DidNotRun, times, twin } from './programs.ts';

const { values: given } = parseArgs({
  options: {
    steps: { type: 'string', default: '6' },
    python: { type: 'string', default: process.env['FERRY_PYTHON'] ?? 'python3' },
    threads: { type: 'string', default: '1' },
    impressions: { type: 'string', default: '73152' },
  },
});
const [steps, threads, R] = [Number(given.steps), Number(given.threads), Number(given.impressions)];
const B = 64;
const random = RandomStream.fromSeed(1);

/** Seconds of a step, and the batch that the twin is given. */
async function trainHere(full: boolean): Promise<{ seconds: number; batch: object }> {
  const recommender = recommenderOf(random, full);
  const train = impressionsOf(random, B * (steps + 4), { full: true, shown: 20 });
  const [objective] = Object.values(nrms.objectives);
  const training = createNewsTraining({
    recommender,
    objective: objective!.create(objective!.options.parse({}) as object),
    train,
    batchSize: B,
    learningRate: 1e-4,
  });
  const now = clock(threads === 1);
  const seconds: number[] = [];
  let batch: object = {};
  let step = 0;
  const root = RandomStream.fromSeed(2);
  for (const samples of training.batches(0, root.split('batches'))) {
    const start = now();
    await training.trainStep(samples, { epoch: 0, step: step++, random: root.split('steps') });
    seconds.push((now() - start) / 1000);
    if (step < steps + 3) continue;
    const { tokens, starts, longest } = recommender.catalogue.words!.titles;
    const rows = new Map<number, number>([[0, 0]]);
    const place = (news: number): number => rows.get(news) ?? (rows.set(news, rows.size), rows.size - 1);
    const clicked = Array.from(samples.impressions, (r) =>
      Array.from(train.history.subarray(train.historyStarts[r], train.historyEnds[r]), place),
    );
    const candidates = Array.from(samples.impressions, (_, s) =>
      Array.from(samples.candidates.subarray(s * samples.columns, (s + 1) * samples.columns), place),
    );
    const titles = [...rows.keys()].flatMap((news) => {
      const own = [...tokens.subarray(starts[news], starts[news + 1])];
      return [...own, ...Array<number>(longest - own.length).fill(0)];
    });
    batch = {
      preset: 'paper',
      words,
      longest,
      titles,
      clicked,
      candidates,
      clicks: clicked.map((own) => own.length),
    };
    break;
  }
  training.dispose();
  recommender.dispose();
  return { seconds: median(seconds.slice(3)), batch };
}

await selectBackend('ort', { threads });
const folder = mkdtempSync(join(tmpdir(), 'ferry-bench-'));
console.log('| titles | samples/s | PyTorch s a step, every occurrence | PyTorch s a step, distinct news |');
console.log('| ------ | --------: | ---------------------------------: | ------------------------------: |');
try {
  for (const full of steps > 0 ? [true, false] : []) {
    const { seconds, batch } = await trainHere(full);
    const file = join(folder, 'batch.json');
    writeFileSync(file, JSON.stringify(batch));
    const theirs = [[], ['--distinct']].map((form) => {
      const run = twin('nrms_twin.py', ['--speed', '--batch', file, '--steps', given.steps, ...form], given);
      return times(run instanceof DidNotRun ? run : run['secondsPerStep']!, seconds);
    });
    console.log(
      `| ${[full ? '30 words' : "MIND's lengths", (B / seconds).toFixed(0), ...theirs].join(' | ')} |`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (R > 0) {
  const recommender = recommenderOf(random, false);
  const dev = impressionsOf(random, R, { full: false, shown: 37 });
  const scorer = createNewsScorer(recommender);
  const start = performance.now();
  const vectors = await scorer.encode(Int32Array.from({ length: N }, (_, i) => i + 1));
  const encoded = performance.now();
  const scores = await scorer.score(dev, vectors);
  const { means } = summariseImpressions(evaluateImpressions(dev, scores));
  const done = performance.now();
  console.log(
    `evaluation of ${R.toLocaleString('en-US')} impressions: ${((done - encoded) / 1000).toFixed(1)} s (AUC ` +
      `${means['auc']!.toFixed(3)}), ` +
      (`news vectors before it ${((encoded - start) / 1000).toFixed(1)} s, peak ` +
        `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`),
  );
  scorer.dispose();
  recommender.dispose();
}

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
  createNewsRecommender,
  createNewsScorer,
  createNewsTraining,
  evaluateImpressions,
  nrms,
  summariseImpressions,
  type Impressions,
  type NewsOptions,
  type NewsRecommender,
} from '@ferry/nrms';
import { clock, median } from './clock.ts';
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
/** MIND-small: news of dev, words in titles, users. */
const [N, words, users] = [42_416, 30_000, 50_000];
const random = RandomStream.fromSeed(1);
// Popularity falls steeply, as clicks of news do.
const popular = (): number => 1 + Math.floor(N * random.uniform() ** 2.5);

/** Titles of one length, or of MIND's: 11.5 words in the mean. */
function titlesOf(full: boolean): { longest: number; tokens: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(N + 2);
  for (let n = 1; n <= N; n++) {
    const length = full ? 30 : Math.min(30, Math.max(3, Math.round(11.5 + 3.5 * random.normal())));
    starts[n + 1] = starts[n]! + length;
  }
  const tokens = Int32Array.from({ length: starts[N + 1]! }, () => 2 + random.integer(words - 2));
  return { longest: 30, tokens, starts };
}

/** Impressions of users with histories of up to 50 clicks. */
function impressionsOf(count: number, { full, shown }: { full: boolean; shown: number }): Impressions {
  const owners = Math.min(users, count);
  const ends = new Int32Array(owners);
  for (let u = 0; u < owners; u++)
    ends[u] = (ends[u - 1] ?? 0) + (full ? 50 : Math.ceil(50 * random.uniform() ** 1.5));
  const history = Int32Array.from({ length: ends[owners - 1]! }, popular);
  const own = Int32Array.from({ length: count }, (_, r) => r % owners);
  const offsets = Int32Array.from({ length: count + 1 }, (_, r) => r * shown);
  const labels = new Uint8Array(count * shown);
  for (let r = 0; r < count; r++) labels[r * shown + random.integer(shown)] = 1;
  return {
    source: 'generated',
    count,
    ids: Float64Array.from({ length: count }, (_, r) => r + 1),
    users: own,
    times: new Float64Array(count),
    history,
    historyStarts: own.map((u) => ends[u - 1] ?? 0),
    historyEnds: own.map((u) => ends[u]!),
    candidates: { offsets, values: Int32Array.from({ length: count * shown }, popular) },
    labels,
  };
}

function recommenderOf(full: boolean): NewsRecommender {
  const options = nrms.complete(nrms.options.parse({}) as object) as NewsOptions;
  const vocabulary = { words: [], size: words, find: () => 1 };
  return createNewsRecommender(nrms, {
    options,
    catalogue: { count: N, words: { vocabulary, titles: titlesOf(full) } },
    seed: 1,
  });
}

/** Seconds of a step, and the batch that the twin is given. */
async function trainHere(full: boolean): Promise<{ seconds: number; batch: object }> {
  const recommender = recommenderOf(full);
  const train = impressionsOf(B * (steps + 4), { full: true, shown: 20 });
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
  const recommender = recommenderOf(false);
  const dev = impressionsOf(R, { full: false, shown: 37 });
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

// What an answer of a served news model takes, over HTTP: NRMS of the paper's sizes with random weights, histories of
// 50 clicks, the ten best of all news; then an impression of 40 candidates; then many clients at once.
//
//   npm run bench:serve -- [--news 26000] [--requests 2000] [--clients 16] [--threads 2]
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import { createNewsScorer, createNewsRecommender, nrms, type NewsOptions } from '@ferry/nrms';
import { newsRanker, topPlaces, type ServedRun } from '@ferry/studies';
import { serve } from '../../apps/cli/src/serve/server.ts';

const { values: given } = parseArgs({
  options: {
    news: { type: 'string', default: '26000' },
    requests: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '16' },
    threads: { type: 'string', default: '2' },
  },
});
const [N, requests, clients] = [Number(given.news), Number(given.requests), Number(given.clients)];
await selectBackend('ort', { threads: Number(given.threads), log: () => undefined });
const random = RandomStream.fromSeed(1);
const options = nrms.complete(nrms.options.parse({ encoder: 'ids' }) as object) as NewsOptions;
const recommender = createNewsRecommender(nrms, { options, catalogue: { count: N }, seed: 1 });
const scorer = createNewsScorer(recommender);
const all = Int32Array.from({ length: N }, (_, at) => at + 1);
const vectors = await scorer.encode(all);
const ranker = newsRanker(recommender, scorer, vectors, all);
const number = (id: string): number => Number(id.slice(1));
const named = (numbers: Int32Array, scores: Float32Array, places: readonly number[]) =>
  places.map((at) => ({ id: `N${numbers[at]!}`, title: '', score: scores[at]! }));
const run: ServedRun = {
  ...{ run: 'bench', model: 'nrms', domain: 'generated', items: N, checkpoint: 'none' },
  hasItem: (id) => number(id) >= 1 && number(id) <= N,
  historyOf: () => undefined,
  recommend: async (history, { top }) => {
    const known = Int32Array.from(history, number);
    const scores = await ranker.score(known, all);
    const read = new Set(known);
    return named(
      all,
      scores,
      topPlaces(scores, top, (at) => !read.has(at + 1)),
    );
  },
  rank: async (history, candidates) => {
    const numbers = Int32Array.from(candidates, number);
    const scores = await ranker.score(Int32Array.from(history, number), numbers);
    return named(
      numbers,
      scores,
      topPlaces(scores, numbers.length, () => true),
    );
  },
  dispose: () => undefined,
};
// A busy machine must not close connections that a client is about to use.
const server = await serve(run, { port: 0, timeouts: { keepAlive: 120_000 } });
const ids = (count: number): string[] => Array.from({ length: count }, () => `N${1 + random.integer(N)}`);
const ask = async (path: string, body: object): Promise<number> => {
  const start = performance.now();
  const answer = await fetch(`${server.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.json();
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  return performance.now() - start;
};
const say = (what: string, times: number[], seconds?: number): void => {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(2);
  const rate = seconds === undefined ? '' : `, ${(times.length / seconds).toFixed(0)} answers a second`;
  console.log(`${what}: median ${at(0.5)} ms, p99 ${at(0.99)} ms${rate}`);
};
const one = (): Promise<number> => ask('/recommend', { history: ids(50) });
for (let warm = 0; warm < 20; warm++) await one();
const alone: number[] = [];
const before = process.cpuUsage();
for (let i = 0; i < 200; i++) alone.push(await one());
const { user: inCode, system } = process.cpuUsage(before);
say(`ten of ${N} news, one client`, alone);
// On a machine that others use this says more; it has the client's part in it.
console.log(`  ${((inCode + system) / 200_000).toFixed(2)} ms of the processor each`);
const ranked: number[] = [];
for (let i = 0; i < 200; i++) ranked.push(await ask('/rank', { history: ids(50), candidates: ids(40) }));
say('40 candidates in order, one client', ranked);
const loaded: number[] = [];
const start = performance.now();
await Promise.all(
  Array.from({ length: clients }, async (_, c) => {
    for (let i = c; i < requests; i += clients) loaded.push(await one());
  }),
);
say(`ten of ${N} news, ${clients} clients`, loaded, (performance.now() - start) / 1000);
await server.close();

for (const held of [ranker, scorer, recommender]) held.dispose();

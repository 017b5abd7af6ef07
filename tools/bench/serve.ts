// What an answer of a served model takes, over HTTP, with random weights and histories of 50
// (--history; the longest that these models read): NRMS of the paper's sizes,
// the ten best of all news, then an impression of 40 candidates, then many clients at once; or a model of sequences of its
// default sizes, without candidates: by the number of items (--model sasrec, gru4rec, bert4rec), or by random features
// (unisrec: of text; missrec: of text and pictures).
//
//   npm run bench:serve -- [--model nrms] [--items 26000] [--history 50] [--requests 2000] [--clients 16]
//     [--threads 2]
import { Agent, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import type { FeatureMatrix, Modality } from '@ferry/features';
import { missRec } from '@ferry/missrec';
import { bert4rec, gru4rec, sasrec, unisrec } from '@ferry/morec';
import { createNewsScorer, createNewsRecommender, nrms, type NewsOptions } from '@ferry/nrms';
import {
  createCatalogue,
  createRanking,
  createRecommender,
  recommend,
  type SequentialModel,
} from '@ferry/sequential';
import { newsRanker, topPlaces, type ServedRun } from '@ferry/studies';
import { serve } from '../../apps/cli/src/serve/server.ts';

const { values: given } = parseArgs({
  options: {
    model: { type: 'string', default: 'nrms' },
    items: { type: 'string', default: '26000' },
    history: { type: 'string', default: '50' },
    requests: { type: 'string', default: '2000' },
    clients: { type: 'string', default: '16' },
    threads: { type: 'string', default: '2' },
  },
});
const [N, L, requests, clients] = [given.items, given.history, given.requests, given.clients].map(Number) as [
  number,
  number,
  number,
  number,
];
await selectBackend('ort', { threads: Number(given.threads), log: () => undefined });
const random = RandomStream.fromSeed(1);
type FeatureWidths = Partial<Record<Modality, number>>;

const number = (id: string): number => Number(id.slice(1));
const named = (item: number, score: number) => ({ id: `N${item}`, title: '', score });
const shared = {
  ...{ run: 'bench', model: given.model, domain: 'generated', items: N, checkpoint: 'none' },
  hasItem: (id: string) => number(id) >= 1 && number(id) <= N,
  historyOf: () => undefined,
};

/** NRMS over news by their number. */
async function newsRun(): Promise<ServedRun> {
  const options = nrms.complete(nrms.options.parse({ encoder: 'ids' }) as object) as NewsOptions;
  const recommender = createNewsRecommender(nrms, { options, catalogue: { count: N }, seed: 1 });
  const scorer = createNewsScorer(recommender);
  const all = Int32Array.from({ length: N }, (_, at) => at + 1);
  const ranker = newsRanker(recommender, scorer, await scorer.encode(all), all);
  return {
    ...shared,
    recommend: async (history, { top }) => {
      const known = Int32Array.from(history, number);
      const scores = await ranker.score(known, all);
      const read = new Set(known);
      return topPlaces(scores, top, (at) => !read.has(at + 1)).map((at) => named(all[at]!, scores[at]!));
    },
    rank: async (history, candidates) => {
      const numbers = Int32Array.from(candidates, number);
      const scores = await ranker.score(Int32Array.from(history, number), numbers);
      return topPlaces(scores, numbers.length, () => true).map((at) => named(numbers[at]!, scores[at]!));
    },
    dispose: () => {
      for (const held of [ranker, scorer, recommender]) held.dispose();
    },
  };
}

/** Random features of all items. */
function randomFeatures(modality: 'text' | 'image', width: number): FeatureMatrix {
  const data = Float32Array.from({ length: N * width }, () => random.normal());
  return { modality, encoder: 'random', count: N, width, data, present: new Uint8Array(N).fill(1) };
}

/** A model of sequences; what it finds of its items between epochs is found once. */
async function sequenceRun(model: SequentialModel, featureWidths: FeatureWidths): Promise<ServedRun> {
  const settings = model.options.parse({}) as object;
  const options = model.complete?.(settings, { task: 'finetune', featureWidths }) ?? settings;
  const { text, image } = featureWidths;
  const features = {
    ...(text !== undefined && { text: randomFeatures('text', text) }),
    ...(image !== undefined && { image: randomFeatures('image', image) }),
  };
  const catalogue = createCatalogue({ featureWidths }, [{ items: N, ...features }]);
  const recommender = createRecommender(model, { options, catalogue, seed: 1 });
  await recommender.refresh(random.split('refresh'));
  const ranking = createRanking(recommender);
  const ranker = ranking.ranker();
  return {
    ...shared,
    recommend: async (history, { top, again }) => {
      const asked = { k: top, repeat: again, reasons: false };
      const { items, scores } = await recommend(ranker, recommender, history.map(number), asked);
      return items.map((item, at) => named(item, scores[at]!));
    },
    dispose: () => {
      for (const held of [ranker, ranking, recommender]) held.dispose();
    },
  };
}

/** Models of sequences, and the widths of the features that they read. */
const sequential: Readonly<Record<string, [model: unknown, widths: FeatureWidths]>> = {
  sasrec: [sasrec, {}],
  gru4rec: [gru4rec, {}],
  bert4rec: [bert4rec, {}],
  unisrec: [unisrec, { text: 768 }],
  missrec: [missRec, { text: 512, image: 512 }],
};
const chosen = sequential[given.model];
if (given.model !== 'nrms' && !chosen)
  throw new Error(`--model must be nrms or one of ${Object.keys(sequential).join(', ')}, got ${given.model}`);
const run = chosen ? await sequenceRun(chosen[0] as SequentialModel, chosen[1]) : await newsRun();
// A busy machine must not close connections that a client is about to use.
const server = await serve(run, { port: 0, timeouts: { keepAlive: 120_000 } });
const ids = (count: number): string[] => Array.from({ length: count }, () => `N${1 + random.integer(N)}`);
// As little of a client as there can be: Node's fetch alone takes most of a millisecond.
const connections = new Agent({ keepAlive: true });
const ask = (path: string, body: object): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const text = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    request(`${server.address}${path}`, { method: 'POST', agent: connections, headers }, (answer) => {
      json(answer).then(() => {
        if (answer.statusCode === 200) resolve(performance.now() - start);
        else reject(new Error(`${path} answered ${answer.statusCode}`));
      }, reject);
    })
      .on('error', reject)
      .end(text);
  });
const say = (what: string, times: number[], seconds?: number): void => {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(2);
  const rate = seconds === undefined ? '' : `, ${(times.length / seconds).toFixed(0)} answers a second`;
  console.log(`${what}: median ${at(0.5)} ms, p99 ${at(0.99)} ms${rate}`);
};
const one = (): Promise<number> => ask('/recommend', { history: ids(L) });
for (let warm = 0; warm < 20; warm++) await one();
const alone: number[] = [];
const before = process.cpuUsage();
for (let i = 0; i < 200; i++) alone.push(await one());
const { user: inCode, system } = process.cpuUsage(before);
say(`${given.model}: ten of ${N} items, one client`, alone);
// On a machine that others use this says more; it has the client's part in it.
console.log(`  ${((inCode + system) / 200_000).toFixed(2)} ms of the processor each`);
if (run.rank) {
  const ranked: number[] = [];
  for (let i = 0; i < 200; i++) ranked.push(await ask('/rank', { history: ids(L), candidates: ids(40) }));
  say('40 candidates in order, one client', ranked);
}
const loaded: number[] = [];
const start = performance.now();
await Promise.all(
  Array.from({ length: clients }, async (_, c) => {
    for (let i = c; i < requests; i += clients) loaded.push(await one());
  }),
);
say(`ten of ${N} items, ${clients} clients`, loaded, (performance.now() - start) / 1000);
await server.close();

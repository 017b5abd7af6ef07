// Seconds and peak memory of a full ranking with lists kept: every user's test items among all items, and the 50 best
// items of each user, for models whose scores are inner products. Vectors and histories are noise, for what a ranking
// costs hardly depends on their values.
//
//   npm run bench:ranking -- [--users 50000] [--items 17000] [--width 64] [--depth 50] [--history 8] [--threads 2]
//   [--processor]
import { parseArgs } from 'node:util';
import { rankUsers } from '@ferry/evaluation';
import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { clock } from './clock.ts';

const { values: options } = parseArgs({
  options: {
    users: { type: 'string', default: '50000' },
    items: { type: 'string', default: '17000' },
    width: { type: 'string', default: '64' },
    depth: { type: 'string', default: '50' },
    history: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    processor: { type: 'boolean', default: false },
  },
});
const [users, items, width, depth, length] = [
  options.users,
  options.items,
  options.width,
  options.depth,
  options.history,
].map(Number) as [number, number, number, number, number];
await selectBackend('ort', { threads: Number(options.threads) });
const random = RandomStream.fromSeed(1);
const noise = (rows: number): tf.Tensor2D =>
  tf.tensor2d(
    Float32Array.from({ length: rows * width }, () => random.uniform() - 0.5),
    [rows, width],
  );
const [userVectors, itemVectors] = [noise(users), noise(items + 1)];
const numbers = Int32Array.from({ length: users }, (_, user) => user);
const someItems = (count: number): Int32Array =>
  Int32Array.from({ length: count }, () => 1 + random.integer(items));
const score = compile(
  (rows: tf.Tensor1D) => tf.matMul<tf.Tensor2D>(tf.gather(userVectors, rows), itemVectors, false, true),
  {
    name: 'bench.scores',
  },
);
const now = clock(options.processor);
const start = now();
const { lists } = await rankUsers({
  targets: { users: numbers, relevant: someItems(users), relevantEnds: numbers.map((user) => user + 1) },
  seen: {
    items: someItems(users * length),
    starts: numbers.map((user) => user * length),
    ends: numbers.map((user) => (user + 1) * length),
  },
  count: items,
  scores: (batch) => {
    const rows = tf.tensor1d(batch, 'int32');
    const scores = score(rows);
    rows.dispose();
    return scores;
  },
  k: [10, depth],
  depth,
});
console.log(
  `${users} users among ${items} items, lists of ${depth}: ${((now() - start) / 1000).toFixed(1)} s` +
    `${options.processor ? ' of the processor' : ''}, peak ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB, ` +
    `${lists.items.length} entries kept`,
);
score.dispose();

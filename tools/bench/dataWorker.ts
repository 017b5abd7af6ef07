// One reading for tools/bench/data.ts, in a process of its own so that its peak of memory is its own.
import { batches, readDomain } from '@ferry/data';

const seconds = async (work: () => unknown): Promise<number> => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};
let domain: Awaited<ReturnType<typeof readDomain>> | undefined;
const read = await seconds(async () => {
  domain = await readDomain(process.argv[2]!);
});
const { train, sequences, users, items } = domain!;
let histories = 0;
const batched = await seconds(() => {
  // A fixed permutation: rows of a batch lie far apart, as after a shuffle.
  const count = train.targets.length;
  const stride = 611_953;
  const order = new Int32Array(count);
  for (let row = 0, at = 0; row < count; row++, at = (at + stride) % count) order[row] = at;
  for (const batch of batches(train, { size: 512, order })) histories += batch.valid;
});
console.log(
  JSON.stringify({
    read,
    batched,
    histories,
    users: users.length,
    items: items.ids.length,
    interactions: sequences.items.length,
    peak: process.resourceUsage().maxRSS / 1024,
  }),
);

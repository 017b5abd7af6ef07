// EASE in closed form on a catalogue of the size of s3rec-beauty: the inverse of an N x N matrix in blocks. Seconds of
// the clock and of the processor, and the most memory the process had.
//
//   npm run bench:ease -- [--items 12101] [--users 22363] [--block 512] [--threads 2]
import { parseArgs } from 'node:util';
import { RandomStream, selectBackend } from '@ferry/engine';
import { easeWeights } from '@ferry/evaluation';

const { values: options } = parseArgs({
  options: {
    items: { type: 'string', default: '12101' },
    users: { type: 'string', default: '22363' },
    block: { type: 'string', default: '512' },
    threads: { type: 'string', default: '2' },
  },
});
const [items, users] = [Number(options.items), Number(options.users)];
await selectBackend('ort', { threads: Number(options.threads) });
const random = RandomStream.fromSeed(1);
const lengths = Int32Array.from({ length: users }, () => 3 + random.integer(9));
let end = 0;
const ends = lengths.map((length) => (end += length));
const training = {
  items: Int32Array.from({ length: end }, () => 1 + Math.floor(items * random.uniform() ** 2)),
  starts: ends.map((to, user) => to - lengths[user]!),
  ends,
};
const [clock, processor] = [performance.now(), process.cpuUsage()];
await easeWeights(training, items, { regularisation: 250, block: Number(options.block) });
const { user, system } = process.cpuUsage(processor);
console.log(`${items} items, blocks of ${options.block}`);
console.log(`clock      ${((performance.now() - clock) / 1000).toFixed(1)} s`);
console.log(`processor  ${((user + system) / 1e6).toFixed(1)} s`);
console.log(`memory     ${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB at most`);
process.exit(0);

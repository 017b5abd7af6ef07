// One preparation in a process of its own: time, peak memory, counts.
import { prepare, withFlags } from '@ferry/preparation';

const { log, meta, out, memory } = JSON.parse(process.argv[2]!) as {
  log: string;
  meta?: string;
  out: string;
  memory: string;
};
const flags =
  meta === undefined
    ? { item: '1', user: '2', rating: '3', time: '4', header: false, duplicates: 'identical', core: 5 }
    : { preset: 'unisrec', items: meta, text: 'title,category,brand' };
const start = performance.now();
const processor = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const { counts } = await prepare(withFlags({}, flags, log), {
  out,
  memory,
  command: 'bench',
  version: '0',
  line: (text) =>
    process.stderr.write(
      `${((performance.now() - start) / 1000).toFixed(1)} s (processor ${processor().toFixed(1)} s)  ${text}\n`,
    ),
});
console.log(
  JSON.stringify({
    seconds: (performance.now() - start) / 1000,
    processor: processor(),
    peak: process.resourceUsage().maxRSS * 1024,
    counts,
  }),
);

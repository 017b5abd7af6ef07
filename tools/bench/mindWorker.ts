// One reading for tools/bench/mind.ts, in a process of its own so that its peak of memory is its own.
import { readMind } from '@ferry/nrms';

const start = performance.now();
const { news, splits } = await readMind(process.argv[2]!);
const read = (performance.now() - start) / 1000;
console.log(
  JSON.stringify({
    read,
    cpu: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
    news: news.count,
    impressions: splits['all']!.count,
    peak: process.resourceUsage().maxRSS / 1024,
  }),
);

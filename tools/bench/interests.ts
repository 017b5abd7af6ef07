/**
 * Seconds and memory of interest discovery, next to the naive method that holds the whole T x T distance
 * matrix.
 *
 *     npx tsx tools/bench/interests.ts [--large] [--backend=ort|cpu|...] [--method=auto|tensor|loops]
 *
 * Prints one line per size: 3,170 tokens of 300 (both modalities of Scientific's image-complete subset), and
 * with `--large` 52,000 of 300 (Office). Points are random; K is 2 % and the neighbourhood 10 % of the
 * tokens. The naive method does the same with the engine's operations on the whole matrix; at 52,000 tokens
 * it is not run: its memory is stated.
 */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { dpcKnn, kMeans, shareOfTokens, type DistanceMethod } from '@ferry/interests';

const width = 300;
const argument = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

/** Gaussian points around 200 topics: distances vary as they do between real tokens. */
function tokens(total: number): Float32Array {
  const random = RandomStream.fromSeed(1);
  const topics = Float32Array.from({ length: 200 * width }, () => random.normal());
  const points = new Float32Array(total * width);
  for (let t = 0; t < total; t++) {
    const topic = random.integer(200) * width;
    // Sums of four uniforms: near enough to normal, and quick to draw.
    for (let d = 0; d < width; d++) {
      const noise = random.uint32();
      const sum = (noise & 255) + ((noise >>> 8) & 255) + ((noise >>> 16) & 255) + (noise >>> 24);
      points[t * width + d] = topics[topic + d]! + (sum - 510) / 148;
    }
  }
  return points;
}

/** The naive method: all distances at once, as in the authors' function. */
async function naive(points: Float32Array, clusters: number, neighbours: number): Promise<void> {
  const total = points.length / width;
  const result = tf.tidy(() => {
    const x = tf.tensor2d(points, [total, width]);
    const norms = tf.sum(tf.square(x), 1, true);
    const squares = tf.relu(
      tf.sub(tf.add(norms, tf.transpose(norms)), tf.mul(tf.matMul(x, x, false, true), 2)),
    );
    const distance = tf.div(tf.sqrt(squares), Math.sqrt(width));
    const nearest = tf.topk(tf.neg(distance), neighbours, false).values;
    const density = tf.exp(tf.neg(tf.mean(tf.square(nearest), 1, true))); // [T,1]
    const denser = tf.greater(tf.transpose(density), density);
    const separation = tf.min(tf.where(denser, distance, tf.fill([total, total], Infinity)), 1);
    const { indices } = tf.topk(tf.mul(separation, tf.reshape(density, [total])), clusters);
    return tf.argMin(tf.gather(distance, indices), 0);
  });
  await result.data();
  result.dispose();
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;

/** Runs `work`, watching the resident memory; `peak` is what was added at most, `processor` seconds are of all threads. */
async function measured(
  work: () => Promise<unknown>,
): Promise<{ seconds: number; processor: number; peak: number }> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(watch, 20);
  const start = performance.now();
  const usage = process.cpuUsage();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(usage);
  watch();
  clearInterval(timer);
  return { seconds, processor: (user + system) / 1e6, peak: peak - before };
}

const description = await selectBackend(
  (argument('backend') ?? 'auto') as Parameters<typeof selectBackend>[0],
);
const method = (argument('method') ?? 'auto') as DistanceMethod;
console.log(`backend ${description.backend}, ${description.threads} threads, method ${method}`);

for (const total of process.argv.includes('--large') ? [52_000, 3170] : [3170]) {
  const points = tokens(total);
  const clusters = shareOfTokens(total, 0.02);
  const neighbours = shareOfTokens(total, 0.1);
  const name = `T=${total} D=${width} K=${clusters} k=${neighbours}`;

  const cluster = (): Promise<unknown> => dpcKnn(points, { width, clusters, neighbours, method });
  const first = await measured(cluster);
  console.log(
    `dpc-knn  ${name}: first call ${first.seconds.toFixed(2)} s (${first.processor.toFixed(1)} s of processor), ` +
      `at most ${megabytes(first.peak)} added`,
  );
  console.log(
    `         peak resident memory of the process so far: ${megabytes(process.resourceUsage().maxRSS * 1024)}`,
  );
  if (total <= 4096) {
    const again = await measured(cluster);
    console.log(`dpc-knn  ${name}: next call ${again.seconds.toFixed(2)} s`);
    const plain = await measured(() => naive(points, clusters, neighbours));
    console.log(
      `naive    ${name}: ${plain.seconds.toFixed(2)} s, at most ${megabytes(plain.peak)} added: ` +
        `${(plain.seconds / again.seconds).toFixed(1)} times the blocks' time`,
    );
  } else {
    console.log(`naive    ${name}: not run, its matrix alone takes ${megabytes(total * total * 4)}`);
  }
  const means = await measured(() =>
    kMeans(points, { width, clusters, random: RandomStream.fromSeed(1), algorithm: 'miniBatch', method }),
  );
  console.log(`k-means  ${name}: ${means.seconds.toFixed(2)} s, at most ${megabytes(means.peak)} added`);
}

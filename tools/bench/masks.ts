// What a dropout mask costs inside a compiled step, as a ratio to the product it takes part in.
//
//   npx tsx tools/bench/masks.ts
import { compile, randomKey, randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { median } from './clock.ts';

const SHAPE: [number, number] = [10_240, 300];
const RUNS = 25;

await selectBackend('ort');
const x = tf.fill(SHAPE, 1);
const y = tf.fill(SHAPE, 0.5);
const stream = RandomStream.fromSeed(1);
const masked = compile((a: tf.Tensor, key: tf.Tensor) =>
  tf.sum(tf.mul(a, randomSource(key).keepMask(SHAPE, 0.5))),
);
const plain = compile((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b)));

const time = (run: () => tf.Tensor): number => {
  const start = performance.now();
  run().dispose();
  return performance.now() - start;
};
const withMask: number[] = [];
const without: number[] = [];
for (let step = 0; step < RUNS; step++) {
  const key = randomKey(stream, step);
  withMask.push(time(() => masked(x, key)));
  without.push(time(() => plain(x, y)));
  key.dispose();
}
const [a, b] = [median(withMask), median(without)];
console.log(
  `${SHAPE.join(' x ')}: product and sum ${b.toFixed(1)} ms, with a fresh mask ${a.toFixed(1)} ms: ` +
    `the mask costs ${(a - b).toFixed(1)} ms, ${((a - b) / b).toFixed(1)} times the rest`,
);

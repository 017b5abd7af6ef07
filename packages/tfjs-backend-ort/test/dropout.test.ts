import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, dropout, randomSource, registerOrtBackend } from '../src/index.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

const SIZE = 1 << 17;
const RATE = 0.3;
/** The probability that is drawn: in steps of 2^-16. */
const DRAWN = Math.round(RATE * 65536) / 65536;

const masks = compile((key: tf.Tensor) => {
  const source = randomSource(key);
  return [source.keepMask([SIZE], RATE), source.keepMask([SIZE], RATE), source.uniform([SIZE])];
});
afterAll(() => {
  masks.dispose();
});

/** Two masks and uniform numbers of a stream's step. */
function draw(step: number, seed = 5): [Float32Array, Float32Array, Float32Array] {
  return tf.tidy(
    () => masks(tf.tensor1d([seed, 99, step, 0], 'int32')).map((t) => t.dataSync().slice()) as never,
  );
}

/** Whether two arrays have the same bits. */
function isSame(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  );
}

/** Correlation of two samples; about N(0, 1/n) where they are independent. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = Math.min(a.length, b.length);
  const mean = (x: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += x[i]!;
    return sum / n;
  };
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Four standard deviations of the correlation of independent samples. */
const INDEPENDENT = 4 / Math.sqrt(SIZE);

describe('dropout masks', () => {
  it('keep as many entries as they should, scaled to a mean of 1', () => {
    for (let step = 0; step < 4; step++)
      for (const mask of draw(step).slice(0, 2)) {
        const kept = mask.filter((v) => v !== 0);
        expect([...new Set(kept)]).toEqual([Math.fround(1 / (1 - DRAWN))]);
        const deviation = Math.sqrt((DRAWN * (1 - DRAWN)) / SIZE);
        expect(Math.abs(kept.length / SIZE - (1 - DRAWN))).toBeLessThan(4 * deviation);
      }
  });

  it('are fresh at each step and for each seed, and the same again for the same', () => {
    const first = draw(7);
    const again = draw(7);
    for (const i of [0, 1, 2]) expect(isSame(again[i]!, first[i]!)).toBe(true);
    expect(isSame(draw(8)[0], first[0])).toBe(false);
    expect(isSame(draw(7, 6)[0], first[0])).toBe(false);
  });

  it('are uncorrelated between sites, steps, seeds and neighbours', () => {
    const [a, b] = draw(11);
    const [next] = draw(12);
    const [other] = draw(11, 6);
    const pairs = {
      sites: b,
      steps: next,
      seeds: other,
      neighbours: a.subarray(1),
      'half blocks': a.subarray(16),
    };
    for (const [what, against] of Object.entries(pairs))
      expect(Math.abs(correlation(a, against)), what).toBeLessThan(INDEPENDENT);
  });

  it('come with uniform numbers that have the right moments', () => {
    const [, , uniform] = draw(3);
    const mean = uniform.reduce((sum, v) => sum + v, 0) / SIZE;
    const square = uniform.reduce((sum, v) => sum + v * v, 0) / SIZE;
    expect(uniform.every((v) => v >= 0 && v < 1)).toBe(true);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 / Math.sqrt(12 * SIZE));
    // Var(u²) = 1/5 - 1/9.
    expect(Math.abs(square - 1 / 3)).toBeLessThan(4 * Math.sqrt((1 / 5 - 1 / 9) / SIZE));
  });

  it('follow the order of the calls, not their shapes', () => {
    const shaped = compile((key: tf.Tensor) => {
      const source = randomSource(key);
      source.keepMask([3, 5], RATE);
      return source.keepMask([2, SIZE / 2], RATE);
    });
    const got = tf.tidy(() =>
      shaped(tf.tensor1d([5, 99, 7, 0], 'int32'))
        .dataSync()
        .slice(),
    );
    expect(isSame(got as Float32Array, draw(7)[1])).toBe(true);
    shaped.dispose();
  });

  it('mask values and gradients alike, and vanish in evaluation', () => {
    const f = compile((x: tf.Tensor, key: tf.Tensor) => {
      const run = (v: tf.Tensor) => dropout(v, 0.5, randomSource(key));
      return [run(x), tf.grad((v) => tf.sum(run(v)))(x)];
    });
    tf.tidy(() => {
      const x = tf.ones([1000]);
      const [y, dx] = f(x, tf.tensor1d([1, 2, 3, 0], 'int32')) as [tf.Tensor, tf.Tensor];
      expect(Array.from(dx.dataSync())).toEqual(Array.from(y.dataSync()));
      expect(new Set(y.dataSync())).toEqual(new Set([0, 2]));
      expect(dropout(x, 0.5, undefined)).toBe(x);
    });
    f.dispose();
  });
});

import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { calibratedPositive, drawNegatives, pairwiseBinary, sampledSoftmax } from '../src/index.ts';

const random = RandomStream.fromSeed(7);
const R = 6;
const K = 5;
const positive = Float32Array.from({ length: R }, () => 3 * random.normal());
const negatives = Float32Array.from({ length: R * K }, () => 3 * random.normal());
const excluded = Float32Array.from({ length: R * K }, (_, i) => (i % 4 === 1 ? 1 : 0));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const of = (r: number, masked: boolean): number[] =>
  [...negatives.subarray(r * K, (r + 1) * K)].filter((_, k) => !masked || excluded[r * K + k] === 0);

beforeAll(async () => {
  await selectBackend('cpu');
});

describe.each([false, true])('losses on given scores, exclusions %s', (masked) => {
  const tensors = () => ({
    p: tf.tensor1d(positive),
    n: tf.tensor2d(negatives, [R, K]),
    out: masked ? tf.tensor2d(excluded, [R, K]) : undefined,
  });

  it('sampledSoftmax is the cross-entropy of the positive among the negatives that count', () => {
    const { p, n, out } = tensors();
    const want = Array.from({ length: R }, (_, r) => {
      const all = [positive[r]!, ...of(r, masked)].map(Math.exp);
      return -Math.log(all[0]! / all.reduce((a, b) => a + b, 0));
    });
    sampledSoftmax(p, n, out)
      .dataSync()
      .forEach((loss, r) => {
        expect(loss).toBeCloseTo(want[r]!, 4);
      });
  });

  it('pairwiseBinary sums the binary cross-entropies of the positive and of the negatives that count', () => {
    const { p, n, out } = tensors();
    const want = Array.from({ length: R }, (_, r) =>
      [softplus(-positive[r]!), ...of(r, masked).map(softplus)].reduce((a, b) => a + b, 0),
    );
    pairwiseBinary(p, n, out)
      .dataSync()
      .forEach((loss, r) => {
        expect(loss).toBeCloseTo(want[r]!, 4);
      });
  });
});

describe("gSASRec's correction", () => {
  it('turns σ(p) into σ(p)^β, for large scores too', () => {
    const options = { negatives: 8, items: 101, calibration: 0.75 };
    const alpha = 8 / 100;
    const beta = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha);
    const scores = [-60, -20, -3, -0.5, 0, 0.5, 3, 12, 30, 60];
    const got = calibratedPositive(tf.tensor1d(scores), options).dataSync();
    scores.forEach((score, i) => {
      const power = -beta * softplus(-score);
      const want = power - Math.log(-Math.expm1(power));
      expect(Math.abs(got[i]! - want), `${score}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(want)));
    });
    const gradient = tf.grad((p: tf.Tensor) => tf.sum(calibratedPositive(p, options)));
    expect([...gradient(tf.tensor1d([-200, 0, 200])).dataSync()].every(Number.isFinite)).toBe(true);
  });

  it('leaves scores alone with t = 0', () => {
    const scores = [-4, 0, 5];
    const got = calibratedPositive(tf.tensor1d(scores), {
      negatives: 3,
      items: 50,
      calibration: 0,
    }).dataSync();
    scores.forEach((score, i) => {
      expect(got[i]).toBeCloseTo(score, 4);
    });
  });
});

describe('drawNegatives', () => {
  it('draws every item a user lacks alike, and none it has', () => {
    const seen = [new Set([1, 2, 3]), new Set([10])];
    const drawn = drawNegatives(2, {
      count: 9000,
      items: 10,
      random: RandomStream.fromSeed(1),
      seen: (row) => seen[row]!,
    });
    const counts = [0, 1].map((row) => {
      const own = new Array<number>(11).fill(0);
      for (const item of drawn.subarray(row * 9000, (row + 1) * 9000)) own[item]!++;
      return own;
    });
    expect(counts[0]!.slice(0, 4)).toEqual([0, 0, 0, 0]);
    expect(counts[1]![10]).toBe(0);
    counts[0]!.slice(4).forEach((count) => {
      expect(Math.abs(count - 9000 / 7)).toBeLessThan(4 * Math.sqrt(9000 / 7));
    });
  });

  it('refuses a user who has everything', () => {
    expect(() =>
      drawNegatives(1, {
        count: 1,
        items: 2,
        random: RandomStream.fromSeed(1),
        seen: () => new Set([1, 2]),
      }),
    ).toThrow(/lack at least one of the 2 items/);
  });
});

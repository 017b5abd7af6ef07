import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, registerOrtBackend, softmaxCrossEntropy } from '../src/index.ts';
import { provider } from './support/provider.ts';
import { noise } from './support/cases.ts';
import { UNARY } from './support/unary.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 2, provider });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

/** Within a vector register, across its end, and so many that ONNX Runtime splits them between threads. */
const SIZES = [3, 35, 40_007];
const positionsIn = (n: number) => [0, 1, n >> 1, n - 1];
const modes = ['eager', 'compiled'] as const;

/** Values in (0.25, 0.75) with NaN at some positions. */
function values(n: number, at: readonly number[]): Float32Array {
  return noise(n).map((v, i) => (at.includes(i) ? NaN : 0.5 + v / 4));
}

function run<T extends tf.Tensor[]>(
  mode: (typeof modes)[number],
  f: (...x: T) => tf.Tensor | tf.Tensor[],
  ...x: T
): number[][] {
  const g = mode === 'eager' ? f : compile(f);
  const results = tf.tidy(() => ({ read: [g(...x)].flat().map((t) => Array.from(t.dataSync())) }));
  if ('dispose' in g) (g as { dispose: () => void }).dispose();
  return results.read;
}

const WITHOUT_VALUE = new Set(['IsNan', 'IsInf', 'IsFinite', 'OnesLike', 'ZerosLike']);

describe.each(modes)('%s: element by element, a NaN stays where it is and goes nowhere else', (mode) => {
  const nanAt = (list: readonly number[]) => list.flatMap((v, i) => (Number.isNaN(v) ? [i] : []));

  it.each(SIZES)('of %s elements, by kernels of one input', (n) => {
    const at = positionsIn(n);
    const rows = Object.entries(UNARY).filter(([name]) => !WITHOUT_VALUE.has(name));
    const x = tf.tensor1d(values(n, at));
    // The inverse of cosh begins at 1.
    const results = run(
      mode,
      (t) => rows.map(([name, { fn }]) => fn(name === 'Acosh' ? tf.add(t, 1) : t)),
      x,
    );
    rows.forEach(([name], i) => {
      expect(nanAt(results[i]!), name).toEqual([...new Set(at)]);
    });
    x.dispose();
  });

  it.each(SIZES)('of %s elements, by kernels of two inputs', (n) => {
    const at = positionsIn(n);
    const rows = [
      tf.add,
      tf.sub,
      tf.mul,
      tf.div,
      tf.mod,
      tf.maximum,
      tf.minimum,
      tf.squaredDifference,
      tf.atan2,
      tf.pow,
    ];
    const [x, y, half] = [tf.tensor1d(values(n, at)), tf.tensor1d(values(n, [])), tf.scalar(0.5)];
    const results = run(
      mode,
      (a, b, c) => rows.flatMap((fn) => [fn(a, b), fn(b, a), fn(a, c), fn(c, a)]),
      x,
      y,
      half,
    );
    results.forEach((result, i) => {
      expect(nanAt(result), `${rows[i >> 2]!.name} ${i % 4}`).toEqual([...new Set(at)]);
    });
    tf.dispose([x, y, half]);
  });

  it('comparisons are false, but for not equal', () => {
    const [x, y] = [tf.tensor1d([NaN, 1, NaN]), tf.tensor1d([1, NaN, NaN])];
    const comparisons = [tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.equal, tf.notEqual];
    const results = run(mode, (a, b) => comparisons.map((compare) => compare(a, b)), x, y);
    expect(results.map((list) => list.join(''))).toEqual(['000', '000', '000', '000', '000', '111']);
    tf.dispose([x, y]);
  });
});

describe.each(modes)('%s: what is taken over a NaN is NaN', (mode) => {
  const OVER: Record<string, (x: tf.Tensor, axis: number) => tf.Tensor> = {
    max: tf.max,
    min: tf.min,
    sum: tf.sum,
    mean: tf.mean,
    prod: tf.prod,
    logSumExp: tf.logSumExp,
    norm: (x, axis) => tf.norm(x, 2, axis),
  };
  it.each(SIZES)('reductions of %s elements', (n) => {
    const over = Object.entries(OVER);
    const ways = (t: tf.Tensor) =>
      over.flatMap(([, f]) => [f(t, 1), f(tf.transpose(t), 0), f(tf.reshape(t, [2, n, 1]), 1)]);
    const f = mode === 'eager' ? ways : compile(ways);
    for (const at of positionsIn(n)) {
      const x = tf.tensor2d(Float32Array.from([...values(n, [at]), ...values(n, [])]), [2, n]);
      tf.tidy(() => {
        f(x).forEach((result, i) => {
          const found = Array.from(result.dataSync(), Number.isNaN);
          expect(found, `${over[Math.floor(i / 3)]![0]}, way ${i % 3}, NaN at ${at}`).toEqual([true, false]);
        });
      });
      x.dispose();
    }
    if ('dispose' in f) (f as { dispose: () => void }).dispose();
  });

  it('softmax and logSoftmax of a row', () => {
    for (const n of SIZES) {
      const x = tf.tensor2d(Float32Array.from([...values(n, [n - 1]), ...values(n, [])]), [2, n]);
      for (const result of run(mode, (t) => [tf.softmax(t), tf.logSoftmax(t)], x))
        expect([result.slice(0, n).every(Number.isNaN), result.slice(n).some(Number.isNaN)]).toEqual([
          true,
          false,
        ]);
      x.dispose();
    }
  });

  it('maxima beside infinities stay what they are', () => {
    for (const n of [8, 40_007]) {
      const row = values(n, []);
      [row[1], row[n - 1]] = [-Infinity, Infinity];
      const [clean, spoilt] = [tf.tensor1d(row), tf.tensor1d(row.map((v, i) => (i === 4 ? NaN : v)))];
      const f = (t: tf.Tensor) => [tf.max(t), tf.min(t), tf.argMax(t), tf.argMin(t)];
      expect(run(mode, f, clean).flat()).toEqual([Infinity, -Infinity, n - 1, 1]);
      expect(run(mode, f, spoilt).flat()).toEqual([NaN, NaN, 4, 4]);
      tf.dispose([clean, spoilt]);
    }
  });

  it('argMax and argMin give the place of the first NaN, as NumPy does', () => {
    for (const n of SIZES) {
      const x = tf.tensor2d(Float32Array.from([...values(n, [n >> 1, n - 1]), ...values(n, [])]), [2, n]);
      const [max, min, across] = run(mode, (t) => [tf.argMax(t, 1), tf.argMin(t, 1), tf.argMax(t, 0)], x) as [
        number[],
        number[],
        number[],
      ];
      expect([max[0], min[0]]).toEqual([n >> 1, n >> 1]);
      const clean = Array.from(values(n, []));
      expect(clean[max[1]!]).toBe(clean.reduce((a, b) => Math.max(a, b)));
      expect(clean[min[1]!]).toBe(clean.reduce((a, b) => Math.min(a, b)));
      expect(across[n - 1]).toBe(0);
      x.dispose();
    }
  });

  it('topk counts NaN as the largest, as PyTorch does', () => {
    for (const n of [8, 40_007]) {
      const row = values(n, [3, n - 1]);
      row[5] = Infinity;
      const x = tf.tensor2d(row, [1, n]);
      const [found, places] = run(
        mode,
        (t) => {
          const { values: largest, indices } = tf.topk(t, 4);
          return [largest, indices];
        },
        x,
      );
      const rest = Math.max(...Array.from(row).filter(Number.isFinite));
      expect(found).toEqual([NaN, NaN, Infinity, rest]);
      expect(places!.slice(0, 3)).toEqual([3, n - 1, 5]);
      x.dispose();
    }
  });

  it('cumulative sums and products from there on, and segments that have one', () => {
    for (const n of SIZES) {
      const at = n >> 1;
      const x = tf.tensor1d(values(n, [at]));
      for (const result of run(mode, (t) => [tf.cumsum(t), tf.cumprod(t)], x))
        expect(result.findIndex(Number.isNaN) === at && result.slice(at).every(Number.isNaN)).toBe(true);
      x.dispose();
    }
    const rows = tf.tensor2d(values(300_000 * 2, [5]), [300_000, 2]);
    const ids = tf.tensor1d(
      Int32Array.from({ length: 300_000 }, (_, i) => i % 3),
      'int32',
    );
    const segments = (r: tf.Tensor, i: tf.Tensor) => tf.unsortedSegmentSum(r, i as tf.Tensor1D, 3);
    expect(run(mode, segments, rows, ids)[0]!.map(Number.isNaN)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    tf.dispose([rows, ids]);
  });

  it('pooling, and the gradient goes to the NaN', () => {
    for (const [side, channels] of [
      [4, 1],
      [64, 4],
    ] as const) {
      const n = side * side * channels;
      const at = (2 * side + 3) * channels;
      const x = tf.tensor4d(values(n, [at]), [1, side, side, channels]);
      const [pooled, averaged, gradient] = run(
        mode,
        (t) => [
          tf.maxPool(t, 2, 2, 'valid'),
          tf.avgPool(t, 2, 2, 'valid'),
          tf.grad((image) => tf.sum(tf.maxPool(image as tf.Tensor4D, 2, 2, 'valid')))(t),
        ],
        x,
      ) as [number[], number[], number[]];
      const window = (side / 2 + 1) * channels;
      for (const result of [pooled, averaged])
        expect(result.flatMap((v, i) => (Number.isNaN(v) ? [i] : []))).toEqual([window]);
      expect(gradient[at]).toBe(1);
      expect(gradient.reduce((sum, v) => sum + v, 0)).toBe(n / 4);
      x.dispose();
    }
  });

  it('cross-entropy of its row alone', () => {
    const logits = tf.tensor2d([1, NaN, 2, 3, 4, 5], [2, 3]);
    const labels = tf.tensor1d([0, 0], 'int32');
    const f = (x: tf.Tensor, y: tf.Tensor) => [
      softmaxCrossEntropy(x, y),
      tf.grad((z) => tf.sum(softmaxCrossEntropy(z, y)))(x),
    ];
    const [loss, gradient] = run(mode, f, logits, labels);
    expect(loss!.map(Number.isNaN)).toEqual([true, false]);
    expect(gradient!.map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
    tf.dispose([logits, labels]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { attention, embedding, layerNorm, registerOrtBackend, softmaxCrossEntropy } from '../src/index.ts';
import { noise } from './support/cases.ts';
import { expectSamples, ids, repeated, sameBits } from './support/exact.ts';
import { expectClose } from './support/harness.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 2 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

describe('sums over repeated ids', () => {
  const [n, width, count] = [10_240, 300, 500];
  const rows = noise(n * width);
  const where = ids(n, count);
  const expected = new Float64Array(count * width);
  where.forEach((id, i) => {
    for (let j = 0; j < width; j++) expected[id * width + j]! += rows[i * width + j]!;
  });

  it('unsortedSegmentSum', () => {
    const [sum] = repeated(
      (x, i) => tf.unsortedSegmentSum(x, i as tf.Tensor1D, count),
      [
        [rows, [n, width]],
        [where, [n]],
      ],
    );
    expectClose(sum!, expected, 1e-5);
  });

  it('many are the same bits as few at a time, ids outside dropped', () => {
    // 300 rows of 64 are summed between sessions, halves of them inside one.
    const [size, columns] = [300, 64];
    const x = noise(size * columns, 5);
    const at = ids(size, 9).map((id, i) => (i % 10 === 0 ? id + 7 : i % 11 === 0 ? -1 - id : id));
    const [whole, parts] = repeated(
      (rows, i) => {
        const sum = (part: tf.Tensor): tf.Tensor => tf.unsortedSegmentSum(part, i as tf.Tensor1D, 9);
        return [sum(rows), tf.concat(tf.split(rows, 2, 1).map(sum), 1)];
      },
      [
        [x, [size, columns]],
        [at, [size]],
      ],
    );
    expect(sameBits(whole!, parts!)).toBe(true);
    const inside = new Float64Array(9 * columns);
    at.forEach((id, i) => {
      for (let j = 0; j < columns && id >= 0 && id < 9; j++) inside[id * columns + j]! += x[i * columns + j]!;
    });
    expectClose(whole!, inside, 1e-5);
  });

  it('the gradient of an embedding and of gather', () => {
    const [own, plain] = repeated(
      (table, i, dy) => [
        tf.grad((t) => tf.sum(tf.mul(embedding(t, i), dy)))(table),
        tf.grad((t) => tf.sum(tf.mul(tf.gather(t, i as tf.Tensor1D), dy)))(table),
      ],
      [
        [noise(count * width, 1), [count, width]],
        [where, [n]],
        [rows, [n, width]],
      ],
    );
    expectClose(own!, expected, 1e-5);
    expect(sameBits(own!, plain!)).toBe(true);
  });

  it('scatterND and the sums of a vector', () => {
    const [scattered, bins] = repeated(
      (i, x, w) => [
        tf.scatterND(tf.reshape(i, [n, 1]), x, [count, width]),
        tf.denseBincount(i as tf.Tensor1D, w as tf.Tensor1D, count),
      ],
      [
        [where, [n]],
        [rows, [n, width]],
        [noise(n, 3), [n]],
      ],
    );
    expectClose(scattered!, expected, 1e-5);
    const counts = new Float64Array(count);
    const weights = noise(n, 3);
    where.forEach((id, i) => {
      counts[id]! += weights[i]!;
    });
    expectClose(bins!, counts, 1e-5);
  });
});

describe('products', () => {
  const [m, k, n] = [2048, 300, 256];
  const a = noise(m * k, 1);
  const b = noise(k * n, 2);
  const dy = noise(m * n, 3);

  it('matMul and its gradients', () => {
    const [product, da, db] = repeated(
      (x, y, g) => {
        const [dx, dw] = tf.grads((p, q) => tf.sum(tf.mul(tf.matMul(p, q), g)))([x, y]);
        return [tf.matMul(x, y), dx!, dw!];
      },
      [
        [a, [m, k]],
        [b, [k, n]],
        [dy, [m, n]],
      ],
    );
    const dot = (length: number, left: (i: number) => number, right: (i: number) => number) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += left(i) * right(i);
      return sum;
    };
    const [row, column] = [(i: number, w: number) => Math.floor(i / w), (i: number, w: number) => i % w];
    expectSamples(product!, (i) =>
      dot(
        k,
        (j) => a[row(i, n) * k + j]!,
        (j) => b[j * n + column(i, n)]!,
      ),
    );
    expectSamples(da!, (i) =>
      dot(
        n,
        (j) => dy[row(i, k) * n + j]!,
        (j) => b[column(i, k) * n + j]!,
      ),
    );
    expectSamples(db!, (i) =>
      dot(
        m,
        (j) => a[j * k + row(i, n)]!,
        (j) => dy[j * n + column(i, n)]!,
      ),
    );
  });

  it('conv2d and its gradients', () => {
    const [B, H, W, I, O] = [8, 28, 28, 16, 24];
    const x = noise(B * H * W * I, 1);
    const f = noise(9 * I * O, 2);
    const g = noise(B * H * W * O, 3);
    const [y, dx, df] = repeated(
      (image, filter, gradient) => {
        const conv = (p: tf.Tensor, q: tf.Tensor) => tf.conv2d(p as tf.Tensor4D, q as tf.Tensor4D, 1, 'same');
        const [first, second] = tf.grads((p, q) => tf.sum(tf.mul(conv(p, q), gradient)))([image, filter]);
        return [conv(image, filter), first!, second!];
      },
      [
        [x, [B, H, W, I]],
        [f, [3, 3, I, O]],
        [g, [B, H, W, O]],
      ],
    );
    const pixel = (data: Float32Array, C: number, bb: number, h: number, w: number, c: number) =>
      h < 0 || h >= H || w < 0 || w >= W ? 0 : data[((bb * H + h) * W + w) * C + c]!;
    const place = (i: number, C: number) => {
      const p = Math.floor(i / C);
      return [Math.floor(p / (H * W)), Math.floor(p / W) % H, p % W, i % C] as const;
    };
    expectSamples(y!, (i) => {
      const [bb, h, w, o] = place(i, O);
      let sum = 0;
      for (let t = 0; t < 9; t++)
        for (let c = 0; c < I; c++)
          sum += pixel(x, I, bb, h + Math.floor(t / 3) - 1, w + (t % 3) - 1, c) * f[(t * I + c) * O + o]!;
      return sum;
    });
    expectSamples(dx!, (i) => {
      const [bb, h, w, c] = place(i, I);
      let sum = 0;
      for (let t = 0; t < 9; t++)
        for (let o = 0; o < O; o++)
          sum += pixel(g, O, bb, h - Math.floor(t / 3) + 1, w - (t % 3) + 1, o) * f[(t * I + c) * O + o]!;
      return sum;
    });
    expectSamples(df!, (i) => {
      const o = i % O;
      const c = Math.floor(i / O) % I;
      const t = Math.floor(i / (O * I));
      let sum = 0;
      for (let p = 0; p < B * H * W; p++) {
        const [bb, h, w] = place(p * O, O);
        sum += pixel(x, I, bb, h + Math.floor(t / 3) - 1, w + (t % 3) - 1, c) * g[p * O + o]!;
      }
      return sum;
    });
  });

  it('attention gives the same gradients every time', () => {
    const [B, L, D] = [64, 20, 120];
    const shape = [B, L, D];
    repeated(
      (q, k2, v, g) => tf.grads((x, y, z) => tf.sum(tf.mul(attention(x, y, z, { heads: 4 }), g)))([q, k2, v]),
      [1, 2, 3, 4].map((salt) => [noise(B * L * D, salt), shape] as [Float32Array, number[]]),
    );
  });
});

describe('along rows and columns', () => {
  const [R, C] = [4096, 300];
  const x = noise(R * C, 1);
  const dy = noise(R * C, 2);
  const rowOf = (data: Float32Array, r: number) => Array.from(data.subarray(r * C, (r + 1) * C));
  const sum = (values: number[]) => values.reduce((total, v) => total + v, 0);

  it('softmax and its gradient', () => {
    const [y, dx] = repeated(
      (a, g) => [tf.softmax(a), tf.grad((v) => tf.sum(tf.mul(tf.softmax(v), g)))(a)],
      [
        [x, [R, C]],
        [dy, [R, C]],
      ],
    );
    const soft = (r: number) => {
      const e = rowOf(x, r).map(Math.exp);
      const total = sum(e);
      return e.map((v) => v / total);
    };
    expectSamples(y!, (i) => soft(Math.floor(i / C))[i % C]!);
    expectSamples(dx!, (i) => {
      const r = Math.floor(i / C);
      const p = soft(r);
      const g = rowOf(dy, r);
      return p[i % C]! * (g[i % C]! - sum(p.map((v, j) => v * g[j]!)));
    });
  });

  it('layerNorm and its gradients', () => {
    const gamma = noise(C, 3);
    const [dx, dgamma, dbeta] = repeated(
      (a, g, s, b) => tf.grads((v, scale, shift) => tf.sum(tf.mul(layerNorm(v, scale, shift), g)))([a, s, b]),
      [
        [x, [R, C]],
        [dy, [R, C]],
        [gamma, [C]],
        [noise(C, 4), [C]],
      ],
    );
    const normalised = (r: number) => {
      const values = rowOf(x, r);
      const mean = sum(values) / C;
      const deviation = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)) / C + 1e-5);
      return { hat: values.map((v) => (v - mean) / deviation), deviation };
    };
    const hats = Array.from({ length: R }, (_, r) => normalised(r));
    expectSamples(dx!, (i) => {
      const r = Math.floor(i / C);
      const { hat, deviation } = hats[r]!;
      const s = rowOf(dy, r).map((g, j) => g * gamma[j]!);
      const [meanS, meanSx] = [sum(s) / C, sum(s.map((v, j) => v * hat[j]!)) / C];
      return (s[i % C]! - meanS - hat[i % C]! * meanSx) / deviation;
    });
    const column = (j: number, f: (r: number) => number) => {
      let total = 0;
      for (let r = 0; r < R; r++) total += dy[r * C + j]! * f(r);
      return total;
    };
    expectSamples(dgamma!, (j) => column(j, (r) => hats[r]!.hat[j]!));
    expectSamples(dbeta!, (j) => column(j, () => 1));
  });

  it('softmaxCrossEntropy and its gradient', () => {
    const labels = ids(R, C);
    const [loss, dx] = repeated(
      (a, l) => [softmaxCrossEntropy(a, l), tf.grad((v) => tf.mean(softmaxCrossEntropy(v, l)))(a)],
      [
        [x, [R, C]],
        [labels, [R]],
      ],
    );
    expectSamples(loss!, (r) => Math.log(sum(rowOf(x, r).map(Math.exp))) - x[r * C + labels[r]!]!);
    expectSamples(dx!, (i) => {
      const r = Math.floor(i / C);
      const e = rowOf(x, r).map(Math.exp);
      return (e[i % C]! / sum(e) - Number(labels[r] === i % C)) / R;
    });
  });

  it('reductions, cumulative sums and pools', () => {
    const [total, rows, columns, mean, top, cumulative, pooled] = repeated(
      (a) => [
        tf.sum(a),
        tf.sum(a, 1),
        tf.sum(a, 0),
        tf.mean(a, 0),
        tf.max(a, 1),
        tf.cumsum(a, 1),
        tf.grad((v) => tf.sum(tf.maxPool(tf.reshape<tf.Rank.R4>(v, [16, 64, 60, 20]), 2, 2, 'valid')))(a),
      ],
      [[x, [R, C]]],
    );
    const all = Array.from(x);
    // The terms cancel: the error is that of the sum of their sizes.
    expect(Math.abs(total![0]! - sum(all))).toBeLessThan(1e-6 * sum(all.map(Math.abs)));
    expectSamples(rows!, (r) => sum(rowOf(x, r)));
    const columnSum = (j: number) => sum(Array.from({ length: R }, (_, r) => x[r * C + j]!));
    expectSamples(columns!, columnSum);
    expectSamples(mean!, (j) => columnSum(j) / R);
    expectSamples(top!, (r) => Math.max(...rowOf(x, r)));
    expectSamples(cumulative!, (i) => sum(rowOf(x, Math.floor(i / C)).slice(0, (i % C) + 1)));
    expect(sum(Array.from(pooled!))).toBe((R * C) / 4);
  });
});

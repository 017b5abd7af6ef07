import { freemem } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { asOrt } from '../src/backend.ts';
import { adamControl, adamUpdate, compile, embedding, registerOrtBackend } from '../src/index.ts';

afterAll(() => tf.setBackend('cpu'));

const [N, D, B] = [1_000_000, 300, 4096];
const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const enough = freemem() > 8 * 2 ** 30;
if (!enough) console.log('skipped: 4.8 GB of state need 8 GiB of free memory');

it.skipIf(!enough)(
  'a million items of 300 numbers, their moments and gradients train',
  async () => {
    registerOrtBackend({ threads: 2 });
    await tf.setBackend('ort');
    const slot = (x: number) => tf.tidy(() => tf.variable(tf.fill([N, D], x)));
    const [value, m, v] = [slot(0.01), slot(0), slot(0)] as const;
    const step = compile((ids: tf.Tensor, control: tf.Tensor) => {
      const { value: loss, grads } = tf.variableGrads(
        () => tf.mean<tf.Scalar>(tf.square(tf.sub(embedding(value, ids), 1))),
        [value],
      );
      adamUpdate({ value, m, v, gradient: grads[value.name]!, control });
      return loss;
    });
    for (let i = 1; i <= 3; i++) {
      const ids = tf.tensor1d(
        Int32Array.from({ length: B }, (_, j) => (j * 977 + i) % N),
        'int32',
      );
      const control = tf.tensor1d(adamControl({ ...settings, step: i }));
      const loss = step(ids, control);
      expect(loss.dataSync()[0]).toBeGreaterThan(0.97);
      tf.dispose([ids, control, loss]);
    }
    // Only part of it has room in the host memory.
    expect(asOrt(tf.backend()).hostMemory.used).toBeLessThan(4 * 2 ** 30);

    // Adam by hand: row i was touched in step i alone, with gradient 2 (x - 1) / (B D).
    const g = (2 * (0.01 - 1)) / (B * D);
    const expected = (touched: number): number => {
      let x = 0.01;
      let [first, second] = [0, 0];
      for (let t = 1; t <= 3; t++) {
        const gradient = t === touched ? g : 0;
        first = 0.9 * first + 0.1 * gradient;
        second = 0.999 * second + 0.001 * gradient ** 2;
        x -= (1e-3 * first) / (1 - 0.9 ** t) / (Math.sqrt(second / (1 - 0.999 ** t)) + 1e-8);
      }
      return x;
    };
    for (const [row, touched] of [
      [1, 1],
      [2, 2],
      [978, 1],
      [4095 * 977 + 3, 3],
      [999_999, 0],
    ] as const)
      for (const column of [0, 299]) {
        const entry = tf.tidy(() => tf.slice(value, [row % N, column], [1, 1]).dataSync()[0]!);
        expect(entry).toBeCloseTo(expected(touched), 7);
      }
    step.dispose();
    tf.dispose([value, m, v]);
  },
  300_000,
);

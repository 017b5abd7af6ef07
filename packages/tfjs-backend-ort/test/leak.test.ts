import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs';
import {
  adamControl,
  adamUpdate,
  compile,
  dropout,
  gelu,
  layerNorm,
  linear,
  randomSource,
  registerOrtBackend,
  softmaxCrossEntropy,
} from '../src/index.ts';
import { noise } from './support/cases.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

const [B, D, C] = [64, 64, 50];
const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Resident bytes after a collection. */
function resident(): number {
  collect();
  return process.memoryUsage().rss;
}

it('hundreds of compiled training steps leave tensors, buffers and memory where they were', () => {
  const made = tf.memory().numTensors;
  const parameter = (shape: number[], salt: number) =>
    tf.tidy(() => {
      const size = tf.util.sizeFromShape(shape);
      return {
        value: tf.variable(tf.tensor(noise(size, salt), shape)),
        m: tf.variable(tf.zeros(shape)),
        v: tf.variable(tf.zeros(shape)),
      };
    });
  const all = [
    parameter([D, D], 1),
    parameter([D], 2),
    parameter([D], 3),
    parameter([D], 4),
    parameter([C, D], 5),
  ];
  const [w1, b1, gamma, beta, w2] = all.map(({ value }) => value) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ];
  const counter = tf.tidy(() => tf.variable(tf.scalar(0)));
  const loss = (x: tf.Tensor, labels: tf.Tensor, key: tf.Tensor) => {
    const hidden = layerNorm(gelu(linear(x, w1, b1)), gamma, beta);
    const scores = linear(dropout(hidden, 0.2, randomSource(key)), w2);
    return tf.mean<tf.Scalar>(softmaxCrossEntropy(scores, labels));
  };
  const step = compile((x: tf.Tensor, labels: tf.Tensor, key: tf.Tensor, control: tf.Tensor) => {
    const { value, grads } = tf.variableGrads(() => loss(x, labels, key), [w1, b1, gamma, beta, w2]);
    for (const slot of all) adamUpdate({ ...slot, gradient: grads[slot.value.name]!, control });
    counter.assign(tf.add(counter, 1));
    return value;
  });
  const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  const losses: number[] = [];
  const run = (t: number) => {
    tf.tidy(() => {
      const x = tf.tensor2d(noise(B * D, t), [B, D]);
      const labels = tf.tensor1d(
        Int32Array.from({ length: B }, (_, i) => (i * 7 + t) % C),
        'int32',
      );
      const key = tf.tensor1d([1, 2, t, 0], 'int32');
      const control = tf.tensor1d(adamControl({ ...settings, step: t }));
      losses.push(step(x, labels, key, control).dataSync()[0]!);
    });
  };
  for (let t = 1; t <= 20; t++) run(t);
  const tensors = tf.memory();
  const bytes = resident();
  for (let t = 21; t <= 520; t++) run(t);
  expect(tf.memory().numTensors).toBe(tensors.numTensors);
  expect(tf.memory().numDataBuffers).toBe(tensors.numDataBuffers);
  // V8's young generation and its code reach their size in the first hundreds of steps: 26 MiB that do not come again.
  const settled = resident();
  expect((settled - bytes) / MIB).toBeLessThan(48);
  // A step allocates 50 KiB of arguments and results: 500 of them leaked would be 25 MiB.
  for (let t = 521; t <= 1020; t++) run(t);
  expect((resident() - settled) / MIB).toBeLessThan(8);
  expect(tf.memory().numTensors).toBe(tensors.numTensors);
  expect(step.programs()).toHaveLength(1);
  expect(counter.dataSync()[0]).toBe(1020);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses.at(-1)).not.toBe(losses[0]);
  step.dispose();
  tf.disposeVariables();
  expect(tf.memory().numTensors).toBe(made);
});

it('eager operations of ever new constants and shapes keep a bounded number of programs', () => {
  const backend = tf.backend() as unknown as { eagerPrograms: number };
  tf.tidy(() => {
    for (let i = 0; i < 400; i++) {
      tf.fill([3], i + 0.5);
      tf.neg(tf.ones([i + 1]));
    }
    expect(backend.eagerPrograms).toBe(512);
    // One that was dropped is made anew.
    expect(Array.from(tf.neg(tf.ones([1])).dataSync())).toEqual([-1]);
    expect(Object.is(tf.fill([1], 0).dataSync()[0], 0)).toBe(true);
    expect(Object.is(tf.fill([1], -0).dataSync()[0], -0)).toBe(true);
  });
});

import { adamControl, adamUpdate, compile, dropout, gelu, layerNorm, linear } from '../../src/index.ts';
import { randomSource, registerOrtBackend, softmaxCrossEntropy } from '../../src/index.ts';
import { tf } from '../../src/tfjs.js';
import { noise } from './cases.ts';

// A program of its own, run by leak.test.ts: what a process holds is only comparable where V8's young generation is bounded
// (--max-semi-space-size=1), since it else grows for hundreds of steps. Writes what it measured as JSON.

/** What the process holds after a number of steps. */
export interface Held {
  step: number;
  /** Tensors, and arrays behind them. */
  tensors: number;
  buffers: number;
  /** Bytes, after a collection. */
  resident: number;
  heap: number;
  external: number;
}

/** What the program found. */
export interface Findings {
  held: Held[];
  losses: number[];
  counter: number;
  programs: number;
  /** Tensors before the model was made, and after all was disposed. */
  before: number;
  after: number;
}

const [B, D, C] = [64, 64, 50];

function held(step: number): Held {
  // The first collection finds what is dead, the second waits until its arrays are given back.
  globalThis.gc!();
  globalThis.gc!();
  const { numTensors, numDataBuffers } = tf.memory();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { step, tensors: numTensors, buffers: numDataBuffers, resident: rss, heap: heapUsed, external };
}

function parameter(shape: number[], salt: number) {
  return tf.tidy(() => ({
    value: tf.variable(tf.tensor(noise(tf.util.sizeFromShape(shape), salt), shape)),
    m: tf.variable(tf.zeros(shape)),
    v: tf.variable(tf.zeros(shape)),
  }));
}

registerOrtBackend({ threads: 1 });
await tf.setBackend('ort');
const before = tf.memory().numTensors;
const slots = {
  w1: parameter([D, D], 1),
  b1: parameter([D], 2),
  gamma: parameter([D], 3),
  beta: parameter([D], 4),
  w2: parameter([C, D], 5),
};
const { w1, b1, gamma, beta, w2 } = slots;
const all = Object.values(slots);
const counter = tf.tidy(() => tf.variable(tf.scalar(0)));

function loss(x: tf.Tensor, labels: tf.Tensor, key: tf.Tensor): tf.Scalar {
  const hidden = layerNorm(gelu(linear(x, w1.value, b1.value)), gamma.value, beta.value);
  const scores = linear(dropout(hidden, 0.2, randomSource(key)), w2.value);
  return tf.mean<tf.Scalar>(softmaxCrossEntropy(scores, labels));
}

const step = compile((x: tf.Tensor, labels: tf.Tensor, key: tf.Tensor, control: tf.Tensor) => {
  const { value, grads } = tf.variableGrads(
    () => loss(x, labels, key),
    all.map((slot) => slot.value),
  );
  for (const slot of all) adamUpdate({ ...slot, gradient: grads[slot.value.name]!, control });
  counter.assign(tf.add(counter, 1));
  return value;
});

const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
const losses: number[] = [];

function run(t: number): void {
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
}

const measured: Held[] = [];
for (let t = 1; t <= 1020; t++) {
  run(t);
  if (t === 20 || t === 520 || t === 1020) measured.push(held(t));
}
const count = counter.dataSync()[0]!;
const programs = step.programs().length;
step.dispose();
tf.disposeVariables();
const findings: Findings = {
  held: measured,
  losses,
  counter: count,
  programs,
  before,
  after: tf.memory().numTensors,
};
process.stdout.write(JSON.stringify(findings));

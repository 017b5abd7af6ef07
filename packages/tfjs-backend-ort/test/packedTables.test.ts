import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { compile, embedding, HalfTable, Int8Table, linear, registerOrtBackend } from '../src/index.ts';
import { noise } from './support/cases.ts';
import { expectClose } from './support/harness.ts';

afterAll(() => tf.setBackend('cpu'));

/**
 * ONNX Runtime 1.30's own: `quantize_dynamic(weight_type=QInt8, per_channel=True)` of a MatMul and an Add, run in Python.
 * x[r, i] = sin(r I + i), W[o, i] = cos(o I + i) / (o + 1), b[o] = o / 10, in float32, R = 3, I = 5, O = 4.
 */
const theirs = [
  0.4356142, 1.1833133, 0.46473962, -0.12742725, -2.6404846, -0.18541324, 0.96978819, 0.77201903, -1.9306676,
  -1.1455549, 0.37088433, 0.99490166,
];

const [R, I, O] = [3, 5, 4];
const x = Float32Array.from({ length: R * I }, (_, at) => Math.sin(at));
const weights = Float32Array.from({ length: O * I }, (_, at) => Math.cos(at) / (Math.floor(at / I) + 1));
const bias = Float32Array.from({ length: O }, (_, at) => at / 10);

/** The bits of halves that are exact. */
const bitsOf = new Map([
  [0, 0],
  [1, 0x3c00],
  [-2, 0xc000],
  [0.5, 0x3800],
  [-0.0999755859375, 0xae66],
  [65504, 0x7bff],
  [2 ** -24, 1],
]);
const exactly = [...bitsOf.keys()];
const table = Array.from({ length: 6 * 3 }, (_, at) => exactly[(5 * at) % exactly.length]!);
const halves = Uint16Array.from(table, (value) => bitsOf.get(value)!);

/** What a function gives eagerly and, on `ort`, compiled. */
function both(run: (given: tf.Tensor) => tf.Tensor, given: tf.Tensor): Float32Array[] {
  const compiled = compile(run);
  const ways = tf.getBackend() === 'ort' ? [run, compiled] : [run];
  const found = ways.map((way) => tf.tidy(() => way(given)));
  const values = found.map((tensor) => tensor.dataSync().slice() as Float32Array);
  tf.dispose(found);
  compiled.dispose();
  return values;
}

/** Backends, and ONNX Runtime by onnxruntime-node's binding too. */
async function use(backend: string): Promise<void> {
  registerOrtBackend({ threads: 1, binding: backend !== 'ort' });
  await tf.setBackend(backend.split(' ')[0]!);
}

describe.each(['ort', 'ort by its binding', 'cpu'])('an int8 table on %s', (backend) => {
  beforeAll(() => use(backend));

  it.each([undefined, true, false])(
    "gives the products of ONNX Runtime's quantize_dynamic (signed %s)",
    (signed) => {
      const before = tf.memory().numTensors;
      const own = new Int8Table(weights, [O, I], signed);
      const [given, added] = [tf.tensor3d(x, [R, 1, I]), tf.tensor1d(bias)];
      for (const found of both((t) => linear(t, own, added), given)) expectClose(found, theirs, 1e-6);
      own.dispose();
      tf.dispose([given, added]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('sums exactly what one product in float32, or 16 bits, does not hold', () => {
    const inputs = 6000;
    const signs = Float32Array.from({ length: 2 * inputs }, (_, at) =>
      at < inputs || at % 2 === 0 ? 1 : -1,
    );
    const own = new Int8Table(signs, [2, inputs]);
    const given = tf.ones([1, inputs]);
    for (const found of both((t) => linear(t, own), given)) expectClose(found, [inputs, 0], 1e-6);
    own.dispose();
    given.dispose();
  });

  it('of zeros, or of weights too small for a scale, gives the bias', () => {
    const own = new Int8Table(Float32Array.of(0, 0, 1e-45, 1e-45), [2, 2]);
    const [given, added] = [tf.tensor2d([[1, 2]]), tf.tensor1d([3, 4])];
    for (const found of both((t) => linear(t, own, added), given)) expectClose(found, [3, 4], 1e-6);
    own.dispose();
    tf.dispose([given, added]);
  });

  it('rounds weights to the nearest, and ties to even', () => {
    const own = new Int8Table(Float32Array.of(127, 0.5, 1.5, -0.5, -2.5, 63.4), [1, 6]);
    const given = tf.tensor2d(
      Float32Array.from({ length: 36 }, (_, at) => Number(at % 7 === 0)),
      [6, 6],
    );
    for (const found of both((t) => linear(t, own), given)) expectClose(found, [127, 0, 2, 0, -2, 63], 1e-6);
    own.dispose();
    given.dispose();
  });

  it.each([NaN, Infinity])('%s among the inputs does not disappear, wherever it is', (odd) => {
    const wide = 70;
    const own = new Int8Table(noise(2 * wide), [2, wide]);
    for (const place of [0, 1, 35, wide - 1, wide, 3 * wide - 1]) {
      const given = tf.tensor2d(
        noise(3 * wide).map((value, at) => (at === place ? odd : value)),
        [3, wide],
      );
      for (const found of both((t) => linear(t, own), given))
        expect(found.every(Number.isNaN), `at ${place}`).toBe(true);
      given.dispose();
    }
    own.dispose();
  });

  it('is told what it cannot hold', () => {
    expect(() => new Int8Table(Float32Array.of(1, NaN), [1, 2])).toThrow(
      'Int8Table: weights must be finite, got NaN',
    );
    expect(() => new Int8Table(Float32Array.of(1, 2), [3, 1])).toThrow('got 2 for [3, 1]');
    expect(() => new Int8Table(new Float32Array(0), [3, 0])).toThrow('with O from 1 on and I in 1..8192');
    const own = new Int8Table(weights, [O, I]);
    expect(() => linear(tf.ones([2, 3]), own)).toThrow('weight must be [O, 3]');
    const given = tf.ones([2, I]);
    expect(() => tf.grad((t) => tf.sum(linear(t, own)))(given)).toThrow();
    own.dispose();
    given.dispose();
  });
});

describe.each(['ort', 'ort by its binding'])('a table of halves on %s', (backend) => {
  beforeAll(() => use(backend));

  it('is the table of floats that it holds, for linear layers and embeddings', () => {
    const own = new HalfTable(halves, [6, 3]);
    const floats = tf.tensor2d(table, [6, 3]);
    const given = tf.tensor2d(noise(12), [4, 3]);
    const ids = tf.tensor2d([5, 0, 3, 3], [2, 2], 'int32');
    const [product, rows] = tf.tidy(() =>
      [linear(given, floats), embedding(floats, ids)].map((t) => t.dataSync()),
    );
    for (const found of both((t) => linear(t, own), given)) expectClose(found, product!, 1e-6);
    for (const found of both((t) => embedding(own, t), ids)) expect(found).toEqual(rows);
    own.dispose();
    tf.dispose([floats, given, ids]);
  });

  it('larger than a graph holds as a constant, half the bytes', () => {
    const count = 3001;
    const own = new HalfTable(new Uint16Array(count).fill(0x3800), [count, 1]);
    const given = tf.ones([1, 1]);
    for (const found of both((t) => linear(t, own), given)) expect(found.every((v) => v === 0.5)).toBe(true);
    expect(own.byteSize).toBe(2 * (count + 1));
    own.dispose();
    given.dispose();
  });

  it('an id outside is named', () => {
    const own = new HalfTable(halves, [6, 3]);
    for (const id of [6, -1])
      expect(() => tf.tidy(() => embedding(own, tf.tensor1d([0, id], 'int32')).dataSync())).toThrow(
        `embedding: an index must be in [0, 6), got ${id}`,
      );
    own.dispose();
  });

  it('is refused where there are no halves', async () => {
    await tf.setBackend('cpu');
    expect(() => new HalfTable(halves, [6, 3])).toThrow(
      'float16 weights are for the backend ort on the processor, got cpu',
    );
  });
});

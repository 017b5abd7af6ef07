import { afterAll, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { OrtBackend } from '../src/backend.ts';
import { adamControl, adamUpdate, compile, dropout, embedding } from '../src/index.ts';
import { randomSource, registerOrtBackend } from '../src/index.ts';
import { HostMemory } from '../src/runtime/memory.ts';
import { noise } from './support/cases.ts';

// State, gradients and masks that the host memory has no room for lie outside it. A memory of a few pages stands in for one
// of 4 GiB.

afterAll(() => tf.setBackend('cpu'));

const [V, D, B] = [1500, 101, 2600];
const KEY = Int32Array.of(11, 22, 33, 0);

/** Makes a backend current whose host memory has a number of pages of 64 KiB. */
async function backendOf(pages: number): Promise<OrtBackend> {
  registerOrtBackend({ threads: 1 });
  tf.removeBackend('ort');
  const backend = new OrtBackend({ threads: 1, providers: ['cpu'] }, new HostMemory(pages));
  tf.registerBackend('ort', () => backend);
  await tf.setBackend('ort');
  return backend;
}

interface Slots {
  value: tf.Variable;
  m: tf.Variable;
  v: tf.Variable;
}

const slots = (shape: number[], salt: number): Slots =>
  tf.tidy(() => ({
    value: tf.variable(tf.tensor(noise(tf.util.sizeFromShape(shape), salt), shape)),
    m: tf.variable(tf.zeros(shape)),
    v: tf.variable(tf.zeros(shape)),
  }));

/** Trains a table and a matrix for some steps; all bits that a step makes, and the bytes of the memory in use. */
async function train(pages: number) {
  const { hostMemory } = await backendOf(pages);
  const before = tf.memory().numTensors;
  const parameters = [slots([V, D], 1), slots([D, D], 2)];
  const step = compile((ids: tf.Tensor, key: tf.Tensor, control: tf.Tensor) => {
    const random = randomSource(key);
    const { value, grads } = tf.variableGrads(
      () => {
        const rows = dropout(embedding(parameters[0]!.value, ids), 0.3, random);
        const y = tf.matMul(rows, parameters[1]!.value);
        return tf.mean<tf.Scalar>(tf.square(tf.sub(y, random.uniform(y.shape))));
      },
      parameters.map((slot) => slot.value),
    );
    const scale = tf.div(1, tf.add(1, value));
    for (const slot of parameters) adamUpdate({ ...slot, gradient: grads[slot.value.name]!, control, scale });
    return value;
  });
  const numbers: number[] = [];
  const settings = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  // The last two batches are of another size: programs share what they lay out outside as well.
  for (const [i, size] of [B, B, B, 2 * B, B].entries()) {
    const inputs = [
      tf.tensor1d(
        Int32Array.from({ length: size }, (_, j) => (j * j + i) % V),
        'int32',
      ),
      tf.tensor1d(KEY.with(3, i), 'int32'),
      tf.tensor1d(adamControl({ ...settings, step: i + 1 })),
    ] as const;
    const loss = step(...inputs);
    numbers.push(loss.dataSync()[0]!);
    tf.dispose([...inputs, loss]);
  }
  const { used } = hostMemory;
  const state = parameters.flatMap(({ value, m, v }) => [value, m, v]);
  const arrays = state.map((variable) => variable.dataSync().slice());
  step.dispose();
  tf.dispose(state);
  expect(tf.memory().numTensors).toBe(before);
  return { numbers, arrays, used };
}

it.each([
  ['some of the state', 90],
  ['gradients and masks', 16],
])('%s outside the host memory: the same bits', async (_, pages) => {
  const inside = await train(1000);
  const outside = await train(pages);
  // Values, moments, gradients and masks of the larger batch are 9 MB; a page is 64 KiB.
  expect(inside.used).toBeGreaterThan(9e6);
  expect(outside.used).toBeLessThanOrEqual(pages * 65_536);
  expect(outside.numbers).toEqual(inside.numbers);
  for (const [i, array] of outside.arrays.entries())
    expect(Buffer.from(array.buffer).equals(Buffer.from(inside.arrays[i]!.buffer)), `array ${i}`).toBe(true);
  expect(new Set(inside.numbers).size).toBe(5);
});

it('what was outside comes back when there is room', () => {
  const memory = new HostMemory(30);
  const state = memory.allocate(1_200_000)!;
  memory.reserveScratch(500_000);
  expect(memory.scratch.inMemory).toBe(false);
  expect(memory.scratch.buffer.byteLength).toBeGreaterThanOrEqual(500_000);
  const { generation } = memory;
  memory.reserveScratch(400_000);
  expect(memory.generation).toBe(generation);
  memory.release(state);
  memory.reserveScratch(400_000);
  expect(memory.scratch.inMemory).toBe(true);
  expect(memory.generation).toBeGreaterThan(generation);
  expect(memory.allocate(2_000_000)).toBeUndefined();
});

it('blocks that are used again are whole, and none overlap', () => {
  const memory = new HostMemory(64);
  const blocks = [100_000, 1, 300_000, 70_000].map((bytes) => memory.allocate(bytes)!);
  memory.release(blocks[0]!);
  memory.release(blocks[2]!);
  const again = [90_000, 5_000, 299_000].map((bytes) => memory.allocate(bytes)!);
  const all = [blocks[1]!, blocks[3]!, ...again].sort((a, b) => a.offset - b.offset);
  all.slice(1).forEach((block, i) => {
    expect(block.offset).toBeGreaterThanOrEqual(all[i]!.offset + all[i]!.bytes);
  });
});

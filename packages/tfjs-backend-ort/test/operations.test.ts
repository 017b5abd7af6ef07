import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { adamControl, adamUpdate, compile, randomSource } from '../src/index.ts';
import { noise } from './support/cases.ts';
import { checkCase, expectClose, on, setUp } from './support/harness.ts';
import { operationCases } from './support/operations.ts';

beforeAll(setUp);
afterAll(() => tf.setBackend('cpu'));

describe.each(Object.entries(operationCases))('%s', (_name, rows) => {
  it.each(rows.map((row, i) => [row.name, row, i] as const))('%s', async (_row, row, i) => {
    await checkCase(row, i === 0);
  });
});

const KEY = [0x12345678, -0x76543211, 41, 7];
const SHAPES = [[1], [5], [31], [33], [4, 16, 3], [0], [1000]];

describe('random numbers', () => {
  const draw = (shapes: number[][]) => (key: tf.Tensor) => {
    const source = randomSource(key);
    return shapes.flatMap((shape) => [
      source.keepMask(shape, 0.3),
      source.uniform(shape),
      source.keepMask(shape, 0),
    ]);
  };
  const values = (tensors: tf.Tensor[]) => tensors.map((t) => Array.from(t.dataSync()));

  it('are the same bits on cpu, eager and compiled', async () => {
    const key = () => tf.tensor1d(KEY, 'int32');
    const expected = await on('cpu', () => values(draw(SHAPES)(key())));
    await tf.setBackend('ort');
    expect(values(draw(SHAPES)(key()))).toEqual(expected);
    const compiled = compile(draw(SHAPES));
    expect(values(compiled(key()))).toEqual(expected);
    compiled.dispose();
  });

  it('are Philox4x32-10 in the documented order', async () => {
    await tf.setBackend('cpu');
    // Salmon et al. 2011: the known answer of counter and key 0.
    const source = randomSource(tf.tensor1d([0, 0, 0, 0], 'int32'));
    const mask = source.keepMask([32], 0.5).dataSync();
    const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
    words.forEach((word, j) => {
      expect(mask[8 * j], `low half of word ${j}`).toBe((word & 0xffff) >= 32768 ? 2 : 0);
      expect(mask[8 * j + 1], `high half of word ${j}`).toBe(word >>> 16 >= 32768 ? 2 : 0);
    });
    const uniform = randomSource(tf.tensor1d([0, 0, 0, 0], 'int32'))
      .uniform([16])
      .dataSync();
    words.forEach((word, j) => {
      expect(uniform[4 * j]).toBe((word >>> 8) / 2 ** 24);
    });
  });

  it('refuse rates outside [0, 1) and keys of another shape', () => {
    const source = randomSource(tf.tensor1d(KEY, 'int32'));
    expect(() => source.keepMask([2], 1)).toThrow('keepMask: rate must be in [0, 1), got 1');
    expect(() => source.keepMask([2], -0.1)).toThrow('got -0.1');
    expect(() => randomSource(tf.tensor1d([1, 2], 'int32'))).toThrow('key must be int32 [4]');
  });
});

describe('adamUpdate', () => {
  const SIZE = 37;
  const settings = {
    learningRate: 0.01,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
    gradientScale: 0.5,
  };
  const STEPS = 5;
  const gradientAt = (step: number) => noise(SIZE, step);

  /** In double precision. */
  function reference(clip: number): number[] {
    const value = Array.from(noise(SIZE, 100));
    const m = value.map(() => 0);
    const v = value.map(() => 0);
    for (let step = 1; step <= STEPS; step++)
      gradientAt(step).forEach((raw, i) => {
        const g = raw * settings.gradientScale * clip;
        m[i] = 0.9 * m[i]! + 0.1 * g;
        v[i] = 0.999 * v[i]! + 0.001 * g * g;
        const moved = m[i] / (1 - 0.9 ** step) / (Math.sqrt(v[i] / (1 - 0.999 ** step)) + settings.epsilon);
        value[i] =
          value[i]! * (1 - settings.learningRate * settings.weightDecay) - settings.learningRate * moved;
      });
    return value;
  }

  async function run(
    backend: 'cpu' | 'ort',
    compiled: boolean,
    clip: number | undefined,
  ): Promise<Float32Array> {
    await tf.setBackend(backend);
    const value = tf.variable(tf.tensor1d(noise(SIZE, 100)));
    const m = tf.variable(tf.zeros([SIZE]));
    const v = tf.variable(tf.zeros([SIZE]));
    const plain = (gradient: tf.Tensor, control: tf.Tensor, scale?: tf.Tensor) => {
      adamUpdate({ value, m, v, gradient, control, scale });
    };
    const step = compiled ? compile(plain) : plain;
    for (let t = 1; t <= STEPS; t++)
      tf.tidy(() => {
        const control = tf.tensor1d(adamControl({ ...settings, step: t }));
        const gradient = tf.tensor1d(gradientAt(t));
        if (clip === undefined) step(gradient, control);
        else step(gradient, control, tf.scalar(clip));
      });
    const result = value.dataSync().slice() as Float32Array;
    tf.dispose([value, m, v]);
    if ('dispose' in step) (step as { dispose: () => void }).dispose();
    return result;
  }

  it.each([
    ['cpu', false],
    ['ort', false],
    ['ort', true],
  ] as const)('on %s, compiled %s, is AdamW', async (backend, compiled) => {
    expectClose(await run(backend, compiled, undefined), reference(1));
    expectClose(await run(backend, compiled, 0.25), reference(0.25));
  });
});

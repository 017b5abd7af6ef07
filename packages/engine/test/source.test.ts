import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compile,
  memory,
  philox4x32,
  randomKey,
  randomSource,
  RandomStream,
  selectBackend,
  tf,
} from '../src/index.ts';

const SHAPES = [[1], [31], [33], [5, 7], [2, 3, 64], [0, 4]];
const stream = RandomStream.fromSeed(2020).split('dropout');

function draw(key: tf.Tensor): tf.Tensor[] {
  const source = randomSource(key);
  return SHAPES.flatMap((shape) => [source.keepMask(shape, 0.3), source.uniform(shape)]);
}

function numbers(step: number, draws: (key: tf.Tensor) => tf.Tensor[]): number[][] {
  const key = randomKey(stream, step);
  const tensors = draws(key);
  const values = tensors.map((t) => Array.from(t.dataSync()));
  tf.dispose([key, tensors]);
  return values;
}

describe('randomSource', () => {
  const eager: Record<string, number[][]> = {};
  const compiled: Record<string, number[][]> = {};
  beforeAll(async () => {
    for (const backend of ['cpu', 'ort', 'wasm'] as const) {
      await selectBackend(backend);
      const before = memory().tensors;
      eager[backend] = numbers(3, draw);
      const f = compile(draw);
      compiled[backend] = numbers(3, f);
      f.dispose();
      expect(memory().tensors).toBe(before);
    }
  });
  afterAll(async () => {
    await selectBackend('cpu');
  });

  it('gives the same numbers on every backend, compiled or not', () => {
    for (const backend of ['cpu', 'ort', 'wasm']) {
      expect(eager[backend]).toEqual(eager['cpu']);
      expect(compiled[backend]).toEqual(eager['cpu']);
    }
  });

  it('is Philox of (element, site, step) under the key of the stream', () => {
    // First uniform number of site 1: the first word of block 0, its upper 24 bits.
    const [word] = philox4x32([0, 1, 3, 0], [stream.key[0], stream.key[1]]);
    expect(eager['cpu']![1]![0]).toBe((word >>> 8) / 2 ** 24);
    // First mask element of site 0: the lower 16 bits of the first word of block 0, kept when at least 0.3.
    const [first] = philox4x32([0, 0, 3, 0], [stream.key[0], stream.key[1]]);
    const threshold = Math.round(0.3 * 65536);
    const scale = Math.fround(65536 / (65536 - threshold));
    expect(eager['cpu']![0]![0]).toBe((first & 0xffff) >= threshold ? scale : 0);
  });

  it('gives other numbers at another step, and the same ones again at the same step', async () => {
    await selectBackend('ort');
    const f = compile(draw);
    const again = numbers(3, f);
    const next = numbers(4, f);
    expect(again).toEqual(eager['cpu']);
    expect(next[9]).not.toEqual(again[9]);
    expect(numbers(3, f)).toEqual(again);
    expect(f.programs()).toHaveLength(1);
    f.dispose();
  });

  it('carries steps beyond 32 bits into the key', () => {
    const values = [1, 2 ** 32 + 1].map((step) =>
      Array.from(tf.tidy(() => randomKey(stream, step).dataSync())),
    );
    expect(values[0]!.slice(2)).toEqual([1, 0]);
    expect(values[1]!.slice(2)).toEqual([1, 1]);
  });

  it.each([1, -0.1, Number.NaN])('refuses a rate of %s', (rate) => {
    const key = randomKey(stream, 0);
    expect(() => randomSource(key).keepMask([2], rate)).toThrow(/^keepMask: rate must be in \[0, 1\), got/);
    key.dispose();
  });

  it('refuses keys that are none', () => {
    expect(() => randomSource(tf.tidy(() => tf.zeros([4])))).toThrow(
      /key must be int32 \[4\] .* got float32 \[4\]$/,
    );
    expect(() => randomKey(stream, -1)).toThrow(/step must be a non-negative integer, got -1$/);
  });
});

import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createAdditiveAttention,
  createAttention,
  createDecoder,
  createEmbedding,
  createEncoder,
  createGru,
  createLayerNorm,
  createLinear,
  disposeParameters,
  flattenParameters,
  init,
  matchGlob,
  parameter,
  trainableParameters,
  type Parameters,
} from '../src/index.ts';
import { numbers } from './helpers.ts';

/** How many numbers the parameters hold whose names match. */
const countParameters = (tree: Parameters, pattern = '**'): number =>
  [...flattenParameters(tree)].reduce(
    (sum, [name, { size }]) => sum + (matchGlob(pattern, name) ? size : 0),
    0,
  );

beforeAll(async () => {
  await selectBackend('cpu');
});

const random = () => RandomStream.fromSeed(3);

describe('parameter trees', () => {
  it('name their tensors by path', () => {
    const p = {
      encoder: createEncoder({ layers: 2, width: 4, feedForward: 3 }, random()),
      unused: undefined,
      scale: parameter(Float32Array.of(1), []),
    };
    const names = [...flattenParameters(p).keys()];
    expect(names.slice(0, 5)).toEqual([
      'encoder.layers.0.selfAttention.inProjection.weight',
      'encoder.layers.0.selfAttention.inProjection.bias',
      'encoder.layers.0.selfAttention.outProjection.weight',
      'encoder.layers.0.selfAttention.outProjection.bias',
      'encoder.layers.0.linear1.weight',
    ]);
    expect(names.at(-1)).toBe('scale');
    expect(names).toContain('encoder.layers.1.norm2.bias');
    expect([...flattenParameters({ a: p.scale }, 'x').keys()]).toEqual(['x.a']);
  });

  it('refuse names and variables that would be ambiguous', () => {
    const v = parameter(Float32Array.of(1), []);
    expect(() => flattenParameters({ 'a.b': v })).toThrow(
      'keys must be non-empty and without dots, got "a.b"',
    );
    expect(() => flattenParameters({ a: v, b: { c: v } })).toThrow('must appear once, got a and b.c');
  });

  it("are counted, MISSRec's transformer as its released logs count it", () => {
    const sizes = { layers: 1, width: 300, feedForward: 256 };
    const p = { encoder: createEncoder(sizes, random()), decoder: createDecoder(sizes, random()) };
    expect(countParameters(p, 'encoder.**')).toBe(517_156);
    expect(countParameters(p, 'decoder.**')).toBe(878_956);
    expect(countParameters(p)).toBe(1_396_112);
    expect(countParameters(p, '**.norm*.*')).toBe(2 * 600 + 600 + 3 * 600 + 600);
    const before = tf.memory().numTensors;
    const leaves = flattenParameters(p).size;
    disposeParameters(p);
    expect(tf.memory().numTensors).toBe(before - leaves);
  });

  it('are frozen by pattern', () => {
    const p = { a: createLinear({ inputs: 2, outputs: 2 }, random()), b: createLayerNorm(2) };
    expect([...trainableParameters(p).keys()]).toEqual(['a.weight', 'a.bias', 'b.weight', 'b.bias']);
    expect([...trainableParameters(p, { freeze: ['b.*', '**.bias'] }).keys()]).toEqual(['a.weight']);
    expect(() => trainableParameters(p, { freeze: ['c.*'] })).toThrow('got "c.*" among a.weight, a.bias');
    expect(() => trainableParameters(p, { freeze: ['**'] })).toThrow('at least one parameter must stay');
  });

  it.each<[string, string, boolean]>([
    ['a.*', 'a.b', true],
    ['a.*', 'a.b.c', false],
    ['a.**', 'a.b.c', true],
    ['**.bias', 'a.b.bias', true],
    ['**.bias', 'bias', false],
    ['**', 'a.b', true],
    ['*.norm*.*', 'layer.norm2.bias', true],
    ['*', 'a', true],
    ['a.b', 'axb', false],
    ['a+', 'a+', true],
  ])('%s and %s: %s', (pattern, name, matches) => {
    expect(matchGlob(pattern, name)).toBe(matches);
  });
});

describe('first values', () => {
  const moments = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, std: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
  };

  it('have the spread they are named for', () => {
    const shape = [100, 200];
    const normal = moments(init.normal(0.02)(shape, random()));
    expect(Math.abs(normal.mean)).toBeLessThan(0.001);
    expect(normal.std).toBeCloseTo(0.02, 3);
    const uniform = moments(init.uniform(0.3)(shape, random()));
    expect(uniform.largest).toBeLessThanOrEqual(0.3);
    expect(uniform.largest).toBeGreaterThan(0.299);
    expect(uniform.std).toBeCloseTo(0.3 / Math.sqrt(3), 2);
    const bound = Math.sqrt(6 / 300);
    const xavier = moments(init.xavierUniform(shape, random()));
    expect(xavier.largest).toBeLessThanOrEqual(bound);
    expect(xavier.largest).toBeGreaterThan(bound * 0.99);
    expect(moments(init.xavierNormal(shape, random())).std).toBeCloseTo(Math.sqrt(2 / 300), 2);
    expect([...init.ones([2], random()), ...init.zeros([1], random())]).toEqual([1, 1, 0]);
    expect(() => init.xavierUniform([3], random())).toThrow('shape must be [outputs, inputs], got [3]');
  });

  it("are PyTorch's by default", () => {
    const linear = createLinear({ inputs: 64, outputs: 50 }, random());
    for (const { largest } of [moments(numbers(linear.weight)), moments(numbers(linear.bias))]) {
      expect(largest).toBeLessThanOrEqual(1 / 8);
      expect(largest).toBeGreaterThan(0.9 / 8);
    }
    const chosen = createLinear({ inputs: 64, outputs: 50, init: init.normal(0.02) }, random());
    expect(moments(numbers(chosen.weight)).std).toBeCloseTo(0.02, 3);
    expect(moments(numbers(chosen.bias)).largest).toBe(0);
    expect(Object.keys(createLinear({ inputs: 2, outputs: 2, bias: false }, random()))).toEqual(['weight']);

    const attention = createAttention(48, random());
    const bound = Math.sqrt(6 / (48 + 3 * 48));
    expect(moments(numbers(attention.inProjection.weight)).largest).toBeLessThanOrEqual(bound);
    expect(moments(numbers(attention.inProjection.weight)).largest).toBeGreaterThan(bound * 0.99);
    expect(moments(numbers(attention.inProjection.bias)).largest).toBe(0);
    expect(moments(numbers(attention.outProjection.weight)).largest).toBeLessThanOrEqual(1 / Math.sqrt(48));
    expect(moments(numbers(attention.outProjection.bias)).largest).toBe(0);

    const norm = createLayerNorm(3);
    expect([...numbers(norm.weight), ...numbers(norm.bias)]).toEqual([1, 1, 1, 0, 0, 0]);
    const gru = createGru({ inputs: 5, width: 16 }, random());
    expect([...flattenParameters(gru).values()].map(({ shape }) => shape)).toEqual([
      [48, 5],
      [48],
      [48, 16],
      [48],
    ]);
    expect(moments(numbers(gru.state.weight)).largest).toBeLessThanOrEqual(1 / 4);
    const zero = createGru({ inputs: 5, width: 16, init: init.ones }, random());
    expect([moments(numbers(zero.input.weight)).std, moments(numbers(zero.input.bias)).largest]).toEqual([
      0, 0,
    ]);
    const additive = createAdditiveAttention({ width: 4, hidden: 5 }, random());
    expect([additive.projection.weight.shape, additive.query.shape]).toEqual([[5, 4], [5]]);
  });

  it('leave the padding row of an embedding at 0', () => {
    const { weight } = createEmbedding({ count: 4, width: 2, padding: 1 }, random());
    const values = [...numbers(weight)];
    expect(values.slice(2, 4)).toEqual([0, 0]);
    expect(values.filter((v) => v === 0)).toHaveLength(2);
    expect(() => createEmbedding({ count: 4, width: 2, padding: 4 }, random())).toThrow(
      'a row in [0, 4), got 4',
    );
  });

  it('depend on the stream alone, and differ from layer to layer', () => {
    const stream = random();
    const first = numbers(createLinear({ inputs: 3, outputs: 3 }, stream).weight);
    const second = numbers(createLinear({ inputs: 3, outputs: 3 }, stream).weight);
    expect(second).not.toEqual(first);
    expect(numbers(createLinear({ inputs: 3, outputs: 3 }, random()).weight)).toEqual(first);
    expect(() => parameter(new Float32Array(3), [2])).toThrow();
  });
});

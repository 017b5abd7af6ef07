import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { tf } from '../src/tfjs.js';
import { OrtBackend } from '../src/backend.ts';
import { compile, registerOrtBackend } from '../src/index.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));

let tensorsBefore = 0;
beforeEach(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  tf.disposeVariables();
  expect(tf.memory().numTensors - tensorsBefore, 'tensors that the test left').toBe(0);
});

/** The elements of a tensor, which is then disposed. */
function take(tensor: tf.Tensor): number[] {
  const values = Array.from(tensor.dataSync());
  tensor.dispose();
  return values;
}

/** Calls with a fresh vector, which is then disposed. */
function withVector<T>(values: number[], body: (x: tf.Tensor1D) => T): T {
  const x = tf.tensor1d(values);
  const result = body(x);
  x.dispose();
  return result;
}

describe('signatures', () => {
  it('are traced once each, by shape, type and static arguments', () => {
    const seen: string[] = [];
    const f = compile((x: tf.Tensor, factor: number, mode?: string | null) => {
      seen.push(`${x.dtype}[${x.shape.join()}] ${factor} ${String(mode)}`);
      return tf.mul(x, tf.cast(tf.scalar(factor), x.dtype));
    });
    const call = (values: number[], factor: number, mode?: string | null) =>
      withVector(values, (x) => take(f(x, factor, mode)));
    for (let i = 0; i < 3; i++) {
      expect(call([1, 2 + i], 3)).toEqual([3, 6 + 3 * i]);
      expect(call([1, 2, 3], 3)).toEqual([3, 6, 9]);
      expect(call([1, 2], -1)).toEqual([-1, -2]);
      expect(call([1, 2], 3, 'a')).toEqual([3, 6]);
      expect(call([1, 2], 3, null)).toEqual([3, 6]);
      const integers = tf.tensor1d([1, 2], 'int32');
      expect(take(f(integers, 3))).toEqual([3, 6]);
      integers.dispose();
    }
    expect(seen).toEqual([
      'float32[2] 3 undefined',
      'float32[3] 3 undefined',
      'float32[2] -1 undefined',
      'float32[2] 3 a',
      'float32[2] 3 null',
      'int32[2] 3 undefined',
    ]);
    expect(f.programs()).toHaveLength(6);
    f.dispose();
  });

  it('tell -0, NaN and the infinities apart', () => {
    const f = compile((x: tf.Tensor, value: number) => tf.mul(x, value));
    const call = (value: number) => withVector([2], (x) => take(f(x, value))[0]);
    expect(call(Infinity)).toBe(Infinity);
    expect(call(-Infinity)).toBe(-Infinity);
    expect(call(NaN)).toBeNaN();
    expect(Math.abs(call(0)!)).toBe(0);
    expect(f.programs()).toHaveLength(4);
    f.dispose();
  });

  it('are dropped beyond the size of the cache, least recently used first, and traced again', () => {
    let traced = 0;
    const f = compile(
      (x: tf.Tensor) => {
        traced++;
        return tf.add(x, 1);
      },
      { cacheSize: 2 },
    );
    const call = (length: number) =>
      withVector(
        Array.from({ length }, () => 1),
        (x) => take(f(x)),
      );
    call(1);
    call(2);
    call(1);
    call(3);
    expect(traced).toBe(3);
    expect(call(1)).toEqual([2]);
    expect(traced).toBe(3);
    expect(call(2)).toEqual([2, 2]);
    expect(traced).toBe(4);
    expect(f.programs()).toHaveLength(2);
    f.dispose();
  });
});

describe('a product that several things are made of', () => {
  it('is not lost where one of them takes its factor or its row into the product', () => {
    const f = compile((a: tf.Tensor2D, b: tf.Tensor2D, row: tf.Tensor) => {
      const product = tf.matMul(a, b);
      return [tf.mul(product, 2), tf.add(product, row), tf.abs(product)];
    });
    const [a, b, row] = [
      tf.tensor2d([1, 2], [1, 2]),
      tf.tensor2d([3, 4, 5, 6], [2, 2]),
      tf.tensor1d([10, 20]),
    ];
    expect(f(a, b, row).map(take)).toEqual([
      [26, 32],
      [23, 36],
      [13, 16],
    ]);
    tf.dispose([a, b, row]);
    f.dispose();
  });
});

describe('arguments and results', () => {
  it('are nests of arrays and records', () => {
    const f = compile(({ a, list }: { a: tf.Tensor; list: [tf.Tensor, { b: tf.Tensor }, string] }) => ({
      sum: tf.add(a, list[0]),
      rest: [list[1].b, [tf.neg(a)], 7, null, list[2]],
      nothing: undefined,
    }));
    const [a, b, c] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4]), tf.scalar(5)];
    for (let i = 0; i < 2; i++) {
      const result = f({ a, list: [b, { b: c }, 'text'] });
      expect(take(result.sum)).toEqual([4, 6]);
      const [same, [negative], ...plain] = result.rest as [tf.Tensor, [tf.Tensor], ...unknown[]];
      expect(take(same)).toEqual([5]);
      expect(take(negative)).toEqual([-1, -2]);
      expect(plain).toEqual([7, null, 'text']);
      expect(result.nothing).toBeUndefined();
    }
    expect(c.isDisposed).toBe(false);
    tf.dispose([a, b, c]);
    f.dispose();
  });

  it('leave out what is undefined: the same program with the member and without', () => {
    const f = compile(({ a, scale }: { a: tf.Tensor; scale?: tf.Tensor }) =>
      scale ? tf.mul(a, scale) : tf.neg(a),
    );
    const a = tf.tensor1d([1, 2]);
    expect(take(f({ a }))).toEqual([-1, -2]);
    expect(take(f({ a, scale: undefined }))).toEqual([-1, -2]);
    expect(f.programs()).toHaveLength(1);
    a.dispose();
    f.dispose();
  });

  it('must be tensors or plain values', () => {
    const f = compile((x: unknown) => x as tf.Tensor);
    expect(() => f(new Map())).toThrow(/args\[0\] must be a tensor, a plain value.*got Map/);
    expect(() => f(() => 1)).toThrow('got a function');
    const g = compile((x: tf.Tensor) => ({ x, bad: new Set() }) as unknown as tf.Tensor);
    withVector([1], (x) => {
      expect(() => g(x)).toThrow(/result.*bad.*got Set/);
    });
    f.dispose();
    g.dispose();
  });

  it('are results of their own when the same tensor is returned twice, or an argument', () => {
    const f = compile((x: tf.Tensor) => {
      const y = tf.exp(x);
      return [y, y, tf.reshape(y, [2, 1]), x, x];
    });
    withVector([0, 0], (x) => {
      const results = f(x);
      expect(new Set(results).size).toBe(5);
      results[0]!.dispose();
      results[3]!.dispose();
      expect(take(results[1]!)).toEqual([1, 1]);
      expect(results[2]!.shape).toEqual([2, 1]);
      expect(take(results[2]!)).toEqual([1, 1]);
      expect(take(results[4]!)).toEqual([0, 0]);
      expect(Array.from(x.dataSync())).toEqual([0, 0]);
    });
    f.dispose();
  });

  it('may be none, or without elements', () => {
    const nothing = compile((): unknown => undefined);
    expect(nothing()).toBeUndefined();
    const empty = compile((x: tf.Tensor) => tf.slice(x, [0], [0]));
    withVector([1, 2], (x) => {
      const result = empty(x);
      expect(result.shape).toEqual([0]);
      expect(take(result)).toEqual([]);
    });
    const fromEmpty = compile((x: tf.Tensor) => [tf.sum(x), tf.exp(x)] as const);
    withVector([], (x) => {
      const [sum, exp] = fromEmpty(x);
      expect(take(sum)).toEqual([0]);
      expect(take(exp)).toEqual([]);
    });
    for (const f of [nothing, empty, fromEmpty]) f.dispose();
  });

  it('are inputs, never baked in; constants are', () => {
    const outside = tf.tensor1d([10, 20]);
    const large = tf.range(0, 5000);
    const f = compile((x: tf.Tensor) => [
      tf.add(x, tf.tensor1d([1, 2])),
      tf.add(x, outside),
      tf.add(tf.sum(large), tf.sum(x)),
    ]);
    const sum = (5000 * 4999) / 2;
    for (const values of [
      [0, 0],
      [1, 1],
      [-3, 5],
    ]) {
      const [a, b, c] = withVector(values, (x) => f(x)) as [tf.Tensor, tf.Tensor, tf.Tensor];
      expect(take(a)).toEqual([values[0]! + 1, values[1]! + 2]);
      expect(take(b)).toEqual([values[0]! + 10, values[1]! + 20]);
      expect(take(c)[0]).toBeCloseTo(sum + values[0]! + values[1]!, -1);
    }
    // The program holds what it captured, also after the caller let go.
    tf.dispose([outside, large]);
    const results = withVector([1, 1], (x) => f(x));
    expect(Array.from(results[1]!.dataSync())).toEqual([11, 21]);
    expect(results[2]!.dataSync()[0]).toBeCloseTo(sum + 2, -1);
    tf.dispose(results);
    f.dispose();
  });
});

it('tracing the gradients of sums and means makes no arrays', () => {
  const x = tf.tidy(() => tf.variable(tf.ones([300, 40])));
  const move = vi.spyOn(OrtBackend.prototype, 'move');
  let made: number[] = [];
  const step = compile(() => {
    move.mockClear();
    const { value, grads } = tf.variableGrads(
      () => tf.add<tf.Scalar>(tf.sum(tf.square(tf.sum(tf.square(x), 1))), tf.mean(tf.mean(x, 0))),
      [x],
    );
    made = move.mock.calls.map(([, values]) => (values as ArrayLike<number> | null)?.length ?? 0);
    value.dispose();
    return grads[x.name]!;
  });
  const gradient = step();
  // d/dx Σ_r (Σ_c x²)² = 4 x Σ_c x², and 1 / 12000 from the mean.
  expect(take(gradient)[7]).toBeCloseTo(160 + 1 / 12_000, 4);
  expect(made.filter((length) => length > 1)).toEqual([]);
  move.mockRestore();
  step.dispose();
});

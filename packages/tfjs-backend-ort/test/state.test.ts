import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import { adamControl, adamUpdate, compile, registerOrtBackend } from '../src/index.ts';

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

/** A variable of a vector. */
function variable(...values: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor1d(values)));
}

function read(tensor: tf.Tensor): number[] {
  return Array.from(tensor.dataSync());
}

describe('variables', () => {
  it('are state: read, changed, visible outside, and changed from outside', async () => {
    const counter = variable(1, 10);
    const f = compile((x: tf.Tensor) => {
      counter.assign(tf.add(counter, x));
      return tf.mul(counter, 2);
    });
    const one = tf.tensor1d([1, 1]);
    for (let i = 1; i <= 3; i++) {
      const doubled = f(one);
      expect(read(doubled)).toEqual([2 * (1 + i), 2 * (10 + i)]);
      doubled.dispose();
      expect(read(counter)).toEqual([1 + i, 10 + i]);
      expect(Array.from(await counter.data())).toEqual([1 + i, 10 + i]);
    }
    const reset = tf.tensor1d([0, 0]);
    counter.assign(reset);
    f(one).dispose();
    expect(read(counter)).toEqual([1, 1]);
    expect(read(reset)).toEqual([0, 0]);
    tf.dispose([one, reset]);
    f.dispose();
  });

  it('are written by a function that never reads them', () => {
    const state = variable(5, 5);
    const f = compile((x: tf.Tensor) => {
      state.assign(tf.mul(x, 2));
    });
    for (const value of [1, 2, 3]) {
      const x = tf.tensor1d([value, -value]);
      f(x);
      expect(read(state)).toEqual([2 * value, -2 * value]);
      x.dispose();
    }
    f.dispose();
  });

  it('swap', () => {
    const [a, b] = [variable(1, 2), variable(3, 4)];
    const swap = compile(() => {
      const old = tf.clone(a);
      a.assign(b);
      b.assign(old);
    });
    swap();
    expect([read(a), read(b)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    swap();
    expect([read(a), read(b)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    swap.dispose();
  });

  it('rotate while being computed with', () => {
    const [a, b] = [variable(1), variable(1)];
    const fibonacci = compile(() => {
      const sum = tf.add(a, b);
      a.assign(b);
      b.assign(sum);
      return tf.clone(sum);
    });
    const seen = Array.from({ length: 8 }, () => {
      const value = fibonacci();
      const [number] = read(value);
      value.dispose();
      return number;
    });
    expect(seen).toEqual([2, 3, 5, 8, 13, 21, 34, 55]);
    fibonacci.dispose();
  });

  it('hand out their old value, also as the new one of another', () => {
    const [a, b] = [variable(1), variable(5)];
    const f = compile(() => {
      const old = tf.clone(a);
      b.assign(old);
      a.assign(tf.add(a, 1));
      return old;
    });
    const olds = [f(), f(), f()];
    expect(olds.map(read)).toEqual([[1], [2], [3]]);
    expect([read(a), read(b)]).toEqual([[4], [3]]);
    tf.dispose(olds);
    f.dispose();
  });

  it('leave clones and returned values as they were', () => {
    const state = variable(1, 2);
    const f = compile(() => {
      state.assign(tf.add(state, 1));
      return [tf.clone(state), state];
    });
    const before = tf.clone(state);
    const results = [f(), f(), f()];
    expect(read(before)).toEqual([1, 2]);
    results.forEach(([clone, value], i) => {
      expect(read(clone!)).toEqual([2 + i, 3 + i]);
      expect(read(value!)).toEqual([2 + i, 3 + i]);
    });
    const later = tf.clone(state);
    f().forEach((t) => {
      t.dispose();
    });
    expect(read(later)).toEqual([4, 5]);
    expect(read(state)).toEqual([5, 6]);
    tf.dispose([before, later, ...results.flat()]);
    f.dispose();
  });

  it('that adamUpdate moves leave clones and arrays as they were', () => {
    const [value, m, v] = [variable(1, 2), variable(0, 0), variable(0, 0)];
    const step = compile((gradient: tf.Tensor, control: tf.Tensor) => {
      const old = tf.clone(value);
      adamUpdate({ value, m, v, gradient, control });
      return old;
    });
    const settings = { learningRate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
    const clone = tf.clone(value);
    const seen: number[][] = [];
    for (let t = 1; t <= 3; t++) {
      const [gradient, control] = [tf.tensor1d([1, -1]), tf.tensor1d(adamControl({ ...settings, step: t }))];
      const array = value.dataSync();
      const copy = Array.from(array);
      const old = step(gradient, control);
      expect(read(old)).toEqual(copy);
      expect(Array.from(array)).toEqual(copy);
      seen.push(read(value));
      tf.dispose([gradient, control, old]);
    }
    // Constant gradients move by the learning rate at every step.
    seen.forEach(([a, b], i) => {
      expect(a).toBeCloseTo(1 - 0.5 * (i + 1), 5);
      expect(b).toBeCloseTo(2 + 0.5 * (i + 1), 5);
    });
    expect(read(clone)).toEqual([1, 2]);
    clone.dispose();
    step.dispose();
  });

  it('shared by two compiled functions stay one state', () => {
    const state = variable(1);
    const add = compile(() => {
      state.assign(tf.add(state, 1));
    });
    const double = compile(() => {
      state.assign(tf.mul(state, 2));
    });
    add();
    double();
    add();
    double();
    expect(read(state)).toEqual([10]);
    add.dispose();
    double.dispose();
  });

  it('that were disposed are named', () => {
    const named = (name: string) => tf.tidy(() => tf.variable(tf.scalar(1), true, name));
    const [source, written] = [named('weights'), named('target')];
    const reads = compile(() => tf.add(source, 1));
    const writes = compile(() => {
      written.assign(tf.scalar(2));
    });
    reads().dispose();
    writes();
    tf.dispose([source, written]);
    expect(() => reads()).toThrow(/reads the variable 'weights', which was disposed/);
    expect(() => {
      writes();
    }).toThrow(/updates the variable 'target', which was disposed/);
    reads.dispose();
    writes.dispose();
  });

  it('of a training step follow their gradients', () => {
    const weights = variable(0.5, -0.5);
    const loss = (x: tf.Tensor) => tf.mean<tf.Scalar>(tf.square(tf.sub(tf.mul(weights, x), 1)));
    const step = compile((x: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(() => loss(x), [weights]);
      weights.assign(tf.sub(weights, tf.mul(grads[weights.name]!, 0.1)));
      return value;
    });
    const x = tf.tensor1d([2, 3]);
    // d/dw mean (w x - 1)² = (w x - 1) x, for two entries.
    let [w0, w1] = [0.5, -0.5];
    for (let i = 0; i < 5; i++) {
      const value = step(x);
      expect(read(value)[0]).toBeCloseTo(((w0 * 2 - 1) ** 2 + (w1 * 3 - 1) ** 2) / 2, 5);
      value.dispose();
      [w0, w1] = [w0 - 0.1 * (w0 * 2 - 1) * 2, w1 - 0.1 * (w1 * 3 - 1) * 3];
      expect(read(weights)[0]).toBeCloseTo(w0, 5);
      expect(read(weights)[1]).toBeCloseTo(w1, 5);
    }
    x.dispose();
    step.dispose();
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { compile, disposeNest, memory, scope, selectBackend, tf } from '../src/index.ts';

describe.each(['cpu', 'ort'] as const)('scope on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it('frees what is made inside and not returned', () => {
    const before = memory();
    const kept = scope(() => {
      const x = tf.add(tf.ones([8, 8]), tf.ones([8, 8]));
      scope(() => tf.exp(x));
      return { sums: [tf.sum(x)], name: 'a' };
    });
    expect(kept.name).toBe('a');
    expect(kept.sums[0]!.dataSync()[0]).toBe(128);
    expect(memory().tensors).toBe(before.tensors + 1);
    tf.dispose(kept.sums);
    expect(memory()).toMatchObject({ tensors: before.tensors, buffers: before.buffers, bytes: before.bytes });
  });

  it('passes over the elements of raw arrays', () => {
    const walked = Object.defineProperty(new Float32Array(2), 'seen', {
      enumerable: true,
      get: () => {
        throw new Error('the array was walked');
      },
    });
    const before = memory();
    const kept = scope(() => ({ data: walked, parts: [tf.ones([2])] }));
    expect(kept.data).toBe(walked);
    expect(kept.parts[0]!.isDisposed).toBe(false);
    disposeNest(kept);
    expect(memory().tensors).toBe(before.tensors);
  });

  it('frees everything when the function throws', () => {
    const before = memory();
    expect(() =>
      scope(() => {
        tf.ones([4]);
        throw new Error('stop');
      }),
    ).toThrow(/^stop$/);
    expect(memory().tensors).toBe(before.tensors);
  });

  it('leaves variables and kept tensors alone', () => {
    const before = memory();
    const [variable, kept] = scope(() => {
      const inside = tf.variable(tf.ones([3]));
      return [inside, tf.keep(tf.zeros([2]))] as const;
    });
    expect(memory().variables).toBe(before.variables + 1);
    expect(variable.dataSync()[0]).toBe(1);
    tf.dispose([variable, kept]);
    expect(memory().tensors).toBe(before.tensors);
  });

  it('refuses a promise', () => {
    expect(() => scope(() => Promise.resolve(1))).toThrow(/^scope: fn must be synchronous, got a promise/);
  });

  it('counts buffers shared by clones and reshapes once', () => {
    const before = memory();
    const x = tf.ones([2, 3]);
    const views = [tf.clone(x), tf.reshape(x, [6])];
    expect(memory().tensors - before.tensors).toBe(3);
    expect(memory().buffers - before.buffers).toBe(1);
    expect(memory().bytes - before.bytes).toBe(3 * 24);
    expect(memory().resident).toBeGreaterThan(1e6);
    tf.dispose([x, ...views]);
  });

  it('has nothing left of 200 compiled steps that move a variable', () => {
    const state = tf.variable(tf.zeros([64]));
    const step = compile((x: tf.Tensor) => {
      state.assign(tf.add(tf.mul(state, 0.5), x));
      return tf.sum(state);
    });
    const run = () => {
      const x = tf.ones([64]);
      tf.dispose([x, step(x)]);
    };
    run();
    const before = memory();
    for (let i = 0; i < 200; i++) run();
    const after = memory();
    expect([after.tensors, after.buffers, after.bytes]).toEqual([
      before.tensors,
      before.buffers,
      before.bytes,
    ]);
    expect(state.dataSync()[0]).toBeCloseTo(2, 6);
    step.dispose();
    state.dispose();
  });
});

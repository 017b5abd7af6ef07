import { createRequire } from 'node:module';
import { tf } from '../src/tfjs.js';
import { describe, expect, it } from 'vitest';
import { adamControl, adamUpdate, compile, embedding, registerOrtBackend } from '../src/index.ts';

const direct = (() => {
  try {
    createRequire(import.meta.url).resolve('koffi');
    return true;
  } catch {
    return false;
  }
})();

/** Rows read, items and width: so many that their gradients leave the session for a host kernel. */
const [R, V, D] = [6000, 50, 64];

/** Some steps of training; how many bytes one brought into JavaScript's arrays, and what became of the weights. */
async function train(binding: boolean): Promise<{ bytes: number; weights: Float32Array; losses: number[] }> {
  registerOrtBackend({ threads: 1, binding });
  await tf.setBackend('ort');
  const value = tf.variable(tf.randomNormal([V, D], 0, 1, 'float32', 7));
  const [m, v] = [tf.variable(tf.zeros([V, D])), tf.variable(tf.zeros([V, D]))];
  const step = compile((ids: tf.Tensor1D, control: tf.Tensor) => {
    const { value: loss, grads } = tf.variableGrads(
      () => tf.mean(tf.square(tf.sub(tf.tanh(embedding(value, ids)), 0.5))),
      [value],
    );
    adamUpdate({ value, m, v, gradient: grads[value.name]!, control });
    return loss;
  });
  const ids = tf.tensor1d(
    Int32Array.from({ length: R }, (_, i) => (i * i) % V),
    'int32',
  );
  const losses: number[] = [];
  let bytes = 0;
  for (let i = 1; i <= 5; i++) {
    const rates = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
    const control = tf.tensor1d(adamControl({ ...rates, step: i }));
    const before = process.memoryUsage().arrayBuffers;
    const loss = step(ids, control);
    bytes = process.memoryUsage().arrayBuffers - before;
    losses.push(loss.dataSync()[0]!);
    tf.dispose([loss, control]);
  }
  const weights = (value.dataSync() as Float32Array).slice();
  step.dispose();
  tf.dispose([value, m, v, ids]);
  return { bytes, weights, losses };
}

it('both roads to ONNX Runtime give the same bits', async () => {
  const [a, b] = [await train(false), await train(true)];
  expect(a.losses).toEqual(b.losses);
  expect(a.weights).toEqual(b.weights);
  expect(a.losses[4]).toBeLessThan(a.losses[0]!);
});

it.runIf(direct)('what a step computes is not copied into arrays of JavaScript', async () => {
  const rows = R * D * 4;
  expect((await train(false)).bytes).toBeLessThan(rows / 10);
  // What the binding does.
  expect((await train(true)).bytes).toBeGreaterThanOrEqual(rows);
});

describe.each([false, true])('binding: %s', (binding) => {
  const use = async (): Promise<void> => {
    registerOrtBackend({ threads: 1, binding });
    await tf.setBackend('ort');
  };

  it('takes and gives all element types, scalars and tensors without elements', async () => {
    await use();
    const f = compile((x: tf.Tensor, n: tf.Tensor, b: tf.Tensor, none: tf.Tensor) => ({
      sum: tf.add(x, tf.sum(tf.concat([none, tf.reshape(x, [1])]))),
      next: tf.add(n, tf.scalar(1, 'int32')),
      not: tf.logicalNot(b),
      none: tf.mul(none, 2),
    }));
    const inputs = [tf.scalar(3), tf.tensor1d([1, -5], 'int32'), tf.tensor1d([true, false], 'bool')] as const;
    const result = f(...inputs, tf.zeros([0]));
    expect(result.sum.arraySync()).toBe(6);
    expect(result.next.arraySync()).toEqual([2, -4]);
    expect(result.not.arraySync()).toEqual([0, 1]);
    expect(result.none.shape).toEqual([0]);
    f.dispose();
  });

  it('small arrays stay where ONNX Runtime was told they are', async () => {
    await use();
    const f = compile((x: tf.Tensor) => tf.add(x, 1));
    for (let i = 0; i < 300; i++) {
      const x = tf.tensor1d([i, -i]);
      // Scavenges move what lies among JavaScript's objects.
      Array.from({ length: 2000 }, (_, j) => ({ j }));
      const y = f(x);
      expect([...y.dataSync()]).toEqual([i + 1, 1 - i]);
      tf.dispose([x, y]);
    }
    f.dispose();
  });

  it('says what ONNX Runtime refuses', async () => {
    await use();
    const f = compile((x: tf.Tensor, i: tf.Tensor1D) => tf.gather(x, i), { name: 'pick' });
    const x = tf.tensor1d([1, 2, 3]);
    expect(() => f(x, tf.tensor1d([0, 7], 'int32'))).toThrow(/GatherV2: an index must be in \[0, 3\), got 7/);
    expect([...f(x, tf.tensor1d([2], 'int32')).dataSync()]).toEqual([3]);
    f.dispose();
  });
});

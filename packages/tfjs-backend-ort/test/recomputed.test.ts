import { tf } from '../src/tfjs.js';
import { describe, expect, it } from 'vitest';
import { compile, recomputed, registerOrtBackend } from '../src/index.ts';

const part = (x: tf.Tensor, w: tf.Tensor): tf.Tensor => tf.tanh(tf.mul(tf.exp(tf.mul(x, 0.5)), w));

/** Value and gradients of two parts, one after the other, and the nodes of the graph. */
async function results(backend: 'ort' | 'cpu', shape: number[], again: boolean) {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend(backend);
  const apply = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    again ? recomputed(part, x, { reads: w }) : part(x, w);
  const loss = (x: tf.Tensor, w: tf.Tensor): tf.Scalar => tf.sum(tf.square(apply(apply(x, w), w)));
  const step = (x: tf.Tensor, w: tf.Tensor) => ({
    loss: loss(x, w),
    gradients: tf.grads((one, other) => loss(one, other))([x, w]),
  });
  const compiled = compile(step);
  const x = tf.sin(tf.range(0, tf.util.sizeFromShape(shape), 1)).reshape(shape);
  const w = tf.cos(tf.range(0, shape.at(-1)!, 1));
  const found = (backend === 'ort' ? compiled : step)(x, w);
  const values = [found.loss, ...found.gradients].map((tensor) => [...tensor.dataSync()]);
  const nodes = compiled.programs()[0]?.nodes ?? 0;
  tf.dispose([found, x, w]);
  compiled.dispose();
  return { values, nodes };
}

describe.each(['ort', 'cpu'] as const)('recomputed on %s', (backend) => {
  it.each([[[1]], [[5]], [[3, 4]], [[2, 1, 6]]])('%j: the numbers of the plain form', async (shape) => {
    const plain = await results(backend, shape, false);
    const again = await results(backend, shape, true);
    again.values.forEach((own, i) => {
      own.forEach((value, j) => {
        expect(value).toBeCloseTo(plain.values[i]![j]!, 6);
      });
    });
    // A graph computes equal things once: here the parts must be in it twice (a fifth more nodes where they are not).
    if (backend === 'ort') expect(again.nodes).toBeGreaterThan(1.35 * plain.nodes);
  });
});

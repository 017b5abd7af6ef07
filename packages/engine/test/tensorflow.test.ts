import { beforeAll, describe, expect, it } from 'vitest';
import { machineProbes } from '../src/probes.ts';
import {
  adamControl,
  adamUpdate,
  compile,
  memory,
  randomKey,
  randomSource,
  RandomStream,
} from '../src/index.ts';
import {
  attention,
  embedding,
  gelu,
  layerNorm,
  linear,
  selectBackend,
  softmaxCrossEntropy,
  tf,
} from '../src/index.ts';

const PACKAGES = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu'] as const;
const here = PACKAGES.some((name) => machineProbes(1).installed(name).usable);
const why = here ? '' : ' (skipped: @tensorflow/tfjs-node is not installed with its binding)';

/** Losses of four steps of a one-layer transformer over ids, with dropout and AdamW. */
function losses(): number[] {
  const [B, L, D, V] = [4, 6, 32, 50];
  const random = RandomStream.fromSeed(3);
  const draw = (...shape: number[]) =>
    tf.tidy(() => {
      const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => 0.1 * random.normal());
      return tf.variable(tf.tensor(values, shape));
    });
  const [table, weight, gamma, beta] = [draw(V, D), draw(D, D), draw(D), draw(D)];
  const parameters = [table, weight, gamma, beta];
  const moments = parameters.map((p) => [draw(...p.shape), draw(...p.shape)] as const);
  for (const moment of moments.flat()) moment.assign(tf.tidy(() => tf.zerosLike(moment)));
  const step = compile((ids: tf.Tensor, labels: tf.Tensor, key: tf.Tensor, control: tf.Tensor) => {
    const source = randomSource(key);
    const { value, grads } = tf.variableGrads(() => {
      const x = tf.mul(embedding(table, ids), source.keepMask([B, L, D], 0.2));
      const hidden = layerNorm(attention(gelu(linear(x, weight)), x, x, { heads: 2 }), gamma, beta);
      const last = tf.reshape(tf.slice(hidden, [0, L - 1, 0], [B, 1, D]), [B, D]);
      return tf.mean<tf.Scalar>(softmaxCrossEntropy(linear(last, table), labels));
    }, parameters);
    parameters.forEach((parameter, i) => {
      const [m, v] = moments[i]!;
      adamUpdate({ value: parameter, m, v, gradient: grads[parameter.name]!, control });
    });
    return value;
  });
  const ids = tf.tensor2d(
    Array.from({ length: B * L }, () => random.integer(V)),
    [B, L],
    'int32',
  );
  const labels = tf.tensor1d(
    Array.from({ length: B }, () => random.integer(V)),
    'int32',
  );
  const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };
  const found: number[] = [];
  let tensors = 0;
  for (let t = 1; t <= 4; t++) {
    const key = randomKey(random, t);
    const control = tf.tensor1d(adamControl({ ...settings, step: t }));
    const loss = step(ids, labels, key, control);
    found.push(loss.dataSync()[0]!);
    tf.dispose([key, control, loss]);
    if (t === 1) tensors = memory().tensors;
  }
  expect(memory().tensors).toBe(tensors);
  step.dispose();
  tf.dispose([...parameters, ...moments.flat(), ids, labels]);
  return found;
}

describe.skipIf(!here)(`the tensorflow backend${why}`, () => {
  let reference: number[] = [];
  beforeAll(async () => {
    await selectBackend('cpu');
    reference = losses();
  });

  it('trains a transformer step to the losses of cpu and ort, and says what it runs', async () => {
    const { versions, backend, threads } = await selectBackend('tensorflow', { threads: 2 });
    expect(backend).toBe('tensorflow');
    expect(threads).toBe(Number(process.env['TF_NUM_INTRAOP_THREADS']));
    expect(versions['tensorflow']).toMatch(/^2\.\d+/);
    const found = losses();
    await selectBackend('ort');
    const compiled = losses();
    reference.forEach((loss, i) => {
      expect(Math.abs(found[i]! - loss)).toBeLessThan(1e-5 * loss);
      expect(Math.abs(compiled[i]! - loss)).toBeLessThan(1e-5 * loss);
    });
  });
});

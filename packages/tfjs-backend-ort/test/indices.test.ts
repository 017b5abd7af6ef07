import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import {
  adamControl,
  adamUpdate,
  compile,
  embedding,
  registerOrtBackend,
  softmaxCrossEntropy,
} from '../src/index.ts';

beforeAll(async () => {
  registerOrtBackend({ threads: 1 });
  await tf.setBackend('ort');
});
afterAll(() => tf.setBackend('cpu'));
afterEach(() => tf.setBackend('ort'));

const column = (ids: tf.Tensor) => tf.reshape(ids, [-1, 1]);
const matrix = () => tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);

/** Operations that read or write at two indices below 3, the operation that errors name, and what they give for 0 and 2. */
const OPERATIONS: Record<string, { of: string; run: (ids: tf.Tensor1D) => tf.Tensor; values: number[] }> = {
  gather: { of: 'GatherV2', run: (ids) => tf.gather(tf.tensor1d([1, 2, 3]), ids), values: [1, 3] },
  'gather along the second axis': {
    of: 'GatherV2',
    run: (ids) => tf.gather(matrix(), ids, 1),
    values: [1, 3, 4, 6],
  },
  'gather with batches': {
    of: 'GatherV2',
    run: (ids) => tf.gather(matrix(), column(ids), 1, 1),
    values: [1, 6],
  },
  'gather of computed ids': {
    of: 'GatherV2',
    run: (ids) => tf.gather(tf.tensor1d([1, 2, 3]), tf.neg(tf.neg(ids))),
    values: [1, 3],
  },
  'gather of many rows': {
    of: 'GatherV2',
    run: (ids) => tf.slice(tf.gather(tf.ones([3, 2000]), ids), [0, 1999]),
    values: [1, 1],
  },
  embedding: {
    of: 'embedding',
    run: (ids) => embedding(tf.tensor2d([1, 2, 3], [3, 1]), ids),
    values: [1, 3],
  },
  'gradient of embedding': {
    of: 'embedding',
    run: (ids) => tf.grad((table) => tf.sum(embedding(table, ids)))(tf.zeros([3, 1])),
    values: [1, 0, 1],
  },
  'gradient of gather': {
    of: 'GatherV2',
    run: (ids) => tf.grad((x) => tf.sum(tf.gather(x, ids)))(tf.zeros([3])),
    values: [1, 0, 1],
  },
  'gradient of gather along the second axis': {
    of: 'GatherV2',
    run: (ids) => tf.grad((x) => tf.sum(tf.gather(x, ids, 1)))(tf.zeros([2, 3])),
    values: [1, 0, 1, 1, 0, 1],
  },
  'gradient of gather with batches': {
    of: 'GatherV2',
    run: (ids) => tf.grad((x) => tf.sum(tf.gather(x, column(ids), 1, 1)))(tf.zeros([2, 3])),
    values: [1, 0, 0, 0, 0, 1],
  },
  gatherND: {
    of: 'GatherNd',
    run: (ids) => tf.gatherND(tf.tensor1d([1, 2, 3]), column(ids)),
    values: [1, 3],
  },
  softmaxCrossEntropy: {
    of: 'softmaxCrossEntropy',
    run: (ids) => tf.round(tf.mul(softmaxCrossEntropy(matrix(), ids), 100)),
    values: [241, 41],
  },
  scatterND: {
    of: 'ScatterNd',
    run: (ids) => tf.scatterND(column(ids), tf.tensor1d([8, 9]), [3]),
    values: [8, 0, 9],
  },
  tensorScatterUpdate: {
    of: 'TensorScatterUpdate',
    run: (ids) => tf.tensorScatterUpdate(tf.tensor1d([1, 2, 3]), column(ids), tf.tensor1d([8, 9])),
    values: [8, 2, 9],
  },
  sparseToDense: {
    of: 'SparseToDense',
    run: (ids) => tf.sparseToDense(ids, tf.tensor1d([8, 9]), [3], 1),
    values: [8, 1, 9],
  },
};

const WRONG = [
  [-1, 2],
  [1, 3],
  [-(2 ** 31), 0],
  [0, 2 ** 31 - 1],
  [-3, 0],
];

describe.each(Object.entries(OPERATIONS))('%s', (_name, { of, run, values }) => {
  const attempt = (f: (ids: tf.Tensor1D) => tf.Tensor, ids: number[]) =>
    tf.tidy(() => {
      const result = f(tf.tensor1d(ids, 'int32'));
      return { values: Array.from(result.dataSync()) };
    });

  it.each(['eager', 'compiled'])('%s: an index outside is an error that names all', (mode) => {
    const f = mode === 'eager' ? run : compile(run, { name: 'step' });
    expect(attempt(f, [0, 2]).values).toEqual(values);
    for (const ids of WRONG) {
      const wrong = ids.find((id) => id < 0 || id > 2)!;
      expect(() => attempt(f, ids), String(ids)).toThrow(
        new RegExp(`^${of}: an index must be in \\[0, 3\\), got ${wrong}( \\(in 'step'\\))?$`),
      );
    }
    expect(attempt(f, [0, 2]).values, 'afterwards').toEqual(values);
    if ('dispose' in f) (f as { dispose: () => void }).dispose();
  });
});

describe('indices outside', () => {
  it('leave variables and tensors as they were', () => {
    const [table, m, v] = [1, 0, 0].map((x) => tf.tidy(() => tf.variable(tf.fill([3, 1], x))));
    const moved = tf.tidy(() => tf.variable(tf.scalar(0)));
    const step = compile((ids: tf.Tensor, control: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(() => tf.sum(embedding(table!, ids)), [table!]);
      moved.assign(tf.add(moved, 1));
      adamUpdate({ value: table!, m: m!, v: v!, gradient: grads[table!.name]!, control });
      return [value, tf.clone(table!)];
    });
    const numbers = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 };
    const control = tf.tensor1d(adamControl(numbers));
    const wrong = tf.tensor1d([0, 7], 'int32');
    const before = tf.memory().numTensors;
    expect(() => step(wrong, control)).toThrow('embedding: an index must be in [0, 3), got 7');
    expect(tf.memory().numTensors).toBe(before);
    expect([table!, m!, moved].flatMap((x) => Array.from(x.dataSync()))).toEqual([1, 1, 1, 0, 0, 0, 0]);
    tf.dispose([control, wrong]);
    step.dispose();
    tf.disposeVariables();
  });

  it('are nothing to rows of softmaxCrossEntropy that a mask leaves out', () => {
    tf.tidy(() => {
      const [labels, mask] = [tf.tensor1d([-1, 2], 'int32'), tf.tensor1d([0, 1])];
      const f = (x: tf.Tensor) => tf.sum(softmaxCrossEntropy(x, labels, 0, mask));
      const logits = tf.tensor2d([NaN, 0, 0, 0, 0, 0], [2, 3]);
      expect(f(logits).dataSync()[0]).toBeCloseTo(Math.log(3), 6);
      expect(Array.from(tf.grad(f)(logits).dataSync(), (v) => Math.abs(v)).slice(0, 3)).toEqual([0, 0, 0]);
    });
  });

  it('of several axes are each checked, not only the element they lead to', () => {
    tf.tidy(() => {
      const x = tf.zeros([2, 3]);
      const at = (...tuple: number[]) => tf.tensor2d(tuple, [1, 2], 'int32');
      // Row 0, column 3 would be row 1, column 0.
      expect(() => tf.scatterND(at(0, 3), tf.tensor1d([1]), [2, 3])).toThrow(
        'ScatterNd: an index must be in [0, 3), got 3',
      );
      expect(() => tf.gatherND(x, at(0, 3))).toThrow(
        /GatherNd: an index must be in the axis of \[2, 3\] .*got 3/,
      );
      expect(() => tf.gatherND(x, at(1, -1))).toThrow(/GatherNd.*got -1/);
    });
  });

  it('are nothing to oneHot, segment sums and bincount, as in tfjs; a negative bin is an error', () => {
    tf.tidy(() => {
      const ids = tf.tensor1d([-1, 1, 3], 'int32');
      expect(Array.from(tf.oneHot(ids, 3).dataSync())).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
      expect(Array.from(tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4]), ids, 3).dataSync())).toEqual([0, 2, 0]);
      const natural = tf.tensor1d([1, 3], 'int32');
      expect(Array.from(tf.bincount(natural, tf.tensor1d([]), 3).dataSync())).toEqual([0, 1, 0]);
      expect(() => tf.bincount(ids, tf.tensor1d([]), 3)).toThrow(
        'Bincount: an index must not be negative, got -1',
      );
    });
  });

  it('are errors of our own operations on the cpu backend too', async () => {
    await tf.setBackend('cpu');
    tf.tidy(() => {
      const ids = tf.tensor1d([-1, 0], 'int32');
      expect(() => embedding(tf.ones([3, 2]), ids)).toThrow('embedding: an index must be in [0, 3), got -1');
      expect(() => softmaxCrossEntropy(tf.ones([2, 3]), ids)).toThrow(
        'softmaxCrossEntropy: an index must be in [0, 3), got -1',
      );
    });
  });
});

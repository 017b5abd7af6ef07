import { selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  binaryCrossEntropy,
  bpr,
  crossEntropy,
  inBatchExclusions,
  inBatchSoftmax,
  infoNce,
  maskedMean,
  sameItems,
} from '../src/index.ts';
import {
  describeVariants,
  differentiate,
  expectClose,
  expectGradients,
  fill,
  fixture,
  numbers,
} from './helpers.ts';

interface Case {
  value: number[];
  gradients: Record<string, number[]>;
}

interface Fixture {
  labels: number[];
  targets: number[][];
  same: number[][];
  temperature: number;
  inBatchSoftmax: { items: number[][]; counts: number[] };
}

const expected = fixture('losses.json') as Fixture;
const cases = expected as unknown as Record<string, Case>;

/** A variable with the script's numbers times a factor. */
function variable(name: string, shape: number[], factor = 1): tf.Variable {
  return tf.tidy(() => tf.variable(tf.mul(tf.tensor(fill(name, shape), shape), factor)));
}

describeVariants('losses equal PyTorch', (variant) => {
  function check(
    name: string,
    inputs: Record<string, tf.Variable>,
    others: Record<string, tf.Tensor>,
    loss: (others: Record<string, tf.Tensor>) => tf.Tensor,
  ): void {
    const wanted = cases[name]!;
    const found = differentiate(variant, Object.values(inputs), others, loss);
    expectClose(found.output, wanted.value, 1e-5, 'loss');
    expect(Object.keys(inputs)).toEqual(Object.keys(wanted.gradients));
    for (const [key, input] of Object.entries(inputs))
      expectClose(found.gradients.get(input)!, wanted.gradients[key]!, 1e-5, `gradient of ${key}`);
  }

  it.each([
    ['crossEntropy', 0],
    ['crossEntropy, smoothing 0.1', 0.1],
  ])('%s', (name, labelSmoothing) => {
    const logits = variable('logits', [4, 6], 8);
    const labels = tf.tensor1d(expected.labels, 'int32');
    check(name, { logits }, { labels }, (others) =>
      crossEntropy(logits, others['labels']!, { labelSmoothing }),
    );
  });

  it.each([
    ['binaryCrossEntropy', undefined],
    ['binaryCrossEntropy, weight 3', 3],
  ])('%s', (name, positiveWeight) => {
    const logits = variable('x', [2, 3], 8);
    const targets = tf.tensor2d(expected.targets);
    check(name, { logits }, { targets }, (others) =>
      binaryCrossEntropy(logits, others['targets']!, { positiveWeight }),
    );
  });

  it('bpr', () => {
    const positive = variable('positive', [5], 4);
    const negative = variable('negative', [5], 4);
    check('bpr', { positive, negative }, {}, () => bpr(positive, negative));
  });

  it('infoNce', () => {
    const [a, b] = [variable('a', [4, 3]), variable('b', [4, 3])];
    check('infoNce', { a, b }, {}, () => infoNce(a, b, expected.temperature));
    const same = tf.tensor2d(expected.same);
    check('infoNce, same', { a, b }, { same }, (others) =>
      infoNce(a, b, expected.temperature, { sameMask: others['same'] }),
    );
  });

  it('inBatchSoftmax', () => {
    const { items, counts } = expected.inBatchSoftmax;
    const columns = items.flat();
    const scores = variable('scores', [4, 6], 4);
    const others = {
      targets: tf.tensor1d([1, 2, 4, 5], 'int32'),
      logPopularity: tf.tensor1d(columns.map((item) => Math.log(counts[item]!))),
      padding: tf.tensor1d(columns.map((item) => (item === 0 ? 1 : 0))),
      excluded: tf.tensor2d(inBatchExclusions(Int32Array.from(columns), 2), [2, 6]),
    };
    check('inBatchSoftmax', { scores }, others, (given) =>
      inBatchSoftmax(scores, given['targets']!, {
        logPopularity: given['logPopularity'],
        padding: given['padding'],
        excluded: given['excluded'],
      }),
    );
  });

  it('masked examples give 0 and no gradient, also beside infinities', () => {
    const extreme = tf.variable(tf.tensor1d([100, -Infinity, 3, Infinity, -100]));
    const ones = tf.ones([5]);
    const mask = tf.tensor1d([1, 0, 0, 0, 1]);
    const bce = differentiate(variant, [extreme], { mask, ones }, (given) =>
      binaryCrossEntropy(extreme, given['ones'], { mask: given['mask'] }),
    );
    expectClose(bce.output, [0, 0, 0, 0, 100], 1e-6);
    const slope = fill('factors', [5]);
    expectClose(bce.gradients.get(extreme)!, [0, 0, 0, 0, -slope[4]!], 1e-6);

    const other = tf.zeros([5]);
    const ranked = differentiate(variant, [extreme], { mask, other }, (given) =>
      bpr(extreme, given['other'], { mask: given['mask'] }),
    );
    expectClose(ranked.output, [0, 0, 0, 0, 100], 1e-6);
    expectClose(ranked.gradients.get(extreme)!, [0, 0, 0, 0, -slope[4]!], 1e-6);

    const logits = tf.variable(
      tf.tensor2d([
        [1, -Infinity, 1],
        [-Infinity, 2, 0],
        [0, 0, 0],
      ]),
    );
    const labels = tf.tensor1d([0, 0, 1], 'int32');
    const rows = tf.tensor1d([1, 0, 1]);
    const ce = differentiate(variant, [logits], { labels, rows }, (given) =>
      crossEntropy(logits, given['labels'], { mask: given['rows'] }),
    );
    expectClose(ce.output, [Math.LN2, 0, Math.log(3)], 1e-6);
    const [f0, , f2] = fill('factors', [3]);
    expectClose(
      ce.gradients.get(logits)!,
      [-f0! / 2, 0, f0! / 2, 0, 0, 0, f2! / 3, (-2 * f2!) / 3, f2! / 3],
      1e-6,
    );
  });

  it('masked examples may hold NaN, and labels of no class', () => {
    const clean = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite);
    const mask = tf.tensor1d([1, 0, 1]);
    const logits = tf.variable(tf.tensor2d([1, 2, 3, NaN, NaN, NaN, 0, 0, 0], [3, 3]));
    const labels = tf.tensor1d([0, -1, 1], 'int32');
    for (const labelSmoothing of [0, 0.1]) {
      const ce = differentiate(variant, [logits], { labels, mask }, (given) =>
        crossEntropy(logits, given['labels'], { mask: given['mask'], labelSmoothing }),
      );
      expect([ce.output[1], clean(ce.output), clean(ce.gradients.get(logits)!)]).toEqual([0, true, true]);
      expect(
        Array.from(ce.gradients.get(logits)!)
          .slice(3, 6)
          .every((v) => v === 0),
      ).toBe(true);
    }
    const inBatch = differentiate(variant, [logits], { labels, mask }, (given) =>
      inBatchSoftmax(logits, given['labels'], { mask: given['mask'] }),
    );
    expect([clean(inBatch.output), clean(inBatch.gradients.get(logits)!)]).toEqual([true, true]);

    const [x, z] = [tf.variable(tf.tensor1d([1, NaN, 2])), tf.tensor1d([1, NaN, 0])];
    const bce = differentiate(variant, [x], { mask, z }, (given) =>
      binaryCrossEntropy(x, given['z'], { mask: given['mask'] }),
    );
    expect([clean(bce.output), clean(bce.gradients.get(x)!)]).toEqual([true, true]);

    const rows = () => tf.variable(tf.tensor2d([1, 2, NaN, NaN, 3, 4], [3, 2]));
    const [a, b] = [rows(), rows()];
    const contrast = differentiate(variant, [a, b], { mask }, (given) =>
      infoNce(a, b, 0.5, { mask: given['mask'] }),
    );
    expect([contrast.output, contrast.gradients.get(a)!, contrast.gradients.get(b)!].map(clean)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('infoNce leaves masked rows out of everything', () => {
    const [a, b] = [variable('a', [4, 3]), variable('b', [4, 3])];
    const mask = tf.tensor1d([1, 1, 0, 1]);
    const found = differentiate(variant, [a, b], { mask }, (given) =>
      infoNce(a, b, 0.5, { mask: given['mask'] }),
    );
    const rows = tf.tensor1d([0, 1, 3], 'int32');
    const wanted = infoNce(tf.gather(a, rows), tf.gather(b, rows), 0.5);
    const [x, y, z] = numbers(wanted);
    expectClose(found.output, [x!, y!, 0, z!], 1e-5);
    expect(
      [...found.gradients.get(a)!.slice(6, 9), ...found.gradients.get(b)!.slice(6, 9)].map(Math.abs),
    ).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('losses', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('in-batch softmax of the published example', () => {
    const vectors = [
      [9, 9],
      [1, 0],
      [0, 1],
      [1, 1],
      [-1, 1],
      [0.5, -0.5],
    ];
    const popularity = [1, 0.3, 0.3, 0.1, 0.2, 0.1];
    const columns = [0, 1, 2, 3, 2, 4, 1, 5];
    const rows = [7, 7, 0.2, 0.4, 0.6, 0.1, 0.3, 0.3, -0.2, 0.5, 0.9, -0.1];
    const scores = tf.matMul(
      tf.tensor2d(rows, [6, 2]),
      tf.tensor2d(columns.map((item) => vectors[item]!)),
      false,
      true,
    );
    const mask = tf.tensor1d([0, 1, 1, 1, 1, 1]);
    const losses = inBatchSoftmax(scores, tf.tensor1d([1, 2, 3, 5, 6, 7], 'int32'), {
      logPopularity: tf.tensor1d(columns.map((item) => Math.log(popularity[item]!))),
      padding: tf.tensor1d(columns.map((item) => (item === 0 ? 1 : 0))),
      excluded: tf.tensor2d(inBatchExclusions(Int32Array.from(columns), 2), [2, 8]),
      mask,
    });
    expectClose(
      numbers(losses),
      [0, 1.3981458808, 0.5812236518, 1.5356272255, 1.7827462742, 0.8543552444],
      1e-6,
    );
    expect(maskedMean(losses, mask).dataSync()[0]).toBeCloseTo(1.2304196553, 6);
  });

  it('binary cross-entropy of the published sequence example', () => {
    const mask = tf.tensor1d([0, 1, 1]);
    const positive = binaryCrossEntropy(tf.tensor1d([2, -1, 0.5]), tf.ones([3]), { mask });
    const negative = binaryCrossEntropy(tf.tensor1d([0.3, -0.7, 1.2]), tf.zeros([3]), { mask });
    const loss = tf.add(maskedMean(positive, mask), maskedMean(negative, mask));
    expect(loss.dataSync()[0]).toBeCloseTo(1.826903594, 6);
  });

  it('knows which items a sequence contains', () => {
    expect([...inBatchExclusions(Int32Array.of(1, 2, 2, 3), 2)]).toEqual([1, 1, 1, 0, 0, 1, 1, 1]);
    expect(() => inBatchExclusions(new Int32Array(5), 2)).toThrow('sequences must divide the 5 items, got 2');
    expect([...sameItems(tf.tensor1d([4, 5, 4], 'int32')).dataSync()]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('means nothing as 0', () => {
    expect(maskedMean(tf.tensor1d([1, 2]), tf.zeros([2])).dataSync()[0]).toBe(0);
    expect(maskedMean(tf.tensor1d([1, 2])).dataSync()[0]).toBe(1.5);
    expect(maskedMean(tf.tensor1d([1, NaN, 4]), tf.tensor1d([1, 0, 1])).dataSync()[0]).toBe(2.5);
  });

  it('gradients by finite differences', () => {
    const logits = variable('logits', [3, 4], 4);
    const labels = tf.tensor1d([3, 0, 1], 'int32');
    const mask = tf.tensor1d([1, 0, 1]);
    expectGradients([logits], () => crossEntropy(logits, labels, { labelSmoothing: 0.2, mask }));
    const targets = tf.tensor2d(fill('targets', [3, 4]), [3, 4]).add(0.5);
    expectGradients([logits], () => binaryCrossEntropy(logits, targets, { positiveWeight: 2 }));
    const other = variable('other', [3, 4], 4);
    expectGradients([logits, other], () => bpr(logits, other));
    const temperature = tf.variable(tf.scalar(0.7));
    expectGradients([logits, other, temperature], () =>
      infoNce(logits, other, temperature, {
        mask,
        sameMask: tf.tensor2d([1, 1, 0, 1, 1, 0, 0, 0, 1], [3, 3]),
      }),
    );
    expectGradients([logits], () =>
      inBatchSoftmax(logits, labels, {
        logPopularity: tf.tensor1d([-1, -2, -3, -4]),
        excluded: tf.tensor2d([1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1], [3, 4]),
      }),
    );
  });

  it('refuses shapes that do not fit', () => {
    const a = tf.zeros([2, 3]);
    expect(() => binaryCrossEntropy(a, tf.zeros([3]))).toThrow(
      'binaryCrossEntropy: targets must have shape [2, 3], got [3]',
    );
    expect(() => bpr(a, a, { mask: tf.zeros([2]) })).toThrow('bpr: mask must have shape [2, 3], got [2]');
    expect(() => infoNce(a, tf.zeros([2, 4]), 1)).toThrow('infoNce: a and b must both be [B, D]');
    expect(() => infoNce(a, a, 1, { sameMask: tf.zeros([3, 3]) })).toThrow('sameMask must be [2, 2]');
    const labels = tf.zeros([2], 'int32');
    expect(() => crossEntropy(a, labels, { labelSmoothing: 1 })).toThrow('labelSmoothing must be in [0, 1)');
    expect(() => inBatchSoftmax(a, labels, { padding: tf.zeros([2]) })).toThrow(
      'padding must be [3], got [2]',
    );
    expect(() => inBatchSoftmax(a, labels, { excluded: tf.zeros([3, 3]) })).toThrow('G dividing 2');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tf } from '../src/tfjs.js';
import {
  blockedCrossEntropy,
  compile,
  registerOrtBackend,
  softmaxCrossEntropy,
  type BlockedCrossEntropyInputs,
  type BlockInputs,
} from '../src/index.ts';
import { columnBlocks } from '../src/ops/blocks.ts';
import { noise } from './support/cases.ts';
import { ids, repeated } from './support/exact.ts';
import { expectClose } from './support/harness.ts';
import { profileFolder } from './support/large.ts';

beforeAll(() => {
  registerOrtBackend({ threads: 2 });
});
afterAll(() => tf.setBackend('cpu'));

const [B, C, D] = [5, 23, 4];

/** Scores with all that may stand in them: two tables, rows without a gradient, a shared factor, a softmax of two. */
function logits(queries: tf.Tensor2D, { tables, constants, shared, keep }: BlockInputs): tf.Tensor2D {
  const [a, b] = tables.map((table) => keep(tf.matMul(queries, table as tf.Tensor2D, false, true))) as [
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const difference = tf.sub(a, b);
  const gate = tf.sigmoid(tf.mul(difference, shared[0]!));
  return tf.add(tf.add(b, tf.mul(gate, difference)), tf.reshape(constants[0]!, [1, -1]));
}

interface Variant {
  name: string;
  given: Partial<BlockedCrossEntropyInputs>;
}

const flags = Uint8Array.from({ length: C }, (_, c) => Number(c % 4 !== 1 && (c < 8 || c > 15)));
const variants = (): Variant[] => [
  { name: 'all classes', given: {} },
  { name: 'a padding row', given: { first: 1 } },
  // Blocks of 4 hold no class at all here.
  { name: 'rows that are no class', given: { valid: tf.tensor1d(flags, 'bool') } },
  { name: 'label smoothing', given: { labelSmoothing: 0.2 } },
  {
    name: 'everything',
    given: { first: 1, valid: tf.tensor1d(flags, 'bool'), labelSmoothing: 0.3 },
  },
];

/** Inputs of a block before it has a way to keep products. */
type Rows = Omit<BlockInputs, 'keep'>;

/** The same by whole matrices. */
function plain(
  queries: tf.Tensor2D,
  inputs: Rows,
  labels: tf.Tensor,
  { first = 0, valid, labelSmoothing = 0 }: Partial<BlockedCrossEntropyInputs>,
): tf.Tensor {
  const kept = Array.from({ length: C }, (_, c) => c).filter((c) => c >= first && (!valid || flags[c]));
  const pick = tf.tensor1d(kept, 'int32');
  const own = tf.tensor1d(
    Int32Array.from(labels.dataSync(), (label) => Math.max(kept.indexOf(label), 0)),
    'int32',
  );
  const scores = tf.gather(logits(queries, { ...inputs, keep: (x) => x }), pick, 1);
  const counts = tf.cast(tf.greaterEqual(labels, tf.scalar(0, 'int32')), 'float32');
  return tf.mul(softmaxCrossEntropy(scores, own, labelSmoothing), counts);
}

describe.each(['cpu', 'ort'])('blockedCrossEntropy on %s', (backend) => {
  beforeAll(() => tf.setBackend(backend));

  const world = () => ({
    queries: tf.tensor2d(noise(B * D), [B, D]),
    tables: [tf.tensor2d(noise(C * D, 1), [C, D]), tf.tensor2d(noise(C * D, 2), [C, D])],
    constants: [tf.tensor2d(noise(C, 3), [C, 1])],
    shared: [tf.scalar(0.7)],
    labels: tf.tensor1d([3, 16, -1, 22, 4], 'int32'),
    dy: tf.tensor1d(noise(B, 4)),
  });

  it.each([1, 4, 7, 23, undefined])('equals the whole matrix in blocks of %s', (width) => {
    const { queries, tables, constants, shared, labels, dy } = world();
    for (const { name, given } of variants()) {
      const gradients = (loss: (q: tf.Tensor2D, inputs: Rows) => tf.Tensor) => {
        const of = tf.valueAndGrads((q: tf.Tensor, a: tf.Tensor, b: tf.Tensor, s: tf.Tensor) =>
          tf.sum(tf.mul(loss(q as tf.Tensor2D, { tables: [a, b], constants, shared: [s] }), dy)),
        );
        const { value, grads } = of([queries, ...tables, ...shared]);
        return [value, ...grads];
      };
      const blocked = (q: tf.Tensor2D, inputs: Rows): tf.Tensor =>
        blockedCrossEntropy(q, { ...inputs, labels, logits, width, ...given });
      const want = gradients((q, inputs) => plain(q, inputs, labels, given));
      const eager = gradients(blocked);
      const compiled = backend === 'ort' ? compile(() => gradients(blocked))() : eager;
      want.forEach((tensor, i) => {
        const values = tensor.dataSync();
        expectClose(eager[i]!.dataSync(), values, 1e-5, `${name}, result ${i}`);
        expectClose(compiled[i]!.dataSync(), values, 1e-5, `${name}, result ${i}, compiled`);
      });
    }
  });

  it('has the gradient that finite differences have', () => {
    const { queries, tables, constants, shared, labels } = world();
    const inputs = [queries, ...tables, ...shared];
    const loss = ([q, a, b, s]: tf.Tensor[]): tf.Tensor =>
      tf.sum(
        blockedCrossEntropy(q as tf.Tensor2D, {
          tables: [a!, b!],
          constants,
          shared: [s!],
          labels,
          logits,
          labelSmoothing: 0.1,
          width: 5,
        }),
      );
    const grads = tf.grads((...x: tf.Tensor[]) => loss(x))(inputs);
    const step = 1e-2;
    inputs.forEach((input, i) => {
      const values = input.dataSync();
      for (const at of [0, values.length >> 1, values.length - 1]) {
        const moved = (by: number): number => {
          const next = Float32Array.from(values);
          next[at]! += by;
          return loss(inputs.map((x, k) => (k === i ? tf.tensor(next, x.shape) : x))).dataSync()[0]!;
        };
        const slope = (moved(step) - moved(-step)) / (2 * step);
        expect(Math.abs(grads[i]!.dataSync()[at]! - slope), `input ${i} at ${at}`).toBeLessThan(5e-3);
      }
    });
  });

  it('scores by products with one table, and says what is wrong', () => {
    const { queries, tables, labels } = world();
    const scores = tf.matMul(queries, tables[0] as tf.Tensor2D, false, true);
    const wanted = tf.maximum(labels, tf.scalar(0, 'int32'));
    expectClose(
      blockedCrossEntropy(queries, { tables: [tables[0]!], labels: wanted, width: 6 }).dataSync(),
      softmaxCrossEntropy(scores, wanted).dataSync(),
      1e-6,
    );
    expect(() => blockedCrossEntropy(queries, { tables, labels })).toThrow(/logits must be given/);
    expect(() => blockedCrossEntropy(queries, { tables: [tables[0]!], labels: tf.zeros([B]) })).toThrow(
      /labels must be int32 \[5\], got float32/,
    );
    expect(() => blockedCrossEntropy(queries, { tables: [tables[0]!], labels, first: C })).toThrow(
      /first must be in 0..22, got 23/,
    );
  });

  it.each(['loss', 'gradient'])('refuses a label that is no class, in the %s alone', (what) => {
    const { queries, tables } = world();
    const run = (first: number) => (labels: tf.Tensor) => {
      const loss = (q: tf.Tensor) =>
        tf.sum(blockedCrossEntropy(q as tf.Tensor2D, { tables: [tables[0]!], labels, first, width: 6 }));
      return what === 'loss' ? loss(queries) : tf.grad(loss)(queries);
    };
    for (const first of [0, 2]) {
      const f = backend === 'ort' ? compile(run(first)) : run(first);
      const name = first === 0 ? 'blockedCrossEntropy' : 'blockedCrossEntropy, labels counted from row 2';
      const attempt = (label: number) => f(tf.tensor1d([3, label, -1, C - 1, 4], 'int32')).dataSync();
      for (const label of [C, 2 ** 31 - 1, ...(first > 0 ? [0, 1] : [])])
        expect(() => attempt(label)).toThrow(
          `${name}: an index must be in [0, ${C - first}), got ${label - first}`,
        );
      for (const label of [first, C - 1, -1, -(2 ** 31)])
        for (const value of attempt(label)) expect(value).not.toBeNaN();
    }
  });

  it('is NaN where a row of logits has a NaN, wherever it stands, and nowhere else', () => {
    const { queries, tables, labels } = world();
    for (const at of [0, 7, C - 1]) {
      const values = Float32Array.from(tables[0]!.dataSync());
      values[at * D] = NaN;
      const poisoned = Float32Array.from(queries.dataSync());
      poisoned[D] = NaN;
      const loss = (q: tf.Tensor2D, t: tf.Tensor): number[] =>
        Array.from(blockedCrossEntropy(q, { tables: [t], labels, width: 6 }).dataSync());
      const nanAt = (found: number[]): boolean[] => found.map((value) => Number.isNaN(value));
      expect(nanAt(loss(queries, tf.tensor2d(values, [C, D])))).toEqual([true, true, false, true, true]);
      const one = nanAt(loss(tf.tensor2d(poisoned, [B, D]), tables[0]!));
      expect(one).toEqual([false, true, false, false, false]);
    }
  });

  it('leaves no tensor behind', () => {
    const { queries, tables, labels } = world();
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const { grads } = tf.valueAndGrads((q: tf.Tensor, t: tf.Tensor) =>
        tf.sum(blockedCrossEntropy(q as tf.Tensor2D, { tables: [t], labels, width: 4 })),
      )([queries, tables[0]!]);
      return grads.length;
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('blockedCrossEntropy compiled', () => {
  beforeAll(() => tf.setBackend('ort'));

  const step = (whole: boolean) => (q: tf.Tensor, t: tf.Tensor, labels: tf.Tensor) => {
    const { value, grads } = tf.valueAndGrads((x: tf.Tensor, table: tf.Tensor) =>
      tf.mean<tf.Scalar>(
        whole
          ? softmaxCrossEntropy(tf.matMul(x as tf.Tensor2D, table as tf.Tensor2D, false, true), labels)
          : blockedCrossEntropy(x as tf.Tensor2D, { tables: [table], labels, keptBytes: 0 }),
      ),
    )([q, t]);
    return [value, ...grads];
  };

  it('has the same bits at every run, and less memory than the whole matrix', () => {
    const [rows, classes, width] = [512, 80_000, 4];
    const inputs: Parameters<typeof repeated>[1] = [
      [noise(rows * width), [rows, width]],
      [noise(classes * width, 1), [classes, width]],
      [ids(rows, classes), [rows]],
    ];
    const peak = (): number => process.resourceUsage().maxRSS / 1024;
    const start = peak();
    const blocked = repeated(step(false), inputs);
    const grown = peak() - start;
    const whole = repeated(step(true), inputs);
    // The whole matrix has 156 MiB and is there several times over; a block has 2 MiB.
    expect(peak() - start).toBeGreaterThan(grown + 250);
    blocked.forEach((values, i) => {
      expectClose(values, whole[i]!, 1e-5, `result ${i}`);
    });
    expect(Math.abs(blocked[0]![0]! / whole[0]![0]! - 1)).toBeLessThan(1e-6);
  });

  it('cuts any number of columns into at most 64 blocks', () => {
    expect(columnBlocks(512, 1_000_000).length).toBeLessThanOrEqual(64);
    expect(columnBlocks(512, 3000).map(({ size }) => size)).toEqual([1024, 1024, 952]);
    expect(columnBlocks(3, 10, 4)).toEqual([
      { start: 0, size: 4 },
      { start: 4, size: 4 },
      { start: 8, size: 2 },
    ]);
    expect(() => columnBlocks(3, 10, 0)).toThrow(/width must be a positive integer, got 0/);
  });
});

/** Queries, a table, and what makes a class's row of a table's. */
const oneTable = () => ({
  queries: tf.tensor2d(noise(B * D), [B, D]),
  table: tf.tensor2d(noise(C * D, 1), [C, D]),
  adapter: tf.tensor2d(noise(D * D, 2), [D, D]),
  labels: tf.tensor1d([3, 16, -1, 22, 4], 'int32'),
});

it('makes a block after the one before, forward and backward, so that one alone is alive', async () => {
  const profiles = profileFolder();
  registerOrtBackend({ threads: 1, profile: profiles.prefix });
  await tf.setBackend('ort');
  const { queries, table, adapter, labels } = oneTable();
  const given: Partial<BlockedCrossEntropyInputs> = { labels, width: 8, keptBytes: 0 };
  /** Products before each exponential, of which a block has one in each direction, and after the last. */
  const products = (loss: (q: tf.Tensor2D, x: tf.Tensor2D) => tf.Tensor, x: tf.Tensor2D): number[] => {
    const step = compile(() =>
      tf.grads((q: tf.Tensor, w: tf.Tensor) => tf.sum(loss(q as tf.Tensor2D, w as tf.Tensor2D)))([
        queries,
        x,
      ]),
    );
    step();
    step.dispose();
    const marks = profiles
      .takeOperators()
      .map((op) => (op.endsWith('MatMul') ? 'M' : op === 'Exp' ? '|' : ''));
    return marks
      .join('')
      .split('|')
      .map(({ length }) => length);
  };
  // Three blocks, the total over blocks, and the three again: a product each, then those of the two gradients.
  const ofTable = (q: tf.Tensor2D, t: tf.Tensor2D) =>
    blockedCrossEntropy(q, { ...given, labels, tables: [t] });
  expect(products(ofTable, table)).toEqual([1, 1, 1, 0, 1, 3, 3, 2]);
  // A block's rows are products as well, with the gradient of one factor.
  const adapted = (q: tf.Tensor2D, w: tf.Tensor2D) =>
    blockedCrossEntropy(q, {
      ...{ ...given, labels, tables: [], constants: [table], shared: [w] },
      logits: (rows, { constants, shared }) =>
        tf.matMul(rows, tf.matMul(constants[0] as tf.Tensor2D, shared[0] as tf.Tensor2D), false, true),
    });
  expect(products(adapted, adapter)).toEqual([2, 2, 2, 0, 2, 5, 5, 3]);
  profiles.remove();
  registerOrtBackend({ threads: 2 });
});

it('keeps the products of all blocks where there is room for them, to the same bits', async () => {
  const profiles = profileFolder();
  registerOrtBackend({ threads: 1, profile: profiles.prefix });
  await tf.setBackend('ort');
  const { queries, table, labels } = oneTable();
  const results = (keptBytes: number | undefined) => {
    const step = compile(() =>
      tf.grads((q: tf.Tensor, t: tf.Tensor) =>
        tf.sum(blockedCrossEntropy(q as tf.Tensor2D, { tables: [t], labels, width: 12, keptBytes })),
      )([queries, table]),
    );
    const values = step().map((gradient) => [...gradient.dataSync()]);
    step.dispose();
    return { values, products: profiles.takeOperators().filter((op) => op.endsWith('MatMul')).length };
  };
  // A block of 12 and one of 11, of which the first is looked at.
  const bytes = 2 * B * 12 * 4;
  const [never, almost, all, usual] = [0, bytes - 1, bytes, undefined].map(results);
  // Two of a block are its gradients', one the forward pass's, and one is made again.
  expect([never, almost, all, usual].map((result) => result!.products)).toEqual([8, 8, 6, 6]);
  for (const other of [almost, all, usual]) expect(other!.values).toEqual(never!.values);
  profiles.remove();
  registerOrtBackend({ threads: 2 });
});

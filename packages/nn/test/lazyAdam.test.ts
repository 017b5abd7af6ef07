import { compile, embedding, rowGrads, tf } from '@ferry/engine';
import { describe, expect, it } from 'vitest';
import { createOptimizer, parameter } from '../src/index.ts';
import { describeVariants, expectClose, fixture } from './helpers.ts';

interface Result {
  losses: number[];
  value: number[];
  m: number[];
  v: number[];
}
const {
  sizes: { V, D },
  batches,
  ...torch
} = fixture('sparseAdam.json') as {
  sizes: { V: number; D: number };
  batches: number[][];
  sparse: Result;
  dense: Result;
};
const settings = { kind: 'adam', learningRate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-3 } as const;
const first = Float32Array.from({ length: V * D }, (_, i) => Math.sin(i));

/** The updates of the parity script; `parts` reads a batch by several gathers. */
function train(lazy: boolean, compiled: boolean, parts = 1): Result {
  const table = parameter(first.slice(), [V, D]);
  const optimizer = createOptimizer(
    { ...settings, ...(lazy && { lazy: ['items'] }) },
    new Map([['items', table]]),
  );
  const body = (ids: tf.Tensor, target: tf.Tensor): tf.Tensor => {
    const loss = (): tf.Scalar => {
      const some = parts === 1 ? [ids] : tf.split(ids, parts);
      return tf.mean(tf.square(tf.sub(tf.concat(some.map((x) => embedding(table, x))), target)));
    };
    const { value, grads, rows } = lazy
      ? rowGrads(loss, [table], [table])
      : { ...tf.variableGrads(loss, [table]), rows: {} };
    optimizer.apply(grads, rows);
    return value;
  };
  const step = compile(body);
  const before = tf.memory().numTensors;
  const losses = batches.map((batch, number) => {
    const size = batch.length * D;
    const ids = tf.tensor1d(batch, 'int32');
    const target = tf.tensor2d(
      Float32Array.from({ length: size }, (_, i) => Math.cos(i + number)),
      [batch.length, D],
    );
    optimizer.advance(number);
    const value = compiled ? step(ids, target) : tf.tidy(() => body(ids, target));
    const loss = value.dataSync()[0]!;
    tf.dispose([ids, target, value]);
    return loss;
  });
  expect(tf.memory().numTensors).toBe(before);
  const state = optimizer.state();
  const read = (x: tf.Tensor): number[] => [...x.dataSync()];
  const result = {
    losses,
    value: read(table),
    m: read(state.get('m.items')!),
    v: read(state.get('v.items')!),
  };
  step.dispose();
  optimizer.dispose();
  table.dispose();
  return result;
}

describeVariants('lazy Adam', ({ compiled }) => {
  it.each([1, 2])('moves rows as torch.optim.SparseAdam does, batches read in %i parts', (parts) => {
    const run = train(true, compiled, parts);
    for (const key of ['losses', 'value', 'm', 'v'] as const) expectClose(run[key], torch.sparse[key], 1e-5);
    // rows 4 and 6 are never read
    for (const row of [4, 6])
      expect(run.value.slice(row * D, (row + 1) * D)).toEqual([...first.subarray(row * D, (row + 1) * D)]);
  });

  it('differs from dense Adam, which moves rows on that are no longer read', () => {
    const run = train(false, compiled);
    expectClose(run.value, torch.dense.value, 1e-5);
    expect(Math.abs(torch.dense.value[3 * D]! - torch.sparse.value[3 * D]!)).toBeGreaterThan(1e-3);
  });

  it('refuses a table that the loss also reads whole, and one without rows', () => {
    const table = parameter(first.slice(), [V, D]);
    const ids = tf.tensor1d([1, 2], 'int32');
    expect(() =>
      tf.tidy(
        () =>
          rowGrads(() => tf.add(tf.sum(embedding(table, ids)), tf.sum<tf.Scalar>(table)), [], [table]).value,
      ),
    ).toThrow(/must be read by embedding alone/);
    const optimizer = createOptimizer({ kind: 'adam', lazy: ['items'] }, new Map([['items', table]]));
    expect(() => optimizer.apply({})).toThrow(/got none of rows for items/);
    optimizer.dispose();
    tf.dispose([table, ids]);
  });
});

describe('lazy Adam on ort', () => {
  it('moves many wide rows as a literal version does, and leaves the rest as it is to the bit', async () => {
    await tf.setBackend('ort');
    const [count, width, n] = [3000, 37, 1500];
    const start = Float32Array.from({ length: count * width }, (_, i) => Math.sin(i * 0.37));
    const ids = Int32Array.from({ length: n }, (_, i) => (i * i * 7) % 1009);
    const slopes = Float32Array.from({ length: n * width }, (_, i) => Math.cos(i * 0.11));
    const table = parameter(start.slice(), [count, width]);
    const other = parameter(new Float32Array([0.5]), [1]);
    const optimizer = createOptimizer(
      { ...settings, lazy: ['items'] },
      new Map([
        ['items', table],
        ['bias', other],
      ]),
    );
    const step = compile((x: tf.Tensor, dy: tf.Tensor) => {
      const { value, grads, rows } = rowGrads(
        () => tf.sum<tf.Scalar>(tf.mul(tf.add(embedding(table, x), other), dy)),
        [table, other],
        [table],
      );
      optimizer.apply(grads, rows);
      return value;
    });
    const inputs = [tf.tensor1d(ids, 'int32'), tf.tensor2d(slopes, [n, width])] as const;
    const [m, v, value] = [
      new Float64Array(count * width),
      new Float64Array(count * width),
      Float64Array.from(start),
    ];
    for (let t = 1; t <= 3; t++) {
      optimizer.advance(t - 1);
      step(...inputs).dispose();
      const sums = new Map<number, Float64Array>();
      ids.forEach((id, i) => {
        const sum = sums.get(id) ?? new Float64Array(width);
        for (let j = 0; j < width; j++) sum[j]! += slopes[i * width + j]!;
        sums.set(id, sum);
      });
      for (const [id, sum] of sums)
        for (let j = 0; j < width; j++) {
          const at = id * width + j;
          m[at] = 0.8 * m[at]! + 0.2 * sum[j]!;
          v[at] = 0.95 * v[at]! + 0.05 * sum[j]! ** 2;
          const size = (0.05 * Math.sqrt(1 - 0.95 ** t)) / (1 - 0.8 ** t);
          value[at]! -= (size * m[at]) / (Math.sqrt(v[at]) + 1e-3);
        }
    }
    const got = table.dataSync();
    expectClose([...got], [...value], 1e-5);
    const touched = new Set(ids);
    for (let id = 0; id < count; id++)
      if (!touched.has(id))
        expect(got.subarray(id * width, (id + 1) * width)).toEqual(
          start.subarray(id * width, (id + 1) * width),
        );
    expect(step.programs()[0]!.signature).toContain('float32');
    step.dispose();
    optimizer.dispose();
    tf.dispose([...inputs, table, other]);
  });

  it('goes with Adam alone, without decay and clipping', () => {
    const table = parameter(first.slice(), [V, D]);
    const named = new Map([['items', table]]);
    expect(() => createOptimizer({ kind: 'sgd', lazy: ['items'] }, named)).toThrow(/lazy goes with adam/);
    expect(() => createOptimizer({ kind: 'adam', lazy: ['items'], clipNorm: 1 }, named)).toThrow(
      /clipNorm 1/,
    );
    expect(() => createOptimizer({ kind: 'adamw', lazy: ['items'], weightDecay: 0.1 }, named)).toThrow(
      /a table \[V, D\] without weight decay, got items \[9, 6\] with 0.1/,
    );
    expect(() => createOptimizer({ kind: 'adam', lazy: ['users'] }, named)).toThrow(
      /got "users" among items/,
    );
    table.dispose();
  });
});

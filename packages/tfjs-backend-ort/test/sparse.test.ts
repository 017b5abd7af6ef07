import { tf } from '../src/tfjs.js';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import {
  compile,
  disposeSparse,
  registerOrtBackend,
  sparseMatMul,
  sparseMatrix,
  sparsePolynomial,
  withValues,
  type SparseEntries,
  type SparseMatrix,
} from '../src/index.ts';
import { expectClose } from './support/harness.ts';
import { noise } from './support/cases.ts';

/** A matrix with about `density` of its entries, some rows and columns empty. */
function entries(R: number, C: number, density: number, symmetric = false): SparseEntries {
  const dense = (r: number, c: number): number => {
    const [a, b] = symmetric && r > c ? [c, r] : [r, c];
    const mixed = Math.imul(a * 7919 + b * 104729 + 13, 0x9e3779b1) >>> 8;
    return a % 11 === 5 || b % 13 === 4 || mixed / 2 ** 24 > density ? 0 : ((mixed % 1000) - 500) / 700;
  };
  const starts = [0];
  const columns: number[] = [];
  const values: number[] = [];
  for (let r = 0; r < R; r++) {
    for (let c = 0; c < C; c++) {
      const value = dense(r, c);
      if (value === 0) continue;
      columns.push(c);
      values.push(value);
    }
    starts.push(columns.length);
  }
  return {
    shape: [R, C],
    starts: Int32Array.from(starts),
    columns: Int32Array.from(columns),
    values: Float32Array.from(values),
  };
}

function denseOf({ shape: [R, C], starts, columns, values }: SparseEntries): number[][] {
  const matrix = Array.from({ length: R }, () => new Array<number>(C).fill(0));
  for (let r = 0; r < R; r++)
    for (let e = starts[r]!; e < starts[r + 1]!; e++) matrix[r]![columns[e]!] = values[e]!;
  return matrix;
}

/** Σ weights[k] A^k x in double precision, and of the transpose. */
function literal(A: number[][], x: number[][], weights: readonly number[]): number[][] {
  const product = (y: number[][]): number[][] =>
    A.map((row) => x[0]!.map((_, j) => row.reduce((sum, value, c) => sum + value * y[c]![j]!, 0)));
  const width = x[0]!.length;
  let power = x;
  let sum = A.map((_, r) => Array.from({ length: width }, (_, j) => weights[0]! * (x[r]?.[j] ?? 0)));
  for (const weight of weights.slice(1)) {
    power = product(power);
    sum = sum.map((row, r) => row.map((value, j) => value + weight * power[r]![j]!));
  }
  return sum;
}
const transposed = (A: number[][]): number[][] => A[0]!.map((_, c) => A.map((row) => row[c]!));
const rowsOf = (flat: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: flat.length / width }, (_, r) =>
    Array.from({ length: width }, (_, j) => flat[r * width + j]!),
  );

beforeAll(() => {
  registerOrtBackend({ threads: 2 });
});
afterAll(() => tf.setBackend('cpu'));

const CASES = [
  { name: 'product', R: 23, C: 17, width: 7, weights: [0, 1] },
  { name: 'product with a factor', R: 23, C: 17, width: 36, weights: [0, -2.5] },
  { name: 'layers', R: 40, C: 40, width: 64, weights: [1, 1, 1, 1] },
  { name: 'layers of a symmetric matrix', R: 40, C: 40, width: 33, weights: [1, 1, 1], symmetric: true },
  { name: 'any weights', R: 31, C: 31, width: 5, weights: [0.5, 0, -1, 0.25] },
  { name: 'no power', R: 9, C: 9, width: 3, weights: [2] },
  { name: 'one column', R: 9, C: 12, width: 1, weights: [0, 1] },
];

describe.each(['cpu', 'ort', 'ort compiled'])('sparse products on %s', (where) => {
  beforeAll(() => tf.setBackend(where.split(' ')[0]!));
  beforeEach(() => {
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.engine().endScope();
  });

  const value = (f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor =>
    where === 'ort compiled' ? compile(f)(x) : f(x);

  it.each(CASES)(
    '$name: values and gradients, of all rows and of some',
    ({ R, C, width, weights, symmetric }) => {
      const given = entries(R, C, 0.3, symmetric);
      const matrix = sparseMatrix(given);
      if (symmetric) expect(matrix.transposed).toBe(matrix.rows);
      const A = denseOf(given);
      const x = tf.tensor2d(noise(C * width, 1), [C, width]);
      const wanted = literal(A, rowsOf(x.dataSync(), width), weights);
      expectClose(value((t) => sparsePolynomial(matrix, t, weights), x).dataSync(), wanted.flat(), 1e-5);

      const dy = tf.tensor2d(noise(R * width, 2), [R, width]);
      const loss = (y: tf.Tensor, by: tf.Tensor): tf.Scalar => tf.sum(tf.mul(y, by));
      const gradient = value(
        (t) => tf.grad((u: tf.Tensor) => loss(sparsePolynomial(matrix, u, weights), dy))(t),
        x,
      );
      const back = literal(transposed(A), rowsOf(dy.dataSync(), width), weights);
      expectClose(gradient.dataSync(), back.flat(), 1e-5, 'gradient');

      const ids = [3, 0, 3, R - 1, 5, 3];
      const rows = tf.tensor1d(ids, 'int32');
      const some = value((t) => sparsePolynomial(matrix, t, weights, rows), x).dataSync();
      expectClose(
        some,
        ids.flatMap((row) => wanted[row]!),
        1e-5,
        'some rows',
      );
      const few = tf.tensor2d(noise(ids.length * width, 3), [ids.length, width]);
      const spread = Array.from({ length: R }, () => new Array<number>(width).fill(0));
      for (const [i, row] of rowsOf(few.dataSync(), width).entries())
        for (const [j, v] of row.entries()) spread[ids[i]!]![j]! += v;
      const ofSome = value(
        (t) => tf.grad((u: tf.Tensor) => loss(sparsePolynomial(matrix, u, weights, rows), few))(t),
        x,
      );
      expectClose(
        ofSome.dataSync(),
        literal(transposed(A), spread, weights).flat(),
        1e-5,
        'gradient of some rows',
      );
    },
  );

  it('takes other values without compiling anew', () => {
    const given = entries(30, 30, 0.4);
    const matrix = sparseMatrix(given);
    const x = tf.tensor2d(noise(30 * 8, 1), [30, 8]);
    const step = (t: tf.Tensor, values: tf.Tensor1D): tf.Tensor =>
      tf.grad((u: tf.Tensor) =>
        tf.sum(tf.square(sparsePolynomial(withValues(matrix, values), u, [1, 1, 1]))),
      )(t);
    const run = where === 'ort compiled' ? compile(step) : step;
    for (const seed of [4, 5]) {
      const values = Float32Array.from(noise(given.values.length, seed), (v) => (v > 0 ? v : 0));
      const other = { ...given, values };
      const own = sparseMatrix(other);
      const wanted = tf.grad((u: tf.Tensor) => tf.sum(tf.square(sparsePolynomial(own, u, [1, 1, 1]))))(x);
      expectClose(run(x, tf.tensor1d(values)).dataSync(), wanted.dataSync(), 1e-6);
    }
    if ('programs' in run)
      expect((run as ReturnType<typeof compile<typeof step>>).programs()).toHaveLength(1);
  });

  it.each([17, 0])('makes zeros of a matrix [%i, 17] without entries', (R) => {
    const empty = { columns: new Int32Array(0), values: new Float32Array(0) };
    const matrix = sparseMatrix({ shape: [R, 17], starts: new Int32Array(R + 1), ...empty });
    const x = tf.ones([17, 19]);
    for (const own of [matrix, withValues(matrix, tf.tensor1d([], 'float32'))]) {
      // What the memory held before is no zero.
      value((t) => sparsePolynomial(sparseMatrix(entries(17, 17, 0.9)), t, [1, 1]), x);
      const y = value((t) => sparsePolynomial(own, t, [0, 1]), x);
      expect(y.shape).toEqual([R, 19]);
      expect(y.dataSync()).toEqual(new Float32Array(R * 19));
      const gradient = value(
        (t) => tf.grad((u: tf.Tensor) => tf.sum(sparsePolynomial(own, u, [0, 1])))(t),
        x,
      );
      expect(gradient.dataSync()).toEqual(new Float32Array(17 * 19));
    }
  });

  it('keeps NaN behind a 0 of the matrix, and stops it at an edge that is dropped', () => {
    const matrix = sparseMatrix({
      shape: [2, 2],
      starts: Int32Array.of(0, 2, 3),
      columns: Int32Array.of(0, 1, 1),
      values: Float32Array.of(1, 0, 0),
    });
    const x = tf.tensor2d([1, NaN], [2, 1]);
    const rows = tf.tensor1d([0], 'int32');
    const both = (own: SparseMatrix): number[] => {
      const by = tf.tensor2d([NaN], [1, 1]);
      const loss = (u: tf.Tensor): tf.Scalar => tf.sum(tf.mul(sparsePolynomial(own, u, [0, 1], rows), by));
      return [
        ...value((t) => sparsePolynomial(own, t, [0, 1]), x).dataSync(),
        ...value((t) => tf.grad(loss)(t), x).dataSync(),
      ];
    };
    expect(both(matrix)).toEqual([NaN, NaN, NaN, NaN]);
    expect(both(withValues(matrix, tf.tensor1d([1, 0, 0])))).toEqual([1, 0, NaN, 0]);
  });

  it('names a row that is not there', () => {
    const matrix = sparseMatrix(entries(9, 9, 0.5));
    const x = tf.ones([9, 2]);
    for (const row of [9, -1])
      expect(() =>
        value((t) => sparsePolynomial(matrix, t, [0, 1], tf.tensor1d([0, row], 'int32')), x).dataSync(),
      ).toThrow(`rows must be in [0, 9), got ${row}`);
  });
});

describe('sparse products', () => {
  // On every backend and for any threads; whole strips of 16 columns, one that is filled in part, and less than one.
  it.each([40, 17, 16, 5, 1])('of %i columns have the same bits everywhere', async (width) => {
    const given = entries(1000, 1000, 0.03);
    const x = noise(1000 * width, 6);
    const dy = noise(700 * width, 7);
    const ids = Int32Array.from({ length: 700 }, (_, i) => (i * 37) % 1000);
    const kept = given.values.map((value, e) => (e % 5 < 3 ? 0 : value));
    const results: Float32Array[][] = [];
    for (const [backend, threads] of [
      ['cpu', 1],
      ['ort', 1],
      ['ort', 3],
    ] as const) {
      registerOrtBackend({ threads });
      await tf.setBackend(backend);
      results.push(
        tf.tidy(() => {
          const matrix = sparseMatrix(given);
          const input = tf.tensor2d(x, [1000, width]);
          const rows = tf.tensor1d(ids, 'int32');
          const weights = [1, 0.5, -1, 2];
          const by = tf.tensor2d(dy, [700, width]);
          const both = (own: SparseMatrix): tf.Tensor[] => {
            const gradient = tf.grad((t: tf.Tensor) =>
              tf.sum(tf.mul(sparsePolynomial(own, t, weights, rows), by)),
            );
            return [sparsePolynomial(own, input, weights), gradient(input)];
          };
          return [...both(matrix), ...both(withValues(matrix, tf.tensor1d(kept)))].map(
            (t) => t.dataSync().slice() as Float32Array,
          );
        }),
      );
    }
    for (const own of results.slice(1)) expect(own).toEqual(results[0]);
  });

  it('leave no tensor behind', async () => {
    await tf.setBackend('ort');
    const before = tf.memory().numTensors;
    const matrix = sparseMatrix(entries(20, 30, 0.3));
    const x = tf.ones([30, 4]);
    tf.tidy(() => void tf.grad((t: tf.Tensor) => tf.sum(sparseMatMul(matrix, t)))(x));
    x.dispose();
    disposeSparse(matrix);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    [{ starts: Int32Array.of(0, 2), columns: Int32Array.of(1, 0) }, 'columns must ascend'],
    [{ starts: Int32Array.of(0, 2), columns: Int32Array.of(0, 0) }, 'columns must ascend'],
    [{ starts: Int32Array.of(0, 2), columns: Int32Array.of(0, 2) }, 'be in [0, 2), got 2'],
    [{ starts: Int32Array.of(0, 1), columns: Int32Array.of(0, 1) }, 'needs 2 starts'],
  ])('refuse what is no matrix: %j', (given, message) => {
    expect(() => sparseMatrix({ shape: [1, 2], values: Float32Array.of(1, 1), ...given })).toThrow(message);
  });

  it('refuse powers of a matrix that is not square', () => {
    const matrix = sparseMatrix(entries(3, 4, 0.9));
    expect(() => sparsePolynomial(matrix, tf.ones([4, 2]), [1, 1])).toThrow('equal sizes');
    expect(() => sparseMatMul(matrix, tf.ones([3, 2]))).toThrow('needs x [4, D]');
  });
});

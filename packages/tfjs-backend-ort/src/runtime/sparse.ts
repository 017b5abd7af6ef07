import { SparsePool, type SparseJob } from './sparsePool.ts';

/** A sparse matrix in compressed rows: entries `starts[r]..starts[r + 1]` are row r's, columns ascending. */
export interface Csr {
  /** [R + 1] */
  starts: Int32Array;
  /** [E] */
  columns: Int32Array;
  /** [E] */
  values: Float32Array;
}

/** What the products of one call are computed with. */
export interface SparseSettings {
  /** D: columns of the dense matrices. */
  width: number;
  /** Factor of each power. */
  weights: readonly number[];
  /** Whether values may have changed since the last call with the same array. */
  fresh: boolean;
  /** Threads that may work at once. */
  threads: number;
}

/** Pieces of a job: more than threads, so that one that is held up does not hold up all. */
const PIECES = 32;

/** Bounds of pieces of like numbers of entries over the rows that are listed (default all). */
function pieceBounds(starts: Int32Array, rows: Int32Array | undefined): Int32Array {
  const count = rows?.length ?? starts.length - 1;
  const size = (i: number): number => {
    const r = rows ? rows[i]! : i;
    return starts[r + 1]! - starts[r]! + 4;
  };
  let total = 0;
  for (let i = 0; i < count; i++) total += size(i);
  const bounds = new Int32Array(PIECES + 1).fill(count);
  bounds[0] = 0;
  let [sum, piece] = [0, 1];
  for (let i = 0; i < count && piece < PIECES; i++) {
    sum += size(i);
    while (piece < PIECES && sum * PIECES >= total * piece) bounds[piece++] = i + 1;
  }
  return bounds;
}

/** Bounds of all rows, by the matrix's starts: they are looked for once. */
const wholeBounds = new WeakMap<Int32Array, Int32Array>();

function boundsOf(starts: Int32Array): Int32Array {
  let bounds = wholeBounds.get(starts);
  if (!bounds) wholeBounds.set(starts, (bounds = pieceBounds(starts, undefined)));
  return bounds;
}

/** Rows without repeats, ascending, and for each of the given the place of its row among them. */
export function distinctRows(rows: Int32Array, count: number): { distinct: Int32Array; place: Int32Array } {
  const distinct = Int32Array.from(new Set(rows)).sort();
  if (distinct.length > 0 && !(distinct[0]! >= 0 && distinct.at(-1)! < count))
    throw new RangeError(
      `sparsePolynomial: rows must be in [0, ${count}), got ${distinct[0]! < 0 ? distinct[0]! : distinct.at(-1)!}`,
    );
  const placeOf = new Map(Array.from(distinct, (row, i) => [row, i]));
  return { distinct, place: rows.map((row) => placeOf.get(row)!) };
}

/** Sum over the rows given for each distinct row, in order: [n, D] to [distinct, D]. */
export function sumToDistinct(x: Float32Array, place: Int32Array, out: Float32Array, width: number): void {
  out.fill(0);
  place.forEach((to, i) => {
    for (let j = 0; j < width; j++) out[to * width + j]! += x[i * width + j]!;
  });
}

/** Where a matrix lies in the pool's memory. */
interface Placed extends Pick<SparseJob, 'starts' | 'columns' | 'values'> {
  csr: Csr;
  bounds: number;
}

/** Puts a matrix into the pool; values that change lie at `values`. */
function placed(pool: SparsePool, csr: Csr, values: number | undefined): Placed {
  return {
    csr,
    starts: pool.place(csr.starts),
    columns: pool.place(csr.columns),
    values: values ?? pool.place(csr.values),
    bounds: pool.place(boundsOf(csr.starts)),
  };
}

/** `y = A x + weight base`, for all rows of A or for those that lie at `rows`. */
function multiply(
  pool: SparsePool,
  matrix: Placed,
  operands: Pick<SparseJob, 'x' | 'y' | 'base' | 'weight'>,
  { width, threads }: SparseSettings,
  some?: { rows: number; bounds: number; cost: number },
): void {
  const { starts, columns, values } = matrix;
  const base = operands.weight === 0 ? 0 : operands.base;
  const job = {
    operation: 'products' as const,
    starts,
    columns,
    values,
    ...operands,
    base,
    width,
    rows: some?.rows ?? 0,
  };
  const cost = some ? some.cost : matrix.csr.columns.length * width;
  pool.run(job, some?.bounds ?? matrix.bounds, PIECES, cost, threads);
}

const entriesOf = ({ starts }: Csr, rows: Int32Array): number =>
  rows.reduce((sum, row) => sum + starts[row + 1]! - starts[row]!, 0);

/**
 * `Σ_k weights[k] A^k x` by Horner's rule, for all rows or for some.
 *
 * @param x - [C, D]; C is the number of rows of A unless only the first power is asked for.
 * @param rows - Rows of the result, any number of times each. Default all.
 * @param out - [R, D], or a row for each of `rows`.
 */
export function polynomial(
  csr: Csr,
  x: Float32Array,
  rows: Int32Array | undefined,
  out: Float32Array,
  settings: SparseSettings,
): void {
  const { width, weights, fresh } = settings;
  const count = csr.starts.length - 1;
  const powers = weights.length - 1;
  const first = weights[powers]!;
  const chosen = rows && distinctRows(rows, count);
  const pool = SparsePool.shared;
  const many = count * width * 4;
  const [xAt, one, two, rowsAt, boundsAt, valuesAt] = pool.work([
    x.byteLength,
    Math.max(many, x.byteLength),
    powers > 1 || first !== 1 ? Math.max(many, x.byteLength) : 0,
    chosen?.distinct.byteLength ?? 0,
    (PIECES + 1) * 4,
    fresh ? csr.values.byteLength : 0,
  ]) as [number, number, number, number, number, number];
  pool.write(xAt, x);
  if (fresh) pool.write(valuesAt, csr.values);
  const matrix = placed(pool, csr, fresh ? valuesAt : undefined);
  let [from, to, other] = [xAt, one, two];
  if (first !== 1 || powers === 0) {
    const scaled = pool.floats(one, x.length);
    for (let i = 0; i < x.length; i++) scaled[i] = Math.fround(first) * x[i]!;
    [from, to, other] = [one, two, one];
  }
  for (let k = powers - 1; k >= 0; k--) {
    const operands = { x: from, y: to, base: xAt, weight: weights[k]! };
    if (k === 0 && chosen) {
      pool.write(rowsAt, chosen.distinct);
      pool.write(boundsAt, pieceBounds(csr.starts, chosen.distinct));
      const cost = entriesOf(csr, chosen.distinct) * width;
      multiply(pool, matrix, operands, settings, { rows: rowsAt, bounds: boundsAt, cost });
    } else multiply(pool, matrix, operands, settings);
    [from, to] = [to, from === xAt ? other : from];
  }
  if (!chosen) {
    out.set(pool.floats(from, out.length));
    return;
  }
  const found = pool.floats(from, (powers === 0 ? count : chosen.distinct.length) * width);
  chosen.place.forEach((at, i) => {
    const row = powers === 0 ? rows[i]! : at;
    out.set(found.subarray(row * width, (row + 1) * width), i * width);
  });
}

/**
 * `Σ_k weights[k] (Aᵀ)^k x` where x is 0 but in some rows: the gradient of {@link polynomial} for those rows.
 *
 * @param csr - A, for the first product, of which only the entries of those rows are read.
 * @param transposed - Aᵀ, for the others.
 * @param x - [n, D], one row for each of `rows`; rows that are named twice add up.
 * @param out - [R, D]
 */
export function polynomialOfRows(
  csr: Csr,
  transposed: Csr,
  x: Float32Array,
  rows: Int32Array,
  out: Float32Array,
  settings: SparseSettings,
): void {
  const { width, weights, fresh, threads } = settings;
  const powers = weights.length - 1;
  const { distinct, place } = distinctRows(rows, csr.starts.length - 1);
  const pool = SparsePool.shared;
  const size = distinct.length * width * 4;
  const [xAt, scaledAt, fullAt, one, two, rowsAt, boundsAt, valuesAt, transposedAt] = pool.work([
    ...[size, size, ...Array.from({ length: 3 }, () => out.byteLength)],
    ...[distinct.byteLength, (PIECES + 1) * 4],
    ...[csr, transposed].map((each) => (fresh ? each.values.byteLength : 0)),
  ]) as [number, number, number, number, number, number, number, number, number];
  if (fresh) {
    pool.write(valuesAt, csr.values);
    pool.write(transposedAt, transposed.values);
  }
  const direct = placed(pool, csr, fresh ? valuesAt : undefined);
  const back = placed(pool, transposed, fresh ? transposedAt : undefined);
  const compact = pool.floats(xAt, distinct.length * width);
  sumToDistinct(x, place, compact, width);
  const spread = (factor: number, to: number): void => {
    const full = pool.floats(to, out.length);
    full.fill(0);
    distinct.forEach((row, i) => {
      for (let j = 0; j < width; j++) full[row * width + j] = factor * compact[i * width + j]!;
    });
  };
  if (powers === 0) {
    spread(Math.fround(weights[0]!), fullAt);
    out.set(pool.floats(fullAt, out.length));
    return;
  }
  const last = Math.fround(weights[powers]!);
  pool.floats(scaledAt, compact.length).set(compact.map((value) => last * value));
  pool.write(rowsAt, distinct);
  // Pieces are columns: threads must not write to the same place.
  const strip = 16;
  const strips = Math.ceil(width / strip);
  pool.write(
    boundsAt,
    Int32Array.from({ length: strips + 1 }, (_, i) => Math.min(i * strip, width)),
  );
  pool.floats(one, out.length).fill(0);
  const scatter: SparseJob = {
    operation: 'scatter',
    ...{ starts: direct.starts, columns: direct.columns, values: direct.values },
    ...{
      x: scaledAt,
      base: xAt,
      y: one,
      rows: rowsAt,
      width,
      weight: weights[powers - 1]!,
      count: distinct.length,
    },
  };
  pool.run(scatter, boundsAt, strips, entriesOf(csr, distinct) * width, threads);
  if (powers > 1) spread(1, fullAt);
  let [from, to] = [one, two];
  for (let k = powers - 2; k >= 0; k--) {
    multiply(pool, back, { x: from, y: to, base: fullAt, weight: weights[k]! }, settings);
    [from, to] = [to, from];
  }
  out.set(pool.floats(from, out.length));
}

import { SparsePool, type SparseJob } from './sparsePool.ts';
import { stripBytes, stripCount, stripSize } from './strips.ts';

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
  /** Whether values may have changed since the last call with the same array; those that are 0 are left out. */
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

/** Some rows of a matrix, one after the other. */
export function takeRows(x: Float32Array, rows: Int32Array, out: Float32Array, width: number): void {
  rows.forEach((row, i) => {
    out.set(x.subarray(row * width, (row + 1) * width), i * width);
  });
}

/** Rows written where they belong in a matrix of zeros. */
export function putRows(x: Float32Array, rows: Int32Array, out: Float32Array, width: number): void {
  out.fill(0);
  rows.forEach((row, i) => {
    out.set(x.subarray(i * width, (i + 1) * width), row * width);
  });
}

/** A matrix times a factor, in single precision. */
export function scaled(x: Float32Array, factor: number): Float32Array {
  const single = Math.fround(factor);
  return single === 1 ? x : x.map((value) => single * value);
}

/** A sparse matrix in the pool's memory. */
interface Placed {
  starts: Int32Array;
  at: Pick<SparseJob, 'starts' | 'columns' | 'values'>;
  /** Bounds of pieces of all rows. */
  bounds: number;
}

/** Bytes that {@link placed} needs beside what stays: of a matrix whose values change. */
function roomFor({ starts, columns }: Csr, fresh: boolean): number[] {
  return fresh ? [starts.byteLength, columns.byteLength, columns.byteLength, (PIECES + 1) * 4] : [];
}

/**
 * Puts a matrix into the pool. Where its values change (dropped edges) those that are 0 are left out: a sum that begins
 * with 0 is the same without them, to the last bit.
 *
 * @param room - Offsets of what {@link roomFor} asked for.
 */
function placed(pool: SparsePool, csr: Csr, room: readonly number[]): Placed {
  if (room.length === 0)
    return {
      starts: csr.starts,
      at: {
        starts: pool.place(csr.starts),
        columns: pool.place(csr.columns),
        values: pool.place(csr.values),
      },
      bounds: pool.place(boundsOf(csr.starts)),
    };
  const [startsAt, columnsAt, valuesAt, bounds] = room as [number, number, number, number];
  const starts = pool.integers(startsAt, csr.starts.length);
  const columns = pool.integers(columnsAt, csr.columns.length);
  const values = pool.floats(valuesAt, csr.columns.length);
  let kept = 0;
  for (let r = 0; r < starts.length - 1; r++) {
    starts[r] = kept;
    for (let e = csr.starts[r]!; e < csr.starts[r + 1]!; e++) {
      const value = csr.values[e]!;
      columns[kept] = csr.columns[e]!;
      values[kept] = value;
      // Without a branch, which could not be foretold.
      kept += Number(value !== 0);
    }
  }
  starts[starts.length - 1] = kept;
  pool.write(bounds, pieceBounds(starts, undefined));
  return { starts, at: { starts: startsAt, columns: columnsAt, values: valuesAt }, bounds };
}

/** Where a dense matrix lies in the pool, in strips, and how many rows it has. */
interface Dense {
  at: number;
  rows: number;
}

/** `y = A x + weight base`, for all rows of A or for those that lie at `rows`. */
function multiply(
  pool: SparsePool,
  matrix: Placed,
  { x, y, base, weight }: { x: Dense; y: Dense; base?: Dense; weight: number },
  { width, threads }: SparseSettings,
  some?: { rows: number; bounds: number; cost: number },
): void {
  const step = ({ rows }: Dense): number => stripSize(rows, width) * 4;
  const own = weight === 0 ? undefined : base;
  pool.run(
    {
      operation: 'products',
      ...matrix.at,
      ...{ x: x.at, xStep: step(x), y: y.at, yStep: step(y) },
      ...{ base: own?.at ?? 0, baseStep: own ? step(own) : 0 },
      ...{ rows: some?.rows ?? 0, width, weight, bounds: some?.bounds ?? matrix.bounds, parts: PIECES },
    },
    stripCount(width),
    some?.cost ?? matrix.starts.at(-1)! * width,
    threads,
  );
}

const entriesOf = (starts: Int32Array, rows: Int32Array): number =>
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
  const [R, C] = [csr.starts.length - 1, x.length / Math.max(1, width)];
  const powers = weights.length - 1;
  const chosen = rows && distinctRows(rows, R);
  const last = scaled(x, weights[powers]!);
  if (powers === 0) {
    if (rows) takeRows(last, rows, out, width);
    else out.set(last);
    return;
  }
  const pool = SparsePool.shared;
  const whole = stripBytes(Math.max(R, C), width);
  const [xAt, one, two, rowsAt, boundsAt, ...room] = pool.work([
    ...[stripBytes(C, width), whole, powers > 1 || last !== x ? whole : 0],
    ...[chosen?.distinct.byteLength ?? 0, (PIECES + 1) * 4],
    ...roomFor(csr, fresh),
  ]) as [number, number, number, number, number, ...number[]];
  const matrix = placed(pool, csr, room);
  const dense = (at: number, rows: number): Dense => ({ at, rows });
  const base = dense(xAt, C);
  pool.writeStrips(xAt, x, width);
  let from = base;
  if (last !== x) {
    from = dense(two, C);
    pool.writeStrips(two, last, width);
  }
  let [to, other] = [one, two];
  for (let k = powers - 1; k >= 0; k--) {
    const operands = { x: from, base, weight: weights[k]! };
    if (k === 0 && chosen) {
      const { distinct } = chosen;
      pool.write(rowsAt, distinct);
      pool.write(boundsAt, pieceBounds(matrix.starts, distinct));
      const cost = entriesOf(matrix.starts, distinct) * width;
      from = dense(to, distinct.length);
      multiply(pool, matrix, { ...operands, y: from }, settings, { rows: rowsAt, bounds: boundsAt, cost });
    } else {
      const y = dense(to, R);
      multiply(pool, matrix, { ...operands, y }, settings);
      from = y;
    }
    [to, other] = [other, to];
  }
  if (!chosen) {
    pool.readStrips(from.at, out, width);
    return;
  }
  const distinct = new Float32Array(from.rows * width);
  pool.readStrips(from.at, distinct, width);
  takeRows(distinct, chosen.place, out, width);
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
  const compact = new Float32Array(distinct.length * width);
  sumToDistinct(x, place, compact, width);
  const last = scaled(compact, weights[powers]!);
  if (powers === 0) {
    putRows(last, distinct, out, width);
    return;
  }
  const pool = SparsePool.shared;
  const R = out.length / Math.max(1, width);
  const [few, all] = [stripBytes(distinct.length, width), stripBytes(R, width)];
  const rooms = [roomFor(csr, fresh), powers > 1 ? roomFor(transposed, fresh) : []] as const;
  const [lastAt, xAt, one, two, rowsAt, boundsAt, ...room] = pool.work([
    ...[few, few, all, powers > 1 ? all : 0, distinct.byteLength, 8],
    ...rooms.flat(),
  ]) as [number, number, number, number, number, number, ...number[]];
  const direct = placed(pool, csr, room.slice(0, rooms[0].length));
  pool.writeStrips(xAt, compact, width);
  pool.writeStrips(lastAt, last, width);
  pool.write(rowsAt, distinct);
  pool.write(boundsAt, Int32Array.of(0, distinct.length));
  /** Jobs over the rows that are not 0; a piece is a strip, so that threads never write to the same place. */
  const ofRows = (operation: SparseJob['operation'], at: number, y: number, weight: number, cost: number) => {
    const steps = { xStep: stripSize(distinct.length, width) * 4, yStep: stripSize(R, width) * 4 };
    const own = { ...direct.at, x: at, y, ...steps, base: 0, baseStep: 0 };
    const job = { operation, ...own, rows: rowsAt, width, weight, bounds: boundsAt, parts: 1 };
    pool.run(job, stripCount(width), cost * width, threads);
  };
  const addX = (to: number, weight: number): void => {
    if (weight !== 0) ofRows('add', xAt, to, weight, distinct.length);
  };
  pool.floats(one, all / 4).fill(0);
  ofRows('scatter', lastAt, one, 1, entriesOf(direct.starts, distinct));
  addX(one, weights[powers - 1]!);
  let [from, to] = [one, two];
  if (powers > 1) {
    const back = placed(pool, transposed, room.slice(rooms[0].length));
    for (let k = powers - 2; k >= 0; k--) {
      multiply(pool, back, { x: { at: from, rows: R }, y: { at: to, rows: R }, weight: 0 }, settings);
      addX(to, weights[k]!);
      [from, to] = [to, from];
    }
  }
  pool.readStrips(from, out, width);
}

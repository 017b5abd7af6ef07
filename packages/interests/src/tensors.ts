import { compile, nearestDistances, tf } from '@ferry/engine';
import { centred, shifted, type Distances } from './passes.ts';

/** Squared distances up to this share of |a|^2 + |b|^2 are rounding error of single precision, and count as 0. */
const tolerance = 2e-6;
/**
 * Floats of one block of distances at most. A product of few rows costs more than its share, for the columns are packed
 * for each. The first pass, which makes nothing but products, has 64 MB: of 64 rows by 52,000 columns it takes 1.3 times as
 * long a row as of 256. The others have several arrays of that size in progress, and 16 MB each.
 */
const blockValues = { density: 1 << 24, others: 1 << 22 };
/**
 * Nearest points of each point that the first pass keeps for the second: where one of them is denser, the nearest of
 * those is the answer, and its products need not be made again. Of points in any order one in this many goes without.
 */
const keptNeighbours = 32;

/** The nearest points of every point and their squared distances, ascending; [T * size] each. */
interface Near {
  values: Float32Array;
  columns: Int32Array;
}

/** Rows of the block in progress: -2 times the points [R,D], their squared norms [R,1]. */
interface Block {
  doubled: tf.Tensor2D;
  norms: tf.Tensor2D;
}
/** Rows on the host: -2 times the points [R * D], their squared norms [R]. */
interface RowSet {
  doubled: Float32Array;
  norms: Float32Array;
}
/** What a block is compared with: points [C,D], their squared norms [1,C]. */
interface Columns {
  points: tf.Tensor2D;
  norms: tf.Tensor2D;
}

/** Squared distances [R,C], exactly 0 where the difference is below the rounding error. */
function squaredDistances(block: Block, columns: Columns): tf.Tensor2D {
  const sums = tf.add(block.norms, columns.norms);
  const squares = tf.add(tf.matMul(block.doubled, columns.points, false, true), sums);
  const exact = tf.greater(squares, tf.mul(sums, tolerance));
  return tf.where<tf.Tensor>(exact, squares, tf.scalar(0)) as tf.Tensor2D;
}

/** Sums of the k smallest squared distances, the largest and the nearest of each row; see `nearestDistances`. */
function densityBlock(block: Block, columns: Columns, k: number, kept: number): tf.Tensor {
  // The norms are added row by row while the products lie in the cache: in the graph they are four passes over the
  // whole block, which cost more than its product.
  const products = tf.matMul<tf.Tensor2D>(block.doubled, columns.points, false, true);
  return nearestDistances(products, block.norms, columns.norms, { k, kept, tolerance });
}

/** Smallest squared distance to a column of smaller order [R]; 3e38 where there is none. */
function separationBlock(block: Block, order: tf.Tensor2D, columns: Columns, orders: tf.Tensor2D): tf.Tensor {
  const squares = squaredDistances(block, columns);
  return tf.min(tf.where<tf.Tensor>(tf.less(orders, order), squares, tf.scalar(3e38)), 1);
}

/** Number of the nearest column [R] and its squared distance [R]. */
function nearestBlock(block: Block, columns: Columns): { index: tf.Tensor; distance: tf.Tensor } {
  const squares = squaredDistances(block, columns);
  return { index: tf.argMin(squares, 1), distance: tf.min(squares, 1) };
}

/**
 * The compiled passes, shared by all calls of one backend so that a refresh of the interests compiles
 * nothing.
 */
function makePasses() {
  return {
    density: compile(densityBlock, { name: 'interests.density' }),
    separation: compile(separationBlock, { name: 'interests.separation' }),
    nearest: compile(nearestBlock, { name: 'interests.nearest' }),
  };
}
const passesOf = new Map<string, ReturnType<typeof makePasses>>();
function passes(): ReturnType<typeof makePasses> {
  const backend = tf.getBackend();
  const known = passesOf.get(backend);
  if (known) return known;
  const made = makePasses();
  passesOf.set(backend, made);
  return made;
}

function squaredNorms(values: Float32Array, width: number): Float32Array {
  const norms = new Float32Array(values.length / width);
  for (let i = 0; i < norms.length; i++) {
    let sum = 0;
    for (let d = i * width; d < (i + 1) * width; d++) sum += values[d]! * values[d]!;
    norms[i] = sum;
  }
  return norms;
}

/**
 * {@link Distances} in single precision through the engine: blocks of one fixed shape, the last one padded.
 */
export function tensorDistances(points: Float32Array, width: number): Distances {
  const { mean: centre, values } = centred(points, width);
  const total = values.length / width;
  const norms = squaredNorms(values, width);
  const doubled = values.map((value) => -2 * value);
  const everyRow: RowSet = { doubled, norms };
  /** The nearest points of every point and their squared distances; [T * size]. */
  let near: Near | undefined;
  let all: Columns | undefined;
  const columns = (): Columns =>
    (all ??= { points: tf.tensor2d(values, [total, width]), norms: tf.tensor2d(norms, [1, total]) });

  /** Rows per block: a power of two, so that close sizes share their shapes. */
  const blockRows = (columnCount: number, values: number): number => {
    const fitting = 2 ** Math.floor(Math.log2(values / columnCount));
    return Math.max(16, Math.min(1024, fitting, 2 ** Math.ceil(Math.log2(total))));
  };

  /** Rows [from, from + rows) of `source`, zeros beyond its end. */
  function slice(source: Float32Array, from: number, rows: number, columnCount: number): tf.Tensor2D {
    const part = source.subarray(from * columnCount, (from + rows) * columnCount);
    if (part.length === rows * columnCount) return tf.tensor2d(part, [rows, columnCount]);
    const padded = new Float32Array(rows * columnCount);
    padded.set(part);
    return tf.tensor2d(padded, [rows, columnCount]);
  }

  /** Runs `pass` on every block and hands its results, cut to the rows that exist, to `keep`. */
  async function eachBlock<Name extends string>(
    columnCount: number,
    pass: (block: Block, from: number, rows: number) => Record<Name, tf.Tensor>,
    keep: (name: Name, from: number, values: tf.TypedArray) => void,
    { doubled, norms }: RowSet = everyRow,
    most = blockValues.others,
  ): Promise<void> {
    const rows = blockRows(columnCount, most);
    for (let from = 0; from < norms.length; from += rows) {
      const block: Block = { doubled: slice(doubled, from, rows, width), norms: slice(norms, from, rows, 1) };
      const results = pass(block, from, rows);
      tf.dispose([block.doubled, block.norms]);
      for (const name of Object.keys(results) as Name[]) {
        const result = results[name];
        const read = await result.data();
        result.dispose();
        const one = result.size / rows;
        keep(name, from, read.subarray(0, Math.min(rows, norms.length - from) * one));
      }
    }
  }

  /** The rows with these numbers. */
  function pick(numbers: Int32Array): RowSet {
    const picked = {
      doubled: new Float32Array(numbers.length * width),
      norms: new Float32Array(numbers.length),
    };
    numbers.forEach((row, i) => {
      picked.doubled.set(doubled.subarray(row * width, (row + 1) * width), i * width);
      picked.norms[i] = norms[row]!;
    });
    return picked;
  }

  return {
    async density(k) {
      const size = Math.min(k, keptNeighbours);
      const kept = { values: new Float32Array(total * size), columns: new Int32Array(total * size) };
      const mean = new Float64Array(total);
      let farthest = 0;
      await eachBlock(
        total,
        (block) => ({ found: passes().density(block, columns(), k, size) }),
        (_, from, found) => {
          const each = 3 + 2 * size;
          for (let at = 0, i = from; at < found.length; at += each, i++) {
            mean[i] = (found[at]! + found[at + 1]!) / k;
            farthest = Math.max(farthest, found[at + 2]!);
            kept.values.set(found.subarray(at + 3, at + 3 + size), i * size);
            kept.columns.set(found.subarray(at + 3 + size, at + each), i * size);
          }
        },
        everyRow,
        blockValues.density,
      );
      near = kept;
      return { mean, farthest };
    },

    async separation(order) {
      const nearestDenser = new Float64Array(total).fill(Infinity);
      if (near)
        for (let i = 0; i < total; i++) {
          const size = near.columns.length / total;
          const denser = near.columns
            .subarray(i * size, (i + 1) * size)
            .findIndex((j) => order[j]! < order[i]!);
          if (denser >= 0) nearestDenser[i] = near.values[i * size + denser]!;
        }
      const open = Int32Array.from(nearestDenser.keys()).filter((i) => nearestDenser[i] === Infinity);
      const own = Float32Array.from(open, (i) => order[i]!);
      const orders = tf.tensor2d(order, [1, total]);
      await eachBlock(
        total,
        (block, from, rows) => {
          const orderOfRows = slice(own, from, rows, 1);
          const result = passes().separation(block, orderOfRows, columns(), orders);
          orderOfRows.dispose();
          return { result };
        },
        (_, from, read) => {
          for (let i = 0; i < read.length; i++)
            nearestDenser[open[from + i]!] = read[i]! > 1e38 ? Infinity : read[i]!;
        },
        pick(open),
      );
      orders.dispose();
      return nearestDenser;
    },

    async nearest(centres) {
      const targets = shifted(centres, centre);
      const count = targets.length / width;
      const against: Columns = {
        points: tf.tensor2d(targets, [count, width]),
        norms: tf.tensor2d(squaredNorms(targets, width), [1, count]),
      };
      const index = new Int32Array(total);
      const distance = new Float64Array(total);
      await eachBlock(
        count,
        (block) => passes().nearest(block, against),
        (name, from, read) => {
          if (name === 'index') index.set(read, from);
          else distance.set(read, from);
        },
      );
      tf.dispose([against.points, against.norms]);
      return { index, distance };
    },

    dispose() {
      if (all) tf.dispose([all.points, all.norms]);
      all = undefined;
      near = undefined;
    },
  };
}

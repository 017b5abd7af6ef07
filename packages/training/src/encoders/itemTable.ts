/** What encoders read of items, row by row: too much to be on the device as a whole, and perhaps to be in memory. */
import { tf } from '@ferry/engine';
import type { StateArray } from '../model.ts';

/** Rows of some items, in memory or in a file. */
export interface ItemTable {
  /** Sizes; the first is the number of rows. */
  readonly shape: readonly number[];
  /** What rows are read as. */
  readonly type: 'int32' | 'float32';
  /** Copies some rows, by index from 0, into a new array. */
  readonly read: (rows: Int32Array) => Int32Array | Float32Array;
}

/** Numbers in a row. */
export function rowSize({ shape }: Pick<ItemTable, 'shape'>): number {
  return shape.slice(1).reduce((a, b) => a * b, 1);
}

/** An array as a table; bytes are read as floats. */
export function arrayTable({ shape, data }: StateArray): ItemTable {
  const size = rowSize({ shape });
  const type = data instanceof Int32Array ? 'int32' : 'float32';
  return {
    shape,
    type,
    read: (rows) => {
      const made = newRows(type, rows.length * size);
      for (const [i, row] of rows.entries()) made.set(data.subarray(row * size, (row + 1) * size), i * size);
      return made;
    },
  };
}

function newRows(type: ItemTable['type'], length: number): Int32Array | Float32Array {
  return type === 'int32' ? new Int32Array(length) : new Float32Array(length);
}

/**
 * Tables one after the other, below a row of zeros: [1 + N, ...] by item number.
 *
 * @param tables - All with rows of the same sizes.
 */
export function stackedTables(tables: readonly ItemTable[]): ItemTable {
  const [first] = tables as [ItemTable];
  const size = rowSize(first);
  /** First item number of each table. */
  const begins: number[] = [];
  let count = 1;
  for (const { shape } of tables) {
    begins.push(count);
    count += shape[0]!;
  }
  return {
    shape: [count, ...first.shape.slice(1)],
    type: first.type,
    read: (rows) => {
      const made = newRows(first.type, rows.length * size);
      tables.forEach(({ read, shape }, t) => {
        const places: number[] = [];
        rows.forEach((row, i) => {
          if (row >= begins[t]! && row < begins[t]! + shape[0]!) places.push(i);
        });
        if (places.length === 0) return;
        const own = read(Int32Array.from(places, (i) => rows[i]! - begins[t]!));
        places.forEach((i, at) => {
          made.set(own.subarray(at * size, (at + 1) * size), i * size);
        });
      });
      return made;
    },
  };
}

/** Rows of tables as tensors, which the caller disposes. */
export function tableTensors(
  tables: Readonly<Record<string, ItemTable>>,
  rows: Int32Array,
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(tables).map(([name, { shape, type, read }]) => [
      name,
      tf.tensor(read(rows), [rows.length, ...shape.slice(1)], type),
    ]),
  );
}

import type { PthTensor } from './elements.ts';

/** A checkpoint's tensor as float32, whatever precision it was saved in; undefined if it holds no floats. */
export function floats({ data }: PthTensor): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  return data instanceof Float64Array ? Float32Array.from(data) : undefined;
}

/**
 * Which row of a checkpoint's item tables belongs to each item, from the list of its rows' items.
 *
 * @param tokens - Raw id of the item in each checkpoint row, from row 1 on.
 * @param ids - Raw ids of the domain's items.
 * @returns Row of item number i, at index i; entry 0 is 0. Int32 [N + 1].
 * @throws Error naming an item that the list lacks, or a token that occurs twice.
 */
export function tokenRows(tokens: readonly string[], ids: readonly string[]): Int32Array {
  const rows = new Map<string, number>();
  tokens.forEach((token, i) => {
    if (rows.has(token)) throw new Error(`tokenRows: tokens must differ, got "${token}" twice`);
    rows.set(token, i + 1);
  });
  const rowOf = new Int32Array(ids.length + 1);
  ids.forEach((id, i) => {
    const row = rows.get(id);
    if (row === undefined)
      throw new Error(`tokenRows: every item must be in the token list, got none for "${id}"`);
    rowOf[i + 1] = row;
  });
  return rowOf;
}

/**
 * Rows of a table in the order of a domain's items.
 *
 * @param table - Rows of `width` numbers each.
 * @param rowOf - Which row each item has. Int32 [N + 1].
 * @returns [(N + 1) * width]
 */
export function tableRows(table: Float32Array, rowOf: Int32Array, width: number): Float32Array {
  const out = new Float32Array(rowOf.length * width);
  rowOf.forEach((row, item) => {
    out.set(table.subarray(row * width, (row + 1) * width), item * width);
  });
  return out;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchCount, batches, splitByLength, type Rows } from '@ferry/data';

/** Rows of the given history lengths; row r's history is r*100+1, r*100+2, … and its target r + 1. */
function rowsOf(lengths: readonly number[]): Rows {
  const items = lengths.flatMap((length, row) => Array.from({ length }, (_, at) => row * 100 + at + 1));
  const ends = lengths.map((_, row) => lengths.slice(0, row + 1).reduce((sum, length) => sum + length, 0));
  return {
    users: Int32Array.from(lengths.keys()),
    targets: Int32Array.from(lengths.keys(), (row) => row + 1),
    items: Int32Array.from(items),
    starts: Int32Array.from(ends, (end, row) => end - lengths[row]!),
    ends: Int32Array.from(ends),
  };
}

describe('batches', () => {
  it('pads to the smallest edge and keeps the given order', () => {
    const rows = rowsOf([1, 2, 5, 3]);
    const [first, second] = [
      ...batches(rows, { size: 2, order: Int32Array.of(3, 0, 2, 1), edges: [2, 4, 6] }),
    ];
    expect(first).toEqual({
      rows: Int32Array.of(3, 0),
      users: Int32Array.of(3, 0),
      size: 2,
      valid: 2,
      length: 4,
      history: Int32Array.of(301, 302, 303, 0, 1, 0, 0, 0),
      lengths: Int32Array.of(3, 1),
      targets: Int32Array.of(4, 1),
    });
    expect([second!.length, ...second!.history]).toEqual([
      6, 201, 202, 203, 204, 205, 0, 101, 102, 0, 0, 0, 0,
    ]);
  });

  it('groups rows of like length, stably, without losing or repeating one', () => {
    const rows = rowsOf([5, 1, 3, 1, 5, 2]);
    const grouped = [...batches(rows, { size: 3, grouping: 'grouped', lengths: 'longest' })];
    expect(grouped.map((batch) => [...batch.rows])).toEqual([
      [1, 3, 5],
      [2, 0, 4],
    ]);
    expect(grouped.map((batch) => batch.length)).toEqual([2, 5]);
  });

  it('keeps, fills or drops the last batch', () => {
    const rows = rowsOf([1, 1, 2, 1, 2]);
    const sizes = (last: 'keep' | 'fill' | 'drop') =>
      [...batches(rows, { size: 3, last })].map(({ size, valid }) => [size, valid]);
    expect(sizes('keep')).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(sizes('fill')).toEqual([
      [3, 3],
      [3, 2],
    ]);
    expect(sizes('drop')).toEqual([[3, 3]]);
    const filled = [...batches(rows, { size: 3, last: 'fill' })][1]!;
    expect([...filled.rows]).toEqual([3, 4, 4]);
    expect([...filled.targets]).toEqual([4, 5, 5]);
    expect([batchCount(5, 3), batchCount(5, 3, 'drop'), batchCount(0, 3)]).toEqual([2, 1, 0]);
  });

  it('holds, for any lengths and order, the rows of an unbucketed shuffle, padded as little as the edges allow', () => {
    const edges = [4, 8, 12];
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer(),
        (lengths, size, seed) => {
          const rows = rowsOf(lengths);
          const order = Int32Array.from(lengths.keys()).sort(
            (a, b) => (Math.imul(a + seed, 0x9e3779b1) >>> 0) - (Math.imul(b + seed, 0x9e3779b1) >>> 0),
          );
          const made = [...batches(rows, { size, order, edges })];
          expect(made.flatMap((batch) => [...batch.rows])).toEqual([...order]);
          for (const batch of made) {
            const longest = Math.max(...batch.lengths);
            expect(batch.length).toBe(longest <= 4 ? 4 : longest <= 8 ? 8 : 12);
            for (let at = 0; at < batch.size; at++) {
              const row = batch.rows[at]!;
              const padded = [...batch.history.subarray(at * batch.length, (at + 1) * batch.length)];
              const own = [...rows.items.subarray(rows.starts[row], rows.ends[row])];
              expect(padded).toEqual([...own, ...Array<number>(batch.length - own.length).fill(0)]);
            }
          }
        },
      ),
    );
  });

  it('goes on beyond the default edges where histories are longer, in every padding', () => {
    const rows = rowsOf([3, 51, 76]);
    const lengths = (options: Partial<Parameters<typeof batches>[1]>) =>
      [...batches(rows, { size: 1, ...options })].map(({ length }) => length);
    expect(lengths({})).toEqual([4, 75, 113]);
    expect(lengths({ lengths: 'max' })).toEqual([113, 113, 113]);
    expect(lengths({ order: Int32Array.of(0, 1) })).toEqual([4, 75]);
    const [batch] = [...batches(rows, { size: 3 })];
    expect(splitByLength(rows, batch!, { sizes: [1, 2] }).map(({ length }) => length)).toEqual([113, 75]);
  });

  it('splits into blocks of like length that hold each row once', () => {
    const rows = rowsOf([1, 7, 2, 3, 7, 1]);
    const [batch] = [...batches(rows, { size: 6, order: Int32Array.of(5, 4, 3, 2, 1, 0) })];
    const blocks = splitByLength(rows, batch!, { sizes: [2, 1, 3], edges: [2, 4, 8] });
    expect(blocks.map((block) => [...block.rows])).toEqual([[4, 1], [3], [2, 5, 0]]);
    expect(blocks.map((block) => block.length)).toEqual([8, 4, 2]);
    expect([...blocks[2]!.history]).toEqual([201, 202, 501, 0, 1, 0]);
    expect([...blocks[2]!.targets]).toEqual([3, 6, 1]);
    expect(() => splitByLength(rows, batch!, { sizes: [2, 3] })).toThrow(
      /add up to the batch's 6 rows, got \[2, 3\]/,
    );
  });

  it('refuses what it cannot do', () => {
    const rows = rowsOf([1, 9]);
    const run = (options: Parameters<typeof batches>[1]) => () => [...batches(rows, options)];
    expect(run({ size: 0 })).toThrow(/size must be a positive integer, got 0/);
    expect(run({ size: 2, edges: [4, 8] })).toThrow(/longer than the last edge 8, got 9/);
    expect(run({ size: 2, edges: [8, 4] })).toThrow(/increasing positive integers, got \[8, 4\]/);
    expect(run({ size: 2, order: Int32Array.of(2) })).toThrow(/order must hold rows 0..1, got 2/);
  });
});

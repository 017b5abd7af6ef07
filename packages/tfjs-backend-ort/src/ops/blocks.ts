/** Columns from `start`, `size` of them. */
export interface ColumnBlock {
  start: number;
  size: number;
}

/** Elements of one block's matrix: 2 MiB, of which a handful is alive at a time. */
const BLOCK_ELEMENTS = 2 ** 19;
/** Blocks are unrolled in a compiled step, so their number is bounded; beyond it they grow wider. */
const MOST_BLOCKS = 64;
/** Widths are multiples of it, so that products run in whole vectors. */
const WIDTH_UNIT = 64;

/** Scores from which on blocks are faster than the whole matrix; measured, see docs/engine.md. */
const BLOCKS_PAY = { softmax: 3 * 2 ** 20, ranking: 6 * 2 ** 20 };

/**
 * Whether work on a [rows, columns] matrix of scores is faster in blocks of columns than with the whole matrix.
 *
 * @param work - A loss with its gradient (`blockedCrossEntropy`), or a ranking.
 * @param rows - B
 * @param columns - C
 */
export function blocksPay(work: 'softmax' | 'ranking', rows: number, columns: number): boolean {
  return rows * columns >= BLOCKS_PAY[work];
}

/**
 * Cuts the columns of a [rows, columns] matrix that is never whole: blocks of about 2 MiB, but at most 64 of them.
 *
 * @param rows - B.
 * @param columns - Of the whole matrix.
 * @param width - Columns of a block, where it is to be another.
 */
export function columnBlocks(rows: number, columns: number, width?: number): ColumnBlock[] {
  const fitting = Math.max(BLOCK_ELEMENTS / Math.max(rows, 1), columns / MOST_BLOCKS, 1);
  const step = width ?? Math.ceil(fitting / WIDTH_UNIT) * WIDTH_UNIT;
  if (!Number.isInteger(step) || step < 1)
    throw new Error(`columnBlocks: width must be a positive integer, got ${step}`);
  const blocks: ColumnBlock[] = [];
  for (let start = 0; start < columns; start += step)
    blocks.push({ start, size: Math.min(step, columns - start) });
  return blocks;
}

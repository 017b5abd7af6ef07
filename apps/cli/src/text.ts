import { printable } from '@ferry/report';

/** A whole number with thousands separated. */
export const count = (value: number): string => value.toLocaleString('en-US');

/**
 * Lines of aligned columns.
 *
 * @param rows - Cells; a cell that is a number is aligned to the right.
 * @param indent - Spaces in front.
 */
export function columns(rows: readonly (readonly (string | number)[])[], indent = 2): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? count(cell) : printable(cell))),
  );
  const widths: number[] = [];
  for (const row of cells)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return cells
    .map((row, r) =>
      (
        ' '.repeat(indent) +
        row
          .map((cell, i) =>
            typeof rows[r]![i] === 'number' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
          )
          .join('  ')
      ).trimEnd(),
    )
    .join('\n');
}

/** A row of {@link columns} that sums up lengths. */
export function lengthSummary(
  name: string,
  {
    min,
    median,
    mean,
    percentile95,
    max,
  }: Record<'min' | 'median' | 'mean' | 'percentile95' | 'max', number>,
): [string, string] {
  return [
    name,
    `min ${count(min)}  median ${count(median)}  mean ${mean.toFixed(1)}  95 % ${count(percentile95)}  max ${count(max)}`,
  ];
}

/** A row of block characters whose heights follow the values, the largest being full. */
export function sparkline(values: ArrayLike<number>, width = 60): string {
  const blocks = ' ▁▂▃▄▅▆▇█';
  const bins = Array.from({ length: Math.min(width, values.length) }, (_, bin) => {
    const from = Math.floor((bin * values.length) / Math.min(width, values.length));
    const to = Math.max(from + 1, Math.floor(((bin + 1) * values.length) / Math.min(width, values.length)));
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i]!;
    return sum / (to - from);
  });
  const most = Math.max(...bins, 1e-12);
  return bins.map((value) => blocks[value <= 0 ? 0 : Math.max(1, Math.round((8 * value) / most))]!).join('');
}

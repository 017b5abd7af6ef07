import { barPath } from './barChart.ts';
import { element, fitText, horizontalAxis, label, leftMargin, verticalAxis, wrapChart } from './frame.ts';
import type { AxisTitle, Box, ChartOptions } from './frame.ts';
import { escapeXml, formatNumber } from './numbers.ts';
import { makeAxis } from './scale.ts';

/** What {@link histogram} is told. */
export interface HistogramOptions extends ChartOptions {
  /** The values to count. */
  readonly values: ArrayLike<number>;
  /** About how many bins. Default: by the rule of Freedman and Diaconis, between 5 and 40. */
  readonly bins?: number;
  /** Horizontal axis. */
  readonly x: AxisTitle;
  /** Vertical axis: what is counted. */
  readonly y: AxisTitle;
}

/** Bins and what fell into them. */
export interface Bins {
  /** Edges, ascending: one more than there are bins. */
  readonly edges: number[];
  /** Values in each bin: at or above its lower edge and below its upper one. */
  readonly counts: number[];
}

/** Round bins that cover all values; whole values get bins of whole width. */
export function histogramBins(values: ArrayLike<number>, bins?: number): Bins {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const [low, high] = [sorted[0], sorted[n - 1]];
  if (low === undefined || high === undefined || !Number.isFinite(low) || !Number.isFinite(high))
    throw new Error(
      `histogram: values must be finite and at least one, got ${n} from ${low ?? 'none'} to ${high ?? 'none'}`,
    );
  const whole = sorted.every(Number.isInteger);
  const quartiles = sorted[Math.floor(0.75 * (n - 1))]! - sorted[Math.floor(0.25 * (n - 1))]!;
  const rule = quartiles > 0 ? ((high - low) * Math.cbrt(n)) / (2 * quartiles) : 10;
  const wanted = bins ?? Math.min(40, Math.max(5, Math.round(rule)));
  // Bins are closed below and open above, so the last edge must lie above the largest value.
  const { ticks } = makeAxis(low, whole ? high + 1 : high, { ticks: wanted + 1, whole });
  const edges = [...ticks];
  const step = edges[1]! - edges[0]!;
  if (edges.at(-1)! <= high) edges.push(Number((edges.at(-1)! + step).toPrecision(12)));
  const counts = new Array<number>(edges.length - 1).fill(0);
  for (const value of sorted) {
    let bin = Math.min(counts.length - 1, Math.max(0, Math.floor((value - edges[0]!) / step)));
    // Division may land one bin off at an edge.
    if (value < edges[bin]!) bin--;
    else if (value >= edges[bin + 1]!) bin++;
    counts[bin]!++;
  }
  return { edges, counts };
}

/**
 * Draws how often values fall into round bins.
 *
 * @returns An SVG document.
 * @throws Error if there is no value, or one is not finite.
 */
export function histogram(options: HistogramOptions): string {
  const { width = 560, height = 340 } = options;
  const { edges, counts } = histogramBins(options.values, options.bins);
  const y = makeAxis(0, Math.max(...counts), { whole: true });
  const x = makeAxis(edges[0]!, edges.at(-1)!, { ticks: 8, whole: edges.every(Number.isInteger) });
  const left = leftMargin(y);
  const box: Box = { left, top: 66, right: width - 20, bottom: height - 48 };
  const across = (value: number): number => box.left + x.position(value) * (box.right - box.left);
  const up = (count: number): number => box.bottom - y.position(count) * (box.bottom - box.top);
  const bars = counts.map((count, i) => {
    if (count === 0) return '';
    const [from, to] = [across(edges[i]!), across(edges[i + 1]!)];
    const gap = Math.min(1, (to - from) / 8);
    const tip = `${String(edges[i])} to below ${String(edges[i + 1])}: ${formatNumber(count, 0)}`;
    return element(
      'path',
      { d: barPath(from + gap, to - from - 2 * gap, up(0), up(count)), class: 'f0' },
      `<title>${escapeXml(tip)}</title>`,
    );
  });
  return wrapChart(
    options,
    width,
    height,
    label(fitText(options.title, 15, width - 8), 2, 20, { class: 'title' }) +
      verticalAxis(y, options.y.title, box) +
      bars.join('') +
      horizontalAxis(x, options.x.title, box),
  );
}

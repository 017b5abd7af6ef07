import {
  element,
  fitText,
  label,
  leftMargin,
  legend,
  seriesStyle,
  textPixels,
  verticalAxis,
  wrapChart,
  wrapText,
} from './frame.ts';
import type { AxisTitle, Box, ChartOptions } from './frame.ts';
import { coordinate, escapeXml, formatNumber } from './numbers.ts';
import type { Measurement } from './numbers.ts';
import { makeAxis } from './scale.ts';

/** Bars of one colour, one for each group. */
export interface BarSeries {
  /** Its name in the legend. */
  readonly name: string;
  /** Height of its bar in each group; a measurement gets a whisker of one deviation; null for no bar. */
  readonly values: readonly (number | Measurement | null)[];
}

/** What {@link barChart} is told. */
export interface BarChartOptions extends ChartOptions {
  /** Names of the groups, left to right. */
  readonly groups: readonly string[];
  /** The bars. */
  readonly series: readonly BarSeries[];
  /** Vertical axis, which always includes 0. */
  readonly y: AxisTitle;
  /** Title under the groups. Default none. */
  readonly x?: AxisTitle;
  /** Decimals of the values over the bars. Default 3. */
  readonly decimals?: number;
}

/** Path of a bar with round corners away from the base line. */
export function barPath(x: number, width: number, base: number, top: number): string {
  const radius = Math.min(3, width / 2, Math.abs(base - top));
  const r = top <= base ? radius : -radius;
  const c = coordinate;
  return (
    `M${c(x)} ${c(base)}L${c(x)} ${c(top + r)}Q${c(x)} ${c(top)} ${c(x + radius)} ${c(top)}` +
    (`L${c(x + width - radius)} ${c(top)}Q${c(x + width)} ${c(top)} ${c(x + width)} ${c(top + r)}L${c(x + width)} ` +
      `${c(base)}Z`)
  );
}

function whisker(x: number, low: number, high: number): string {
  const c = coordinate;
  const end = (y: number): string => `M${c(x - 3)} ${c(y)}L${c(x + 3)} ${c(y)}`;
  const d = `M${c(x)} ${c(low)}L${c(x)} ${c(high)}${end(low)}${end(high)}`;
  return element('path', { d, class: 'whisker' });
}

function ends(value: number | Measurement): { value: number; deviation: number } {
  return typeof value === 'number'
    ? { value, deviation: 0 }
    : { value: value.mean, deviation: value.deviation };
}

/**
 * Draws groups of bars side by side.
 *
 * @returns An SVG document.
 * @throws Error if a series has not one value for each group, or a value is not finite.
 */
export function barChart(options: BarChartOptions): string {
  const { width = 560, groups, series, decimals = 3 } = options;
  let [low, high] = [0, 0];
  for (const { name, values } of series) {
    if (values.length !== groups.length)
      throw new Error(`barChart: '${name}' must have ${groups.length} values, got ${values.length}`);
    for (const each of values) {
      if (each === null) continue;
      const { value, deviation } = ends(each);
      if (!Number.isFinite(value) || !Number.isFinite(deviation))
        throw new Error(`barChart: values of '${name}' must be finite, got ${value}`);
      low = Math.min(low, value - deviation);
      high = Math.max(high, value + deviation);
    }
  }
  // Room for the values written beyond the bars' ends.
  const room = (high - low) * 0.07;
  const axis = makeAxis(low < 0 ? low - room : 0, high > 0 ? high + room : 0);
  const left = leftMargin(axis);
  const swatch = (i: number, x: number, y: number): string =>
    element('rect', { x: x + 3, y: y - 6, width: 12, height: 12, rx: 2, class: `f${seriesStyle(i).colour}` });
  const names = series.map((s) => s.name);
  const key = legend(names, 2, 32, width - 22, swatch);
  const band = (width - 20 - left) / Math.max(1, groups.length);
  const wrapped = groups.map((group) => wrapText(group, 12, band - 8, 2));
  const depth = 22 + 14 * (Math.max(1, ...wrapped.map((lines) => lines.length)) - 1) + (options.x ? 22 : 0);
  // A legend of several rows makes the chart taller, not its plot smaller.
  const height = (options.height ?? 340) + Math.max(0, key.height - 20);
  const box: Box = { left, top: 32 + key.height + 34, right: width - 20, bottom: height - depth - 10 };
  const up = (y: number): number => box.bottom - axis.position(y) * (box.bottom - box.top);
  const slot = Math.min(56, (band * 0.76) / Math.max(1, series.length));
  const barWidth = Math.max(1, slot - Math.min(3, slot * 0.12));
  const texts = series.flatMap(({ values }) =>
    values.map((each) => (each === null ? '' : formatNumber(ends(each).value, decimals))),
  );
  // Values are written over the bars only where they have room.
  const hasRoom = Math.max(0, ...texts.map((text) => textPixels(text, 11))) <= slot + 2;
  const bars: string[] = [];
  for (const [s, { name, values }] of series.entries())
    for (const [g, each] of values.entries()) {
      if (each === null) continue;
      const { value, deviation } = ends(each);
      const x = left + band * (g + 0.5) + slot * (s - series.length / 2) + (slot - barWidth) / 2;
      const middle = x + barWidth / 2;
      const spread = deviation > 0 ? ` ± ${formatNumber(deviation, decimals)}` : '';
      const tip = `${groups[g]!}, ${name}: ${formatNumber(value, decimals)}${spread}`;
      bars.push(
        element(
          'path',
          { d: barPath(x, barWidth, up(0), up(value)), class: `f${seriesStyle(s).colour}` },
          `<title>${escapeXml(tip)}</title>`,
        ),
      );
      if (deviation > 0) bars.push(whisker(middle, up(value - deviation), up(value + deviation)));
      const place = value < 0 ? up(value - deviation) + 14 : up(value + deviation) - 5;
      if (hasRoom)
        bars.push(label(formatNumber(value, decimals), middle, place, { class: 'value', anchor: 'middle' }));
    }
  const labels = wrapped.flatMap((lines, g) =>
    lines.map((line, i) =>
      label(line, left + band * (g + 0.5), box.bottom + 18 + 14 * i, { class: 'name', anchor: 'middle' }),
    ),
  );
  const title = options.x
    ? label(options.x.title, (box.left + box.right) / 2, height - 10, { anchor: 'middle' })
    : '';
  return wrapChart(
    options,
    width,
    height,
    label(fitText(options.title, 15, width - 8), 2, 20, { class: 'title' }) +
      key.svg +
      verticalAxis(axis, options.y.title, box) +
      bars.join('') +
      labels.join('') +
      title,
  );
}

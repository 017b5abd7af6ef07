import {
  element,
  fitText,
  horizontalAxis,
  label,
  leftMargin,
  legend,
  seriesStyle,
  verticalAxis,
  wrapChart,
} from './frame.ts';
import type { AxisTitle, Box, ChartOptions } from './frame.ts';
import { coordinate, escapeXml, formatNumber } from './numbers.ts';
import { makeAxis } from './scale.ts';
import type { Axis, AxisOptions } from './scale.ts';

/** A point of a line: x, y, and optionally the half height of the band around it (such as a standard deviation). */
export type Point = readonly [x: number, y: number, deviation?: number];

/** A line. */
export interface LineSeries {
  /** Its name in the legend. */
  readonly name: string;
  /** Its points, x ascending. The line is broken where y is not finite. */
  readonly points: readonly Point[];
  /** Where the line goes on dotted, because less stands behind it: an x of one of its points. Default nowhere. */
  readonly thinFrom?: number;
}

/** An axis of a {@link lineChart}. */
export interface LineAxis extends AxisTitle {
  /** Default `linear`; `log` is to the base 10. */
  readonly scale?: 'linear' | 'log';
  /** Whether a linear axis must include 0. Default false. */
  readonly zero?: boolean;
}

/** A vertical line with a text. */
export interface Mark {
  /** Where. */
  readonly x: number;
  /** Its text. */
  readonly text: string;
}

/** What {@link lineChart} is told. */
export interface LineChartOptions extends ChartOptions {
  /** Horizontal axis. Whole x values get whole ticks. */
  readonly x: LineAxis;
  /** Vertical axis. */
  readonly y: LineAxis;
  /** The lines. */
  readonly series: readonly LineSeries[];
  /** Vertical marks with a text, such as the best epoch. */
  readonly marks?: readonly Mark[];
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly point: Point;
}

/** Runs of consecutive points that can be drawn. */
function runsOf(points: readonly Point[], place: (point: Point) => Place): Place[][] {
  const runs: Place[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point[0]) && Number.isFinite(point[1])) runs.at(-1)!.push(place(point));
    else if (runs.at(-1)!.length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

function path(places: readonly { x: number; y: number }[]): string {
  return places.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${coordinate(x)} ${coordinate(y)}`).join('');
}

/** Lines with at most this many points show them. */
const fewPoints = 24;

function extent(series: readonly LineSeries[], options: LineChartOptions): { x: Axis; y: Axis } {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  let whole = true;
  for (const { points } of series)
    for (const [x, y, deviation = 0] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      whole &&= Number.isInteger(x);
      // A band below zero cannot be shown on a logarithmic axis: the line itself bounds it.
      const bottom = options.y.scale === 'log' && y - deviation <= 0 ? y : y - deviation;
      low = Math.min(low, bottom);
      high = Math.max(high, y + deviation);
    }
  if (left > right)
    throw new Error(`lineChart: '${options.title}' must have at least one finite point, got none`);
  for (const { x } of options.marks ?? []) {
    left = Math.min(left, x);
    right = Math.max(right, x);
  }
  if (options.y.zero === true) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  if (options.x.zero === true) [left, right] = [Math.min(left, 0), Math.max(right, 0)];
  const horizontal: AxisOptions = { ticks: 8, whole, scale: options.x.scale };
  return {
    x: makeAxis(left, right, horizontal),
    y: makeAxis(low, high, { ticks: 6, scale: options.y.scale }),
  };
}

/**
 * Draws lines over a common pair of axes, with bands for deviations.
 *
 * @returns An SVG document.
 * @throws Error if there is no finite point.
 */
export function lineChart(options: LineChartOptions): string {
  const { width = 560, series } = options;
  const axes = extent(series, options);
  const left = leftMargin(axes.y);
  const key = legend(
    series.map((s) => s.name),
    2,
    32,
    width - 22,
    (i, x, y) => {
      const { colour, dash } = seriesStyle(i);
      return element('line', {
        x1: x,
        x2: x + 18,
        y1: y,
        y2: y,
        class: `line c${colour}`,
        'stroke-dasharray': dash,
      });
    },
  );
  // A legend of several rows makes the chart taller, not its plot smaller.
  const height = (options.height ?? 340) + Math.max(0, key.height - 20);
  const box: Box = { left, top: 32 + key.height + 34, right: width - 20, bottom: height - 48 };
  const across = (x: number): number => box.left + axes.x.position(x) * (box.right - box.left);
  const up = (y: number): number => box.bottom - axes.y.position(y) * (box.bottom - box.top);
  const floor = (y: number): number => (options.y.scale === 'log' && y <= 0 ? axes.y.low : y);
  const bands: string[] = [];
  const lines: string[] = [];
  for (const [i, { name, points, thinFrom = Infinity }] of series.entries()) {
    const { colour, dash } = seriesStyle(i);
    const drawn = runsOf(points, (point) => ({ x: across(point[0]), y: up(point[1]), point }));
    for (const run of drawn) {
      if (run.some(({ point }) => (point[2] ?? 0) > 0)) {
        const upper = run.map(({ x, point: [, y, d = 0] }) => ({ x, y: up(y + d) }));
        const lower = run.map(({ x, point: [, y, d = 0] }) => ({ x, y: up(floor(y - d)) })).reverse();
        bands.push(element('path', { d: `${path([...upper, ...lower])}Z`, class: `band f${colour}` }));
      }
      const solid = run.filter(({ point }) => point[0] <= thinFrom);
      const thin = run.filter(({ point }) => point[0] >= thinFrom);
      for (const [part, dashes] of [
        [solid, dash],
        [thin, '1 4'],
      ] as const)
        if (part.length > 1)
          lines.push(
            element('path', { d: path(part), class: `line c${colour}`, 'stroke-dasharray': dashes }),
          );
      if (points.length > fewPoints && run.length > 1) continue;
      for (const { x, y, point } of run) {
        const deviation = point[2] === undefined ? '' : ` ± ${formatNumber(point[2], 4)}`;
        const tip = `${name}: ${String(point[0])}, ${formatNumber(point[1], 4)}${deviation}`;
        lines.push(
          element(
            'circle',
            { cx: x, cy: y, r: 3.5, class: `point f${colour}` },
            `<title>${escapeXml(tip)}</title>`,
          ),
        );
      }
    }
  }
  const marks = (options.marks ?? []).map(({ x, text }) => {
    const place = across(x);
    const isRight = place > (box.left + box.right) / 2;
    return (
      element('line', {
        x1: place,
        x2: place,
        y1: box.top,
        y2: box.bottom,
        class: 'axis',
        'stroke-dasharray': '3 3',
      }) + label(text, place + (isRight ? -6 : 6), box.bottom - 8, isRight ? { anchor: 'end' } : {})
    );
  });
  return wrapChart(
    options,
    width,
    height,
    label(fitText(options.title, 15, width - 8), 2, 20, { class: 'title' }) +
      key.svg +
      verticalAxis(axes.y, options.y.title, box) +
      horizontalAxis(axes.x, options.x.title, box) +
      bands.join('') +
      marks.join('') +
      lines.join(''),
  );
}

import { element, fitText, label, textPixels, type ChartOptions } from './frame.ts';
import { coordinate, escapeXml } from './numbers.ts';
import { makeAxis } from './scale.ts';

/** A point of a line: its value and the ends of its interval. */
export interface GroupPoint {
  /** The value. */
  readonly value: number;
  /** Lower end. */
  readonly low: number;
  /** Upper end. */
  readonly high: number;
}

/** A line over the groups. */
export interface GroupLine {
  /** Its name in the legend. */
  readonly name: string;
  /** A point for each group; null where there is none. */
  readonly points: readonly (GroupPoint | null)[];
}

/** What {@link groupChart} is told. */
export interface GroupChartOptions extends ChartOptions {
  /** Names of the groups, left to right. */
  readonly groups: readonly string[];
  /** How many rows each group has: the bars, read on the right. */
  readonly counts: readonly number[];
  /** The lines, read on the left. */
  readonly lines: readonly GroupLine[];
  /** Title under the groups. */
  readonly x: string;
  /** Title of the lines' axis. */
  readonly y: string;
  /** Title of the bars' axis. */
  readonly count: string;
}

/** Series are told apart by marker and dash, in black: a printer without colours changes nothing. */
const dashes = [undefined, '6 3', '2 3', '8 3 2 3'];

const marker = (series: number, x: number, y: number): string => {
  const [c, r] = [coordinate, 4];
  const fill = series < 4 ? '#000' : '#fff';
  const style = { fill, stroke: '#000', 'stroke-width': 1 };
  switch (series % 4) {
    case 0:
      return element('circle', { cx: x, cy: y, r: 3.6, ...style });
    case 1:
      return element('rect', { x: x - 3.4, y: y - 3.4, width: 6.8, height: 6.8, ...style });
    case 2:
      return element('path', {
        d: `M${c(x)} ${c(y - r)}L${c(x + r)} ${c(y + r)}L${c(x - r)} ${c(y + r)}Z`,
        ...style,
      });
    default:
      return element('path', {
        d: `M${c(x)} ${c(y - 5)}L${c(x + 5)} ${c(y)}L${c(x)} ${c(y + 5)}L${c(x - 5)} ${c(y)}Z`,
        ...style,
      });
  }
};

const rules =
  'text{font-family:Helvetica,Arial,"Liberation Sans",sans-serif;font-size:11px;fill:#000}.t{font-size:12px}' +
  '.a{stroke:#000;stroke-width:1}.g{stroke:#bbb;stroke-width:.5}.b{fill:#d9d9d9;stroke:#8c8c8c;stroke-width:.5}' +
  '.l{fill:none;stroke:#000;stroke-width:1.4}.w{fill:none;stroke:#000;stroke-width:.9}';

/**
 * Draws numbers of rows as bars and some lines over them, each with intervals, as papers print long-tail figures: one
 * SVG document of vector shapes and real text, black and grey on a clear ground.
 *
 * @throws Error if the lines or counts have not one value for each group, or a value is not finite.
 */
export function groupChart(options: GroupChartOptions): string {
  const { width = 480, height = 300, groups, counts, lines } = options;
  for (const [name, { length }] of [
    ['counts', counts] as const,
    ...lines.map((line) => [line.name, line.points] as const),
  ])
    if (length !== groups.length)
      throw new Error(`groupChart: '${name}' must have ${groups.length} values, got ${length}`);
  const ends = lines.flatMap(({ name, points }) =>
    points.flatMap((point) => {
      if (point && ![point.value, point.low, point.high].every(Number.isFinite))
        throw new Error(`groupChart: values of '${name}' must be finite, got ${point.value}`);
      return point ? [point.low, point.high] : [];
    }),
  );
  const y = makeAxis(Math.min(0, ...ends), Math.max(0, ...ends, Math.min(0, ...ends) + 1e-6), { ticks: 5 });
  // Bars keep to the lower half, so that lines cross few of them.
  const bars = makeAxis(0, Math.max(1, ...counts) * 1.6, { ticks: 5, whole: true });
  const room = (labels: readonly string[]): number =>
    26 + Math.max(...labels.map((text) => textPixels(text, 11)));
  const box = { left: room(y.labels), right: width - room(bars.labels), top: 0, bottom: height - 42 };
  let [legendX, legendY] = [box.left, 14];
  const key = [
    element('rect', { x: legendX, y: legendY - 8, width: 14, height: 9, class: 'b' }) +
      label(options.count, legendX + 20, legendY),
  ];
  legendX += 36 + textPixels(options.count, 11);
  for (const [s, { name }] of lines.entries()) {
    const text = fitText(name, 11, box.right - box.left - 40);
    const size = 46 + textPixels(text, 11);
    if (legendX + size > box.right && legendX > box.left) [legendX, legendY] = [box.left, legendY + 16];
    key.push(
      element('path', {
        d: `M${coordinate(legendX)} ${coordinate(legendY - 4)}h26`,
        class: 'l',
        'stroke-dasharray': dashes[s % 4],
      }) +
        marker(s, legendX + 13, legendY - 4) +
        label(text, legendX + 31, legendY),
    );
    legendX += size;
  }
  box.top = legendY + 18;
  const [up, over] = [y, bars].map(
    (axis) => (value: number) => box.bottom - axis.position(value) * (box.bottom - box.top),
  ) as [(value: number) => number, (value: number) => number];
  const band = (box.right - box.left) / Math.max(1, groups.length);
  const middle = (g: number): number => box.left + band * (g + 0.5);
  const turned = (text: string, x: number): string =>
    element(
      'text',
      {
        x: 0,
        y: 0,
        class: 't',
        'text-anchor': 'middle',
        transform: `translate(${coordinate(x)} ${coordinate((box.top + box.bottom) / 2)}) rotate(-90)`,
      },
      escapeXml(text),
    );
  const axes = [
    ...y.ticks.map(
      (tick, i) =>
        element('line', {
          x1: box.left,
          x2: box.right,
          y1: up(tick),
          y2: up(tick),
          class: tick === 0 ? 'a' : 'g',
        }) + label(y.labels[i]!, box.left - 6, up(tick) + 4, { anchor: 'end' }),
    ),
    ...bars.ticks.map(
      (tick, i) =>
        element('line', { x1: box.right, x2: box.right + 4, y1: over(tick), y2: over(tick), class: 'a' }) +
        label(bars.labels[i]!, box.right + 7, over(tick) + 4),
    ),
    ...groups.map((group, g) =>
      label(fitText(group, 11, band - 4), middle(g), box.bottom + 15, { anchor: 'middle' }),
    ),
    element('rect', {
      x: box.left,
      y: box.top,
      width: box.right - box.left,
      height: box.bottom - box.top,
      fill: 'none',
      class: 'a',
    }),
    label(options.x, (box.left + box.right) / 2, height - 8, { class: 't', anchor: 'middle' }),
    turned(options.y, 12),
    turned(options.count, width - 6),
  ];
  const shapes = counts.map((count, g) =>
    element('rect', {
      x: middle(g) - band * 0.32,
      y: over(count),
      width: band * 0.64,
      height: box.bottom - over(count),
      class: 'b',
    }),
  );
  const drawn = lines.map(({ points }, s) => {
    // Lines stand a little apart, so that their whiskers do not hide one another.
    const x = (g: number): number =>
      middle(g) + (s - (lines.length - 1) / 2) * Math.min(9, band / (lines.length + 2));
    const c = coordinate;
    const path = points
      .map((point, g) => (point ? `${points[g - 1] ? 'L' : 'M'}${c(x(g))} ${c(up(point.value))}` : ''))
      .join('');
    const whiskers = points.map((point, g) =>
      point && point.high > point.low
        ? element('path', {
            d:
              `M${c(x(g))} ${c(up(point.low))}V${c(up(point.high))}M${c(x(g) - 3)} ${c(up(point.low))}h6M${c(x(g) - 3)} ` +
              `${c(up(point.high))}h6`,
            class: 'w',
          })
        : '',
    );
    return (
      (path === '' ? '' : element('path', { d: path, class: 'l', 'stroke-dasharray': dashes[s % 4] })) +
      whiskers.join('') +
      points.map((point, g) => (point ? marker(s, x(g), up(point.value)) : '')).join('')
    );
  });
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}`,
      ...{ width, height, role: 'img', 'aria-label': options.title },
    },
    `<title>${escapeXml(options.title)}</title><desc>${escapeXml(options.description)}</desc>` +
      `<style>${rules}</style>${shapes.join('')}${axes.join('')}${drawn.join('')}${key.join('')}`,
  )}\n`;
}

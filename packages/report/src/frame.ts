import { coordinate, escapeXml } from './numbers.ts';
import type { Axis } from './scale.ts';
import { chartRules, colourCount, colourRules } from './theme.ts';

/** What all charts are told. */
export interface ChartOptions {
  /** Heading; also what a screen reader announces. */
  readonly title: string;
  /** What the chart shows, in a sentence, for those who do not see it. */
  readonly description: string;
  /** Width in pixels. Default 560. */
  readonly width?: number;
  /** Height in pixels. Default 340. */
  readonly height?: number;
}

/** An axis of which only the title can be chosen. */
export interface AxisTitle {
  /** What it measures. */
  readonly title: string;
}

/** A rectangle in pixels. */
export interface Box {
  /** Left edge. */
  readonly left: number;
  /** Top edge. */
  readonly top: number;
  /** Right edge. */
  readonly right: number;
  /** Bottom edge. */
  readonly bottom: number;
}

/** Width of a text in pixels, estimated from its letters. */
export function textPixels(text: string, size: number): number {
  let ems = 0;
  for (const char of text) {
    if (/[ilj.,:;|!'’]/.test(char)) ems += 0.28;
    else if (/[frtI() \-/]/.test(char)) ems += 0.36;
    else if (/[mwMW@%]/.test(char)) ems += 0.88;
    else if (/[A-Z]/.test(char)) ems += 0.68;
    else if (char.codePointAt(0)! > 0x2e80) ems += 1;
    else ems += 0.56;
  }
  return ems * size;
}

/** Cuts a text to a width in pixels, with an ellipsis. */
export function fitText(text: string, size: number, width: number): string {
  if (textPixels(text, size) <= width) return text;
  const letters = Array.from(text);
  while (letters.length > 1 && textPixels(`${letters.join('')}…`, size) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/** Breaks a text into at most `lines` lines of a width in pixels, at spaces and hyphens; the last may be cut. */
export function wrapText(text: string, size: number, width: number, lines: number): string[] {
  const words = text.match(/\S+?(?:[-/_](?=\S)|(?=\s|$))\s*/g) ?? [text];
  const out: string[] = [];
  for (const word of words) {
    const last = out.at(-1);
    const joined = (last ?? '') + word;
    if (last !== undefined && (textPixels(joined.trimEnd(), size) <= width || out.length === lines))
      out[out.length - 1] = joined;
    else out.push(word);
  }
  return out.map((line) => fitText(line.trimEnd(), size, width));
}

/** An element with attributes; numbers are set as coordinates, undefined ones left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content = '',
): string {
  const set = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escapeXml(value!)}"`)
    .join('');
  return content === '' ? `<${name}${set}/>` : `<${name}${set}>${content}</${name}>`;
}

/** A text element. */
export function label(
  text: string,
  x: number,
  y: number,
  options: { class?: string; anchor?: 'middle' | 'end' } = {},
): string {
  return element('text', { x, y, class: options.class, 'text-anchor': options.anchor }, escapeXml(text));
}

/** Colour and dash of a series by its place. */
export function seriesStyle(index: number): { colour: number; dash: string | undefined } {
  const dashes = [undefined, '6 4', '2 4'];
  return { colour: index % colourCount, dash: dashes[Math.floor(index / colourCount) % dashes.length] };
}

const legendSize = 12;
const legendRow = 20;

/** Lays a legend out in rows; `swatch` draws the sample of a series at the left end of its entry. */
export function legend(
  names: readonly string[],
  left: number,
  top: number,
  width: number,
  swatch: (index: number, x: number, y: number) => string,
): { svg: string; height: number } {
  if (names.length < 2) return { svg: '', height: 0 };
  let x = left;
  let y = top + 10;
  const parts = names.map((name, i) => {
    const text = fitText(name, legendSize, width - 30);
    const size = 26 + textPixels(text, legendSize) + 18;
    if (x > left && x + size - 18 > left + width) {
      x = left;
      y += legendRow;
    }
    const entry = swatch(i, x, y) + label(text, x + 26, y + 4, { class: 'name' });
    x += size;
    return entry;
  });
  return { svg: parts.join(''), height: y + legendRow - 10 - top };
}

/** Horizontal grid lines, the labels of the vertical axis, and its title above them. */
export function verticalAxis(axis: Axis, title: string, box: Box): string {
  const parts = axis.ticks.map((tick, i) => {
    const y = box.bottom - axis.position(tick) * (box.bottom - box.top);
    const isBase = tick === 0 || (i === 0 && axis.low > 0);
    return (
      element('line', { x1: box.left, x2: box.right, y1: y, y2: y, class: isBase ? 'axis' : 'grid' }) +
      label(axis.labels[i]!, box.left - 8, y + 4, { anchor: 'end' })
    );
  });
  return label(title, 2, box.top - 14) + parts.join('');
}

/** Ticks and labels of the horizontal axis, and its title under them. */
export function horizontalAxis(axis: Axis, title: string, box: Box): string {
  const parts = axis.ticks.map((tick, i) => {
    const x = box.left + axis.position(tick) * (box.right - box.left);
    return (
      element('line', { x1: x, x2: x, y1: box.bottom, y2: box.bottom + 4, class: 'axis' }) +
      label(axis.labels[i]!, x, box.bottom + 18, { anchor: 'middle' })
    );
  });
  return (
    element('line', { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: 'axis' }) +
    parts.join('') +
    label(title, (box.left + box.right) / 2, box.bottom + 36, { anchor: 'middle' })
  );
}

/** Room for the widest label of the vertical axis. */
export function leftMargin(axis: Axis): number {
  return Math.max(36, ...axis.labels.map((text) => textPixels(text, 12) + 18));
}

/** Puts a chart together: one self-contained SVG document, legible on light and dark grounds. */
export function wrapChart(options: ChartOptions, width: number, height: number, content: string): string {
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'fc',
      viewBox: `0 0 ${coordinate(width)} ${coordinate(height)}`,
      width,
      height,
      role: 'img',
      'aria-label': options.title,
    },
    `<title>${escapeXml(options.title)}</title><desc>${escapeXml(options.description)}</desc>` +
      `<style>${colourRules('.fc')}${chartRules}</style>${content}`,
  )}\n`;
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barChart, histogram, histogramBins, lineChart, makeAxis } from '../src/index.ts';
import type { Axis, Point } from '../src/index.ts';
import { charts } from './charts.ts';

const golden = (name: string): string => join(import.meta.dirname, 'golden', `${name}.svg`);

/** Every value of an attribute, in order. */
function attributes(svg: string, element: string, name: string): number[] {
  const tags = svg.match(new RegExp(`<${element} [^>]*>`, 'g')) ?? [];
  return tags.flatMap((tag) => {
    const value = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
    return value === undefined ? [] : [Number(value)];
  });
}

/** Places in the paths of a class. */
function places(svg: string, className: string): [number, number][] {
  const paths = svg.match(new RegExp(`<path d="[^"]*" class="${className}[^"]*"`, 'g')) ?? [];
  return paths.flatMap((path) =>
    [...path.matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map((match): [number, number] => [
      Number(match[1]),
      Number(match[2]),
    ]),
  );
}

/** Names of the open elements at each point must match: well-formed as far as tags go. */
function checkNesting(svg: string): void {
  const open: string[] = [];
  for (const [, close, name, rest] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (close === '/') expect(open.pop()).toBe(name);
    else if (!rest!.endsWith('/')) open.push(name!);
  }
  expect(open).toEqual([]);
}

describe('pictures', () => {
  it.each(Object.keys(charts))('%s is as it was looked at', (name) => {
    const svg = charts[name]!();
    const path = golden(name);
    // FERRY_GOLDEN=1 takes the present picture; look at it before it is committed.
    if (process.env['FERRY_GOLDEN'] && !(existsSync(path) && readFileSync(path, 'utf8') === svg))
      writeFileSync(path, svg);
    expect(svg).toBe(readFileSync(path, 'utf8'));
  });

  it.each(Object.keys(charts))(
    '%s is well-formed, has a title and a description, and is deterministic',
    (name) => {
      const svg = charts[name]!();
      expect(charts[name]!()).toBe(svg);
      checkNesting(svg);
      expect(svg).toMatch(/<title>[^<]+<\/title><desc>[^<]+<\/desc>/);
      expect(svg).toContain('role="img"');
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    },
  );

  it('escapes what is not markup', () => {
    const svg = charts['line-log']!();
    expect(svg).toContain('<title>Popularity &#60;curve&#62; &#38; &#34;tail&#34;</title>');
    expect(svg).not.toContain('<curve>');
  });
});

describe('makeAxis', () => {
  const finite = fc.double({ min: -1e9, max: 1e9, noNaN: true, noDefaultInfinity: true });

  function check(axis: Axis, low: number, high: number): void {
    const slack = 1e-8 * Math.max(Math.abs(low), Math.abs(high));
    expect(axis.ticks[0]).toBeLessThanOrEqual(low + slack);
    expect(axis.ticks.at(-1)).toBeGreaterThanOrEqual(high - slack);
    expect(axis.position(axis.low)).toBeCloseTo(0, 9);
    expect(axis.position(axis.high)).toBeCloseTo(1, 9);
    for (let i = 1; i < axis.ticks.length; i++) expect(axis.ticks[i]).toBeGreaterThan(axis.ticks[i - 1]!);
    expect(new Set(axis.labels).size).toBe(axis.labels.length);
  }

  it('covers the data with few, even, distinct ticks', () => {
    fc.assert(
      fc.property(finite, finite, fc.integer({ min: 3, max: 10 }), (a, b, wanted) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(high - low > 1e-6 * Math.max(1, Math.abs(low), Math.abs(high)));
        const axis = makeAxis(low, high, { ticks: wanted });
        check(axis, low, high);
        expect(axis.ticks.length).toBeLessThanOrEqual(wanted + 2);
      }),
    );
  });

  it('covers a single value', () => {
    for (const value of [0, 5, -3, 0.001, 1e6]) check(makeAxis(value, value), value, value);
  });

  it('keeps to whole numbers if asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 }), (a, b) => {
        const axis = makeAxis(Math.min(a, b), Math.max(a, b), { whole: true });
        expect(axis.ticks.every(Number.isInteger)).toBe(true);
      }),
    );
  });

  it('has powers of ten on a logarithmic axis', () => {
    expect(makeAxis(3, 4500, { scale: 'log' })).toMatchObject({
      ticks: [1, 10, 100, 1000, 10000],
      labels: ['1', '10', '100', '1000', '10k'],
    });
    expect(makeAxis(0.002, 0.5, { scale: 'log' }).labels).toEqual(['0.001', '0.01', '0.1', '1']);
    expect(() => makeAxis(0, 1, { scale: 'log' })).toThrow('must be positive, got 0');
  });

  it('writes ticks as people do', () => {
    expect(makeAxis(0.0702, 0.0991).labels).toEqual(['0.07', '0.08', '0.09', '0.10']);
    expect(makeAxis(-0.13, 0.2).labels).toEqual(['\u22120.2', '\u22120.1', '0', '0.1', '0.2']);
    expect(makeAxis(0, 42000).labels).toEqual(['0', '10k', '20k', '30k', '40k', '50k']);
    expect(() => makeAxis(0, NaN)).toThrow('must be finite');
  });
});

describe('charts', () => {
  const point = fc.tuple(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 1e3, noNaN: true }),
  );

  it('keep every point, and its band, inside the axes', () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 20 }), (points) => {
        const sorted = points.sort((a, b) => a[0] - b[0]) as Point[];
        const svg = lineChart({
          title: 't',
          description: 'd',
          x: { title: 'x' },
          y: { title: 'y' },
          series: [{ name: 's', points: sorted }],
        });
        const [left, right] = [
          Math.min(...attributes(svg, 'line', 'x1')),
          Math.max(...attributes(svg, 'line', 'x2')),
        ];
        const [top, bottom] = [Math.min(...attributes(svg, 'line', 'y1')), 340 - 48];
        const all = [...places(svg, 'band'), ...places(svg, 'line')];
        attributes(svg, 'circle', 'cx').forEach((x, i) => all.push([x, attributes(svg, 'circle', 'cy')[i]!]));
        expect(all.length).toBeGreaterThan(0);
        for (const [x, y] of all) {
          expect(x).toBeGreaterThanOrEqual(left - 0.02);
          expect(x).toBeLessThanOrEqual(right + 0.02);
          expect(y).toBeGreaterThanOrEqual(top - 0.02);
          expect(y).toBeLessThanOrEqual(bottom + 0.02);
        }
      }),
    );
  });

  it('draw a line through the places its values have', () => {
    const svg = lineChart({
      title: 't',
      description: 'd',
      x: { title: 'x' },
      y: { title: 'y' },
      series: [
        {
          name: 's',
          points: [
            [0, 0],
            [5, 10],
            [10, 5],
          ],
        },
      ],
    });
    // The plot reaches from (36, 66) to (540, 292) and the axes from 0 to 10.
    expect(places(svg, 'line')).toEqual([
      [36, 292],
      [288, 66],
      [540, 179],
    ]);
  });

  it('draw bars as high as their values', () => {
    const svg = barChart({
      title: 't',
      description: 'd',
      groups: ['a', 'b'],
      y: { title: 'y' },
      series: [{ name: 's', values: [10, 5] }],
    });
    const heights = [...svg.matchAll(/<path d="M[\d.]+ ([\d.]+)L[\d.]+ [\d.]+Q[\d.]+ ([\d.]+)/g)].map(
      (m) => Number(m[1]) - Number(m[2]),
    );
    expect(heights[0]! / heights[1]!).toBeCloseTo(2, 9);
  });

  it('refuse what they cannot draw', () => {
    const axes = { title: 't', description: 'd', x: { title: 'x' }, y: { title: 'y' } };
    expect(() => lineChart({ ...axes, series: [{ name: 's', points: [[0, NaN]] }] })).toThrow(
      'finite point, got none',
    );
    expect(() => barChart({ ...axes, groups: ['a'], series: [{ name: 's', values: [] }] })).toThrow(
      "'s' must have 1 values, got 0",
    );
    expect(() => barChart({ ...axes, groups: ['a'], series: [{ name: 's', values: [NaN] }] })).toThrow(
      'must be finite',
    );
    expect(() => histogram({ ...axes, values: [] })).toThrow('got 0 from none to none');
  });
});

describe('histogramBins', () => {
  it('counts every value once, in the bin whose edges enclose it', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.integer({ min: -50, max: 50 }),
            fc.integer({ min: -2e6, max: 2e6 }).map((i) => i / 1e6),
          ),
          {
            minLength: 1,
          },
        ),
        (values) => {
          const { edges, counts } = histogramBins(values);
          const expected = counts.map(
            (_, i) => values.filter((v) => v >= edges[i]! && v < edges[i + 1]!).length,
          );
          expect(counts).toEqual(expected);
          expect(counts.reduce((a, b) => a + b, 0)).toBe(values.length);
        },
      ),
    );
  });

  it('gives whole values whole bins', () => {
    expect(histogramBins([1, 1, 2, 4, 4, 4], 4)).toEqual({ edges: [1, 2, 3, 4, 5], counts: [2, 1, 0, 3] });
  });
});

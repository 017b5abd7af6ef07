/** Values that a setting is searched over. */
export type Dimension =
  /** One of some values. */
  | { readonly kind: 'choice'; readonly values: readonly unknown[] }
  /** A number between two, evenly by itself or by its logarithm; `step` rounds it to multiples. */
  | {
      readonly kind: 'uniform' | 'loguniform';
      readonly low: number;
      readonly high: number;
      readonly step?: number;
    }
  /** Normal, or the exponential of normal. */
  | {
      readonly kind: 'normal' | 'lognormal';
      readonly mean: number;
      readonly deviation: number;
      readonly step?: number;
    };

/** What is searched: dimensions by the name of a setting. */
export type Space = Readonly<Record<string, Dimension>>;

/** A point of a space: a value of each setting. */
export type Point = Readonly<Record<string, unknown>>;

/** How many points a space of choices has; Infinity with any other dimension. */
export function spaceSize(space: Space): number {
  return Object.values(space).reduce(
    (size, dimension) => size * (dimension.kind === 'choice' ? dimension.values.length : Infinity),
    1,
  );
}

/**
 * Every point of a space of choices, the last setting running fastest.
 *
 * @throws RangeError if a dimension has no end.
 */
export function gridPoints(space: Space): Point[] {
  return Object.entries(space).reduce<Point[]>(
    (points, [name, dimension]) => {
      if (dimension.kind !== 'choice')
        throw new RangeError(
          `gridPoints: ${name} is ${dimension.kind}, which a grid has no end of: draw from it`,
        );
      return points.flatMap((point) => dimension.values.map((value) => ({ ...point, [name]: value })));
    },
    [{}],
  );
}

/** A number of a dimension without choices. */
function numberOf(dimension: Exclude<Dimension, { kind: 'choice' }>, uniform: () => number): number {
  const raw = ((): number => {
    switch (dimension.kind) {
      case 'uniform':
      case 'loguniform': {
        const { kind, low, high } = dimension;
        const log = kind === 'loguniform';
        const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
        const value = from + (to - from) * uniform();
        return log ? Math.exp(value) : value;
      }
      case 'normal':
      case 'lognormal': {
        // Box and Muller; 1 - u, since u may be 0.
        const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
        const value = dimension.mean + dimension.deviation * radius * Math.cos(2 * Math.PI * uniform());
        return dimension.kind === 'lognormal' ? Math.exp(value) : value;
      }
    }
  })();
  const { step } = dimension;
  return step === undefined ? raw : Math.round(raw / step) * step;
}

/** Draws in a row that find nothing new, after which a space is taken to have no more points. */
const PATIENCE = 1000;

/**
 * Points drawn at random, none twice: of a space of choices that has fewer, all of them, and of one whose steps leave
 * fewer, those that were found.
 *
 * @param uniform - Numbers in [0, 1), from a stream of the search's own.
 */
export function randomPoints(space: Space, count: number, uniform: () => number): Point[] {
  if (spaceSize(space) <= count) return gridPoints(space);
  const found = new Map<string, Point>();
  let idle = 0;
  while (found.size < count && idle < PATIENCE) {
    const point = Object.fromEntries(
      Object.entries(space).map(([name, dimension]) => [
        name,
        dimension.kind === 'choice'
          ? dimension.values[Math.floor(uniform() * dimension.values.length)]
          : numberOf(dimension, uniform),
      ]),
    );
    const key = JSON.stringify(point);
    idle = found.has(key) ? idle + 1 : 0;
    found.set(key, point);
  }
  return [...found.values()];
}

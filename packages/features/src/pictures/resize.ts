/**
 * Resizing as Pillow does it, to the last bit: kernels are stretched when a picture shrinks, columns are made before
 * rows, and weights are whole numbers with 22 bits behind the point.
 */

/** A picture as bytes, red, green and blue of each point. */
export interface Rgb {
  /** Uint8 [height * width * 3]. */
  data: Uint8Array;
  /** Points in a row. */
  width: number;
  /** Rows. */
  height: number;
}

/** Pillow's filters, in the order of its numbers. */
export const resamplings = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;

/** How points between points are made. */
export type Resampling = (typeof resamplings)[number];

/** sin(πx) / (πx) */
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** How far each kernel reaches, and its value. */
const kernels: Readonly<Record<Exclude<Resampling, 'nearest'>, readonly [number, (x: number) => number]>> = {
  lanczos: [3, (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (x) => cubic(Math.abs(x))],
  box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  hamming: [1, (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0)],
};

/** The cubic kernel with a = -1/2. */
function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** Bits behind the point of fixed-point weights. */
const precision = 22;

/** What a point of a resized line is a weighted sum of: where it begins, and weights as whole numbers. */
interface Sum {
  readonly start: number;
  readonly weights: Int32Array;
}

/** The sums of a line of `to` points made of `from`. */
function sumsOf(from: number, to: number, resampling: Resampling): Sum[] {
  const scale = from / to;
  if (resampling === 'nearest') {
    const one = Int32Array.of(2 ** precision);
    // Places are added up, as Pillow does, so that its roundings are met too.
    let place = scale * 0.5;
    return Array.from({ length: to }, () => {
      const start = Math.min(from - 1, Math.trunc(place));
      place += scale;
      return { start, weights: one };
    });
  }
  const [reach, kernel] = kernels[resampling];
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  return Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - start }, (_w, place) =>
      kernel((place + start - centre + 0.5) / stretch),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return {
      start,
      weights: Int32Array.from(raw, (weight) => {
        const own = (weight / sum) * 2 ** precision;
        return Math.trunc(own < 0 ? own - 0.5 : own + 0.5);
      }),
    };
  });
}

/** One pass: lines of some points become lines of as many as there are sums. */
function pass(
  source: Uint8Array,
  target: Uint8Array,
  sums: readonly Sum[],
  sizes: { lines: number; line: readonly [number, number]; point: readonly [number, number] },
): void {
  const [step, written] = sizes.point;
  for (let line = 0; line < sizes.lines; line++)
    for (let at = 0; at < sums.length; at++) {
      const { start, weights } = sums[at]!;
      const first = line * sizes.line[0] + start * step;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 1 << (precision - 1);
        for (let place = 0; place < weights.length; place++)
          sum += source[first + place * step + channel]! * weights[place]!;
        target[line * sizes.line[1] + at * written + channel] = Math.max(0, Math.min(255, sum >> precision));
      }
    }
}

/**
 * Resizes a picture as Pillow's `Image.resize` does.
 *
 * @param resampling - The filter.
 */
export function resize(
  { data, width, height }: Rgb,
  toWidth: number,
  toHeight: number,
  resampling: Resampling,
): Rgb {
  let now = data;
  if (toWidth !== width) {
    now = new Uint8Array(height * toWidth * 3);
    const sizes = { lines: height, line: [width * 3, toWidth * 3], point: [3, 3] } as const;
    pass(data, now, sumsOf(width, toWidth, resampling), sizes);
  }
  if (toHeight === height) return { data: now, width: toWidth, height };
  const out = new Uint8Array(toHeight * toWidth * 3);
  const row = toWidth * 3;
  pass(now, out, sumsOf(height, toHeight, resampling), { lines: toWidth, line: [3, 3], point: [row, row] });
  return { data: out, width: toWidth, height: toHeight };
}

/**
 * The middle of a picture; where it is smaller, black is put around it, as transformers' `center_crop` does.
 *
 * @returns A picture of this size.
 */
export function centreCrop({ data, width, height }: Rgb, toWidth: number, toHeight: number): Rgb {
  const out = new Uint8Array(toHeight * toWidth * 3);
  /** Where the first point of the old side lies on the new one. */
  const shift = (from: number, to: number): number =>
    to > from ? Math.ceil((to - from) / 2) : -Math.floor((from - to) / 2);
  const [left, top] = [shift(width, toWidth), shift(height, toHeight)];
  for (let y = 0; y < toHeight; y++) {
    const from = y - top;
    if (from < 0 || from >= height) continue;
    const first = Math.max(0, left);
    const last = Math.min(toWidth, left + width);
    const start = (from * width + first - left) * 3;
    out.set(data.subarray(start, start + (last - first) * 3), (y * toWidth + first) * 3);
  }
  return { data: out, width: toWidth, height: toHeight };
}

/** A picture as bytes, red, green and blue of each point. */
export interface Rgb {
  /** Uint8 [height * width * 3]. */
  data: Uint8Array;
  /** Points in a row. */
  width: number;
  /** Rows. */
  height: number;
}

/** The cubic kernel with a = -1/2. */
function cubic(x: number): number {
  const at = Math.abs(x);
  if (at < 1) return (1.5 * at - 2.5) * at * at + 1;
  return at < 2 ? ((-0.5 * at + 2.5) * at - 4) * at + 2 : 0;
}

/** Bits behind the point of fixed-point weights. */
const precision = 22;

/** What each point of a resized line is a weighted sum of: where it begins, and weights as whole numbers. */
function weightsOf(from: number, to: number): { start: number; weights: Int32Array }[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  return Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - start }, (_w, place) =>
      cubic((place + start - centre + 0.5) / stretch),
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

/** One pass: lines of `from` points become lines of `to`. */
function pass(
  source: Uint8Array,
  target: Uint8Array,
  sizes: { lines: number; to: number; line: readonly [number, number]; point: readonly [number, number] },
  from: number,
): void {
  const weights = weightsOf(from, sizes.to);
  for (let line = 0; line < sizes.lines; line++)
    for (let at = 0; at < sizes.to; at++) {
      const { start, weights: own } = weights[at]!;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 2 ** (precision - 1);
        for (let place = 0; place < own.length; place++)
          sum += source[line * sizes.line[0] + (start + place) * sizes.point[0] + channel]! * own[place]!;
        target[line * sizes.line[1] + at * sizes.point[1] + channel] = Math.max(
          0,
          Math.min(255, Math.floor(sum / 2 ** precision)),
        );
      }
    }
}

/**
 * Resizes a picture as Pillow's BICUBIC does, to the last bit: a cubic kernel that is stretched when the picture
 * shrinks, columns before rows, weights with 22 bits behind the point. Ducho resizes by it.
 */
export function resizeBicubic({ data, width, height }: Rgb, toWidth: number, toHeight: number): Rgb {
  let [now, own] = [data, width];
  if (toWidth !== width) {
    now = new Uint8Array(height * toWidth * 3);
    pass(data, now, { lines: height, to: toWidth, line: [width * 3, toWidth * 3], point: [3, 3] }, width);
    own = toWidth;
  }
  if (toHeight === height) return { data: now, width: own, height };
  const out = new Uint8Array(toHeight * own * 3);
  pass(now, out, { lines: own, to: toHeight, line: [3, 3], point: [own * 3, own * 3] }, height);
  return { data: out, width: own, height: toHeight };
}

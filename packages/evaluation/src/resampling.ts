import type { RandomStream } from '@ferry/engine';

/**
 * The inner loops of the resampling tests, which draw hundreds of millions of numbers by sfc32. Its four words of state
 * are local variables of each loop: in an object or a closure they take several times as long.
 */

/** Sums of as many values as there are, drawn with replacement; [samples]. */
export function resampledSums(values: Float64Array, samples: number, random: RandomStream): Float64Array {
  const rows = values.length;
  const scale = rows / 2 ** 32;
  const sums = new Float64Array(samples);
  let [a, b, c, d] = seeded(random);
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    for (let r = 0; r < rows; r++) {
      const t = (((a + b) | 0) + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + t) | 0;
      sum += values[((t >>> 0) * scale) >>> 0]!;
    }
    sums[s] = sum;
  }
  return sums;
}

/** How many sums of the values, each with a random sign, are at least `bound` in size. */
export function extremeSums(
  values: Float64Array,
  bound: number,
  samples: number,
  random: RandomStream,
): number {
  const count = values.length;
  let [a, b, c, d] = seeded(random);
  let extreme = 0;
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    let bits = 0;
    for (let i = 0; i < count; i++) {
      if ((i & 31) === 0) {
        bits = (((a + b) | 0) + d) | 0;
        d = (d + 1) | 0;
        a = b ^ (b >>> 9);
        b = (c + (c << 3)) | 0;
        c = (((c << 21) | (c >>> 11)) + bits) | 0;
      } else bits >>>= 1;
      sum += ((bits & 1) * 2 - 1) * values[i]!;
    }
    if (sum >= bound || sum <= -bound) extreme++;
  }
  return extreme;
}

/** State of sfc32 from four words of a stream, its first twelve numbers thrown away. */
function seeded(random: RandomStream): [a: number, b: number, c: number, d: number] {
  let [a, b, c, d] = [random.uint32(), random.uint32(), random.uint32(), random.uint32()].map(
    (word) => word | 0,
  ) as [number, number, number, number];
  for (let i = 0; i < 12; i++) {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
  }
  return [a, b, c, d];
}

import type { Library } from '../hub.ts';
import { decode } from './decode.ts';
import type { Rgb } from './resize.ts';

/** How numbers of pictures are scaled. */
export interface Scaling {
  /** `zscore`: by mean and deviation; `minmax`: from 0 to 1 in each picture; undefined: from 0 to 1. */
  preprocessing?: 'zscore' | 'minmax';
  /** Means of red, green and blue, for zscore. */
  mean: readonly number[];
  /** Their deviations. */
  std: readonly number[];
}

/** Pictures for a processor of transformers.js. */
export async function rawImages(
  library: Library,
  paths: readonly string[],
): Promise<InstanceType<Library['RawImage']>[]> {
  return Promise.all(
    paths.map(async (path) => {
      const { data, width, height } = await decode(path);
      return new library.RawImage(new Uint8ClampedArray(data), width, height, 3);
    }),
  );
}

/** Numbers of a picture as a torch model takes them: channels first; scaled as the preprocessing says. */
export function preprocess(
  { data, width, height }: Rgb,
  { preprocessing, mean, std }: Scaling,
): Float32Array {
  const plane = width * height;
  const out = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++)
    for (let at = 0; at < plane; at++) {
      const value = data[at * 3 + channel]! / 255;
      out[channel * plane + at] =
        preprocessing === 'zscore' ? (value - mean[channel]!) / std[channel]! : value;
    }
  if (preprocessing !== 'minmax') return out;
  let [least, most] = [Infinity, -Infinity];
  for (const value of out) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  // A picture of one colour would be divided by zero: Ducho makes NaN of it.
  for (let at = 0; at < out.length; at++) out[at] = most === least ? 0 : (out[at]! - least) / (most - least);
  return out;
}

import type { DuchoModel } from './config.ts';
import type { Rgb } from '../pictures/resize.ts';

/** Numbers of a picture as a torch model takes them: channels first; scaled as the preprocessing says. */
export function preprocess(
  { data, width, height }: Rgb,
  { preprocessing, mean, std }: Pick<DuchoModel, 'preprocessing' | 'mean' | 'std'>,
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

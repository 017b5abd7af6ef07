import { InputError } from '@ferry/data';
import type { DuchoModel } from './config.ts';
import type { Rgb } from './resize.ts';

/** Decodes a picture: upright, on white, three channels of eight bits. */
export async function decode(path: string): Promise<Rgb> {
  const { default: sharp } = await import('sharp');
  try {
    const { data, info } = await sharp(path)
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return { data, width: info.width, height: info.height };
    const rgb = new Uint8Array(info.width * info.height * 3);
    for (let at = 0; at < info.width * info.height; at++)
      rgb.fill(data[at * info.channels]!, at * 3, at * 3 + 3);
    return { data: rgb, width: info.width, height: info.height };
  } catch (error) {
    throw new InputError(
      path,
      undefined,
      `the picture cannot be decoded (${(error as Error).message.split('\n', 1)[0]!})`,
    );
  }
}

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

import { InputError } from '@ferry/data';
import type { Rgb } from './resize.ts';

/**
 * Decodes a picture: upright, on white, three channels of eight bits.
 *
 * @throws InputError naming the file, if it cannot be decoded.
 */
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

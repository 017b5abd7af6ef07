import { InputError } from '@ferry/data';
import type { Encoder } from './types.ts';

/** Edge of the square a picture is scaled to. */
const edge = 64;

/** Cells along an edge, and pixels along a cell's edge. */
const cells = 4;
const cell = edge / cells;

/** Orientation bins over half a turn. */
const orientations = 8;

/** Levels of each of red, green and blue in the colour histogram. */
const levels = 4;

const colourWidth = cells * cells * 6;
const gradientWidth = cells * cells * orientations;
const histogramWidth = levels ** 3;

/** F of the 'pixels' encoder: 96 + 128 + 64. */
export const pixelsWidth = colourWidth + gradientWidth + histogramWidth;

/** Identity of the encoder, for the cache: any change of the numbers below needs a new one. */
export const describePixels = 'pixels@1';

/** Scales `part` to length 1 / sqrt(3), so that the three parts weigh the same; all zeros stay. */
function balance(part: Float32Array): void {
  const length = Math.sqrt(part.reduce((sum, value) => sum + value * value, 0));
  if (length > 1e-6)
    for (const [index, value] of part.entries()) part[index] = value / (length * Math.sqrt(3));
}

/**
 * A small descriptor of how a picture looks, without any learned weights; three parts of equal length:
 *
 * 1. per cell of a 4 x 4 grid, mean and standard deviation of luma and both chromas (BT.601, about mid-grey), [96];
 * 2. per cell, gradient orientations in 8 bins over half a turn, weighted by magnitude and shared linearly between
 *    neighbouring bins (as histograms of oriented gradients do), [128];
 * 3. a joint histogram of red, green and blue in 4 levels each, its square root taken (Hellinger), [64].
 *
 * @param rgb - Pixels of a 64 x 64 picture, row by row, 3 bytes each.
 * @returns Float32 [288], of length at most 1, never all zero.
 * @throws RangeError if there are not 64 * 64 * 3 bytes.
 */
export function pixelDescriptor(rgb: Uint8Array): Float32Array {
  if (rgb.length !== edge * edge * 3)
    throw new RangeError(`pixelDescriptor: rgb must hold ${edge * edge * 3} bytes, got ${rgb.length}`);
  const out = new Float32Array(pixelsWidth);
  const colour = out.subarray(0, colourWidth);
  const gradient = out.subarray(colourWidth, colourWidth + gradientWidth);
  const histogram = out.subarray(colourWidth + gradientWidth);
  const planes = [0, 1, 2].map(() => new Float32Array(edge * edge));
  for (let at = 0; at < edge * edge; at++) {
    const [r, g, b] = [rgb[at * 3]! / 255, rgb[at * 3 + 1]! / 255, rgb[at * 3 + 2]! / 255];
    const luma = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[0]![at] = luma - 0.5;
    planes[1]![at] = 0.564 * (b - luma);
    planes[2]![at] = 0.713 * (r - luma);
    const level = (value: number) => Math.min(levels - 1, Math.floor(value * levels));
    histogram[(level(r) * levels + level(g)) * levels + level(b)]! += 1;
  }
  for (const [index, number] of histogram.entries()) histogram[index] = Math.sqrt(number);

  const cellOf = (x: number, y: number) => Math.floor(y / cell) * cells + Math.floor(x / cell);
  for (const [plane, values] of planes.entries()) {
    const sum = new Float64Array(cells * cells);
    const squares = new Float64Array(cells * cells);
    for (let at = 0; at < edge * edge; at++) {
      const own = cellOf(at % edge, Math.floor(at / edge));
      sum[own]! += values[at]!;
      squares[own]! += values[at]! ** 2;
    }
    for (let own = 0; own < cells * cells; own++) {
      const mean = sum[own]! / (cell * cell);
      colour[own * 6 + plane * 2] = mean;
      colour[own * 6 + plane * 2 + 1] = Math.sqrt(Math.max(0, squares[own]! / (cell * cell) - mean * mean));
    }
  }

  const luma = planes[0]!;
  const at = (x: number, y: number) =>
    luma[Math.min(edge - 1, Math.max(0, y)) * edge + Math.min(edge - 1, Math.max(0, x))]!;
  for (let y = 0; y < edge; y++)
    for (let x = 0; x < edge; x++) {
      const dx = at(x + 1, y) - at(x - 1, y);
      const dy = at(x, y + 1) - at(x, y - 1);
      const magnitude = Math.hypot(dx, dy);
      if (magnitude === 0) continue;
      const angle = (Math.atan2(dy, dx) + Math.PI) % Math.PI;
      const position = (angle / Math.PI) * orientations;
      const low = Math.floor(position) % orientations;
      const share = position - Math.floor(position);
      const base = cellOf(x, y) * orientations;
      gradient[base + low]! += magnitude * (1 - share);
      gradient[base + ((low + 1) % orientations)]! += magnitude * share;
    }
  for (const part of [colour, gradient, histogram]) balance(part);
  return out;
}

/** The 'pixels' encoder: pictures are turned upright, put on white, scaled to 64 x 64 and described. */
export async function openPixels(): Promise<Encoder<string>> {
  // Loaded here: commands that describe no picture start without it.
  const { default: sharp } = await import('sharp');
  const one = async (path: string): Promise<Float32Array> => {
    const rgb = await sharp(path)
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .resize(edge, edge, { fit: 'fill' })
      .toColourspace('srgb')
      .raw()
      .toBuffer()
      .catch((error: unknown) => {
        const [reason] = (error as Error).message.split('\n');
        throw new InputError(path, undefined, `the picture cannot be decoded (${reason})`);
      });
    return pixelDescriptor(rgb);
  };
  return {
    encode: async (paths: readonly string[]) => {
      const vectors = await Promise.all(paths.map(one));
      const data = new Float32Array(vectors.length * pixelsWidth);
      for (const [row, vector] of vectors.entries()) data.set(vector, row * pixelsWidth);
      return data;
    },
    close: () => Promise.resolve(),
  };
}

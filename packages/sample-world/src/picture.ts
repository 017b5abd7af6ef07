import type { RandomStream } from '@ferry/engine';
import type { SampleItem } from './items.ts';
import type { Picture } from './png.ts';
import { styles, themes } from './vocabulary.ts';

/** Pixels on a side. */
export const pictureSize = 32;

/** Whether (x, y), each in [-1, 1], lies inside the motif: one plain shape for each theme, in the order of `themes`. */
const motifs: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => x * x + y * y < 0.5 || (Math.abs(y - x * 0.3) < 0.08 && Math.abs(x) < 0.98), // a ringed planet
  (x, y) =>
    Math.max(Math.abs(x), Math.abs(y)) < 0.65 &&
    !(Math.abs(y + 0.15) < 0.12 && Math.abs(Math.abs(x) - 0.28) < 0.14), // a head
  (x, y) =>
    Math.abs(Math.hypot(x + 0.2, y + 0.2) - 0.45) < 0.13 || (Math.abs(x - y) < 0.14 && x > 0.1 && x < 0.8), // a lens
  (x, y) => Math.abs(x - y) < 0.16 || Math.abs(x + y) < 0.16, // crossed bones
  (x, y) => Math.abs(((y + 2 + 0.25 * triangle(x * 2)) % 0.5) - 0.25) < 0.1, // waves
  (x, y) => y > -0.8 && y < 0.4 && Math.abs(x) < (y + 0.8) * 0.55, // a fir
  (x, y) => Math.hypot(Math.abs(x) - 0.38, Math.abs(y) - 0.38) < 0.36, // petals
  (x, y) => (y > 0 && x * x + y * y < 0.6) || (Math.abs(y) < 0.1 && Math.abs(x) < 0.9), // a bowl
  (x, y) =>
    Math.hypot(x + 0.35, y - 0.5) < 0.3 ||
    (Math.abs(x) < 0.09 && y < 0.5 && y > -0.8) ||
    (y < -0.6 && y > -0.82 && x > 0 && x < 0.55), // a note
  (x, y) => Math.abs(x * y) < 0.05 + 0.1 * (1 - Math.hypot(x, y)), // a four-pointed star
  (x, y) => y > -0.7 + 1.3 * Math.abs(Math.abs(x) - 0.3), // two summits
  (x, y) => Math.abs(x) + Math.abs(y) < 0.8 && Math.abs(x) + Math.abs(y) > 0.4, // a shield
];

/** A triangle wave of period 2 in [-1, 1]. */
function triangle(x: number): number {
  const phase = (((x % 2) + 2) % 2) / 2;
  return 4 * Math.abs(phase - 0.5) - 1;
}

/** Red, green and blue bytes of a colour: hue in degrees, saturation and lightness in 0..1. */
export function rgb(hue: number, saturation: number, lightness: number): [number, number, number] {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/**
 * Draws an item: its theme's motif in its theme's hue on the ground of its style, moved, sized and speckled a little.
 * Only sums, products and roots are used, so every machine draws the same bytes.
 *
 * @param item - Theme and style.
 * @param random - The picture's own stream.
 */
export function drawPicture(item: Pick<SampleItem, 'theme' | 'style'>, random: RandomStream): Picture {
  const { hue } = themes[item.theme]!;
  const { ground, saturation } = styles[item.style]!;
  const inside = motifs[item.theme]!;
  const turn = random.integer(21) - 10;
  const back = rgb((hue + turn + 360) % 360, saturation * 0.6, ground);
  const front = rgb((hue + turn + 360) % 360, Math.max(saturation, 0.3), ground > 0.6 ? 0.4 : 0.72);
  const scale = 0.85 + 0.5 * random.uniform();
  const [dx, dy] = [0.3 * (random.uniform() - 0.5), 0.3 * (random.uniform() - 0.5)];
  const pixels = new Uint8Array(pictureSize * pictureSize * 3);
  let at = 0;
  for (let row = 0; row < pictureSize; row++)
    for (let column = 0; column < pictureSize; column++) {
      const x = ((2 * column + 1) / pictureSize - 1 - dx) * scale;
      const y = ((2 * row + 1) / pictureSize - 1 - dy) * scale;
      const colour = inside(x, y) ? front : back;
      const speckle = random.integer(25) - 12;
      for (const value of colour) pixels[at++] = Math.max(0, Math.min(255, value + speckle));
    }
  return { width: pictureSize, height: pictureSize, pixels };
}

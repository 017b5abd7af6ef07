import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClipImage } from './clip.ts';
import type { ImageEncoderName } from './image.ts';
import { openPixels } from './pixels.ts';

/** Pixels of the card, as the impression cards of IM-MIND have them. */
const size = { width: 610, height: 195 };

/**
 * What an encoder makes of a white card: what published code shows it in place of a picture that is not there.
 *
 * @returns [F]
 */
export async function blankCard(encoder: ImageEncoderName): Promise<Float32Array> {
  // Loaded here: commands that describe no picture start without it.
  const { default: sharp } = await import('sharp');
  const folder = await mkdtemp(join(tmpdir(), 'ferry-card-'));
  const opened = await (encoder === 'clip' ? openClipImage({}) : openPixels());
  try {
    const file = join(folder, 'card.png');
    await sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
      .png()
      .toFile(file);
    return await opened.encode([file]);
  } finally {
    await opened.close();
    await rm(folder, { recursive: true });
  }
}

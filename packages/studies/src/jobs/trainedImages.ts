import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RandomStream } from '@ferry/engine';
import { createEncoder, loadEncoder, saveEncoder } from '@ferry/encoders';
import {
  loadPictureProcessor,
  pictureProcessor,
  readPictures,
  type PictureBytes,
  type PictureProcessor,
} from '@ferry/features';
import type { ImageEncoderSettings } from '@ferry/recipes';
import type { JobConsole } from './console.ts';
import {
  type EncodedDomain,
  encoderFolder,
  imageSizes,
  type OpenedEncoder,
  towerOptions,
} from './trainedParts.ts';

/** What of a recipe's image encoder says what it is. */
type ImageSettings = Pick<ImageEncoderSettings, 'from' | 'config' | 'size' | 'pooling'> &
  Partial<Pick<ImageEncoderSettings, 'statistics'>>;

/** A pre-trained encoder with its processor, or one from nothing that reads pictures of a size. */
async function open(
  { from, config, size, pooling, statistics }: ImageSettings,
  random: RandomStream,
): Promise<Pick<OpenedEncoder, 'encoder' | 'save'> & { processor: PictureProcessor }> {
  const resnet = config.model_type === 'resnet';
  const settings = {
    modality: 'image' as const,
    pooling,
    statistics: statistics ?? (from === undefined && resnet ? ('running' as const) : undefined),
  };
  if (from !== undefined) {
    const directory = encoderFolder(from, 'features.imageEncoder.from');
    const encoder = await loadEncoder(directory, settings);
    return {
      encoder,
      processor: await loadPictureProcessor(directory),
      save: (place) => saveEncoder(place, encoder),
    };
  }
  const encoder = createEncoder(imageSizes({ config, size }), random, settings);
  const processing = { image_processor_type: 'ViTImageProcessor', size: { height: size, width: size } };
  return {
    encoder,
    processor: pictureProcessor(processing, 'features.imageEncoder.size'),
    save: async (place) => {
      await saveEncoder(place, encoder);
      await writeFile(join(place, 'preprocessor_config.json'), `${JSON.stringify(processing, null, 2)}\n`);
    },
  };
}

/** Pictures with a white card in place of each that is missing. */
function withWhiteCards<P extends PictureBytes>(pictures: P): P {
  const { data, present, shape } = pictures;
  const size = data.length / shape[0]!;
  const filled = data.slice();
  for (const [item, flag] of present.entries())
    if (flag === 0) filled.fill(255, item * size, (item + 1) * size);
  return { ...pictures, data: filled, present: new Uint8Array(present.length).fill(1) };
}

/**
 * The image encoder of a recipe and the domains' pictures, as bytes of one size.
 *
 * @param options - `damaged`: what becomes of pictures that cannot be decoded; `whiteCards`: whether a white card
 *   stands for those that are missing.
 */
export async function openImages(
  settings: ImageSettings & Partial<ImageEncoderSettings>,
  domains: readonly Pick<EncodedDomain, 'domain' | 'pictures'>[],
  random: RandomStream,
  {
    damaged,
    console,
    whiteCards = false,
  }: {
    damaged: 'refuse' | 'missing';
    console: Pick<JobConsole, 'features' | 'line'>;
    whiteCards?: boolean;
  },
): Promise<OpenedEncoder> {
  const { encoder, processor, save } = await open(settings, random.split('weights'));
  const { gain, shift } = processor;
  const read: PictureBytes[] = [];
  for (const { domain, pictures } of domains) {
    const progress = (done: number, total: number): void => {
      console.features?.(domain.name, 'image', { done, total });
    };
    const one = await readPictures(domain, pictures!, processor, { damaged, progress });
    for (const note of one.notes) console.line(`  ${domain.name}: ${note}`);
    read.push(whiteCards ? withWhiteCards(one) : one);
  }
  return {
    ...{ encoder, save },
    options: {
      ...towerOptions(settings),
      pixels: { gain, shift },
      ...(settings.augment && { augment: settings.augment }),
    },
    items: read.map(({ shape, data }) => ({ pixels: { shape, data } })),
    present: read.map(({ present }) => present),
    random: random.split('lora'),
  };
}

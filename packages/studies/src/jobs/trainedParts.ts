import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomStream } from '@ferry/engine';
import {
  checkEncoder,
  checkEncoderConfig,
  type Encoder,
  type ItemContent,
  type TextTokenizer,
  type TowerOptions,
} from '@ferry/encoders';
import { loadPictureProcessor, type FeatureDomain, type ItemPictures } from '@ferry/features';
import {
  imageEncoderSchema,
  textEncoderSchema,
  UserError,
  type FeatureSettings,
  type ImageEncoderSettings,
  type TextEncoderSettings,
} from '@ferry/recipes';
import { domainPath } from '../domains.ts';

/** Items with the texts and pictures that encoders are trained on. */
export interface EncodedDomain {
  /** What they are. */
  readonly domain: FeatureDomain;
  /** Their texts, where an encoder is trained on them. [N] */
  readonly texts?: readonly (string | undefined)[];
  /** Their pictures, where an encoder is trained on them. */
  readonly pictures?: ItemPictures;
}

/** An encoder of a recipe and what it reads. */
export interface OpenedEncoder {
  /** The network. */
  readonly encoder: Encoder;
  /** How it is trained. */
  readonly options: TowerOptions;
  /** What each domain's items are. */
  readonly items: readonly ItemContent[];
  /** 1 for the items that have the modality, of each domain. */
  readonly present: readonly Uint8Array[];
  /** Source of what the tuning adds. */
  readonly random: RandomStream;
  /** Of a text encoder. */
  readonly tokenizer?: TextTokenizer;
  /** Writes the encoder, with its present weights, and what makes its inputs, in Hugging Face's layout. */
  readonly save: (directory: string) => Promise<void>;
}

/** What a recipe says of training an encoder, of either modality. */
export function towerOptions({
  tuning,
  recompute,
  microBatch,
}: Partial<Pick<TextEncoderSettings, 'tuning' | 'recompute' | 'microBatch'>>): TowerOptions {
  return { tuning, recompute, microBatch };
}

/**
 * The folder that a recipe names.
 *
 * @param key - The recipe's key.
 * @throws UserError if it holds no encoder.
 */
export function encoderFolder(from: string, key: string): string {
  const directory = domainPath(from);
  if (directory === undefined)
    throw new UserError(`${key}: ${from} needs the environment variable FERRY_DATA`);
  if (!existsSync(join(directory, 'config.json')))
    throw new UserError(
      `${key}: ${directory} must be a folder of Hugging Face's layout, and there is no config.json in it`,
    );
  return directory;
}

/**
 * The config of a text encoder from nothing.
 *
 * @param vocabulary - How many tokens there are, and the number of padding.
 */
export function textSizes(
  {
    config,
    length,
    tuning,
  }: Pick<TextEncoderSettings, 'config' | 'length'> & Partial<Pick<TextEncoderSettings, 'tuning'>>,
  { size, padding }: { size: number; padding: number },
): Record<string, unknown> {
  const prompted = typeof tuning === 'object' && 'prompt' in tuning ? tuning.prompt.length : 0;
  return {
    // RoBERTa and MPNet have two positions before those of a text, and count those of tokens that are no padding.
    max_position_embeddings: length + 2 + prompted,
    pad_token_id: padding,
    ...config,
    vocab_size: size,
  };
}

/** The config of an image encoder from nothing: all families but ResNet know the size of their pictures. */
export function imageSizes({
  config,
  size,
}: Pick<ImageEncoderSettings, 'config' | 'size'>): Record<string, unknown> {
  return { ...(config.model_type !== 'resnet' && { image_size: size }), ...config };
}

/** Checks a recipe's encoders as far as that is cheap, before anything is read: their settings, and their files. */
export async function requireEncoders({
  text,
  image,
  textEncoder = textEncoderSchema.parse({}),
  imageEncoder = imageEncoderSchema.parse({}),
}: FeatureSettings): Promise<void> {
  const folder = async (from: string, modality: 'text' | 'image'): Promise<string> => {
    const directory = encoderFolder(from, `features.${modality}Encoder.from`);
    await checkEncoder(directory, modality);
    return directory;
  };
  if (text === 'trained')
    if (textEncoder.from !== undefined) await folder(textEncoder.from, 'text');
    else checkEncoderConfig(textSizes(textEncoder, { size: textEncoder.vocabulary, padding: 0 }), 'text');
  if (image === 'trained')
    if (imageEncoder.from !== undefined) await loadPictureProcessor(await folder(imageEncoder.from, 'image'));
    else checkEncoderConfig(imageSizes(imageEncoder), 'image');
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomStream } from '@ferry/engine';
import type { Encoder, ItemContent, TextTokenizer, TowerOptions } from '@ferry/encoders';
import type { FeatureDomain, ItemPictures } from '@ferry/features';
import { UserError, type FeatureSettings, type TextEncoderSettings } from '@ferry/recipes';
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

/** Checks that the folders of a recipe's encoders are there, before anything dear is begun. */
export function requireEncoders({ textEncoder, imageEncoder }: FeatureSettings): void {
  for (const [key, settings] of Object.entries({ textEncoder, imageEncoder }))
    if (settings?.from !== undefined) encoderFolder(settings.from, `features.${key}.from`);
}

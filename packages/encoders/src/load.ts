import { join } from 'node:path';
import { readObject } from '@ferry/data';
import type { RandomStream } from '@ferry/engine';
import { z } from 'zod';
import { findWeights, readWeights } from './checkpointFile.ts';
import { assembleEncoder, type Encoder, type Statistics } from './encoder.ts';
import { families } from './families/index.ts';
import { type Family, type Pooling, settingsIn } from './family.ts';
import { matchWeights } from './match.ts';
import type { PoolingOptions } from './pool.ts';
import { sentencePooling } from './sentence.ts';
import { requireTokenizer } from './tokenizer.ts';
import { createParameters, firstValues } from './weights.ts';

/** Which part of a checkpoint, and how vectors are made. */
export interface EncoderSettings {
  /** Which tower, of a model that has one for texts and one for pictures. */
  modality?: 'text' | 'image';
  /** How tokens become a vector. Default: what sentence-transformers' files say, else the family's own. */
  pooling?: Pooling;
  /** Whether vectors are scaled to length 1. Default: what sentence-transformers' files say, else false. */
  normalise?: boolean;
  /** What batch normalisation goes by in training (ResNet). Default frozen. */
  statistics?: Statistics;
}

/** The family that a config.json names, and its settings. */
function describe(
  config: Record<string, unknown>,
  modality: EncoderSettings['modality'],
  where: string,
): { family: Family; options: object } {
  const type = config['model_type'];
  const known = families.filter(({ types }) => String(type) in types);
  if (known.length === 0) {
    const all = new Set(families.flatMap(({ types }) => Object.keys(types)));
    throw new Error(
      `${where}: model_type must be one of ${[...all].join(', ')}, got ${JSON.stringify(type)}`,
    );
  }
  const fitting = known.filter((one) => modality === undefined || one.modality === modality);
  if (fitting.length !== 1)
    throw new Error(
      fitting.length > 1
        ? `${where}: ${String(type)} reads texts and pictures: modality must say which, got none`
        : `${where}: a ${String(type)} encoder reads ${known[0]!.modality}, got modality ${String(modality)}`,
    );
  const [family] = fitting as [Family];
  const parsed = family.options.safeParse(settingsIn(family, config));
  if (!parsed.success)
    throw new Error(
      `${where}: ${z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' ')}, for ${family.name}`,
    );
  return { family, options: parsed.data };
}

/** What the files of a folder say of its encoder. */
async function readSettings(directory: string, modality: EncoderSettings['modality']) {
  const where = join(directory, 'config.json');
  const config = await readObject(where);
  if (!config)
    throw new Error(`loadEncoder: ${where} must say what the encoder is, and there is no such file`);
  return { config, ...describe(config, modality, where), sentence: await sentencePooling(directory) };
}

/**
 * Reads a pre-trained encoder from a folder of Hugging Face's layout: the family from `config.json`, the weights from
 * `model.safetensors` (or the files of its index), `pytorch_model.bin` or a `.pth`. Nothing of the files is run. The
 * parameters are the caller's to train and dispose.
 *
 * @param directory - The folder.
 * @param settings - Which tower, how vectors are made.
 * @throws Error naming the file and all that is wrong: an unknown family, a setting that cannot be honoured, weights
 *   that are missing, left over or of another shape.
 */
export async function loadEncoder(directory: string, settings: EncoderSettings = {}): Promise<Encoder> {
  const { config, family, options, sentence } = await readSettings(directory, settings.modality);
  const stored = await readWeights(directory);
  const { table, tensors, ignored } = matchWeights(family, options, stored);
  const parameters = createParameters(table, (name, { theirs }) => {
    const values = tensors.get(name)!.values();
    if (!values) throw new Error(`loadEncoder: ${stored.file}: "${theirs}" must be floats, got integers`);
    return values;
  });
  return assembleEncoder({
    family,
    options,
    config,
    directory,
    ignored,
    table,
    parameters,
    pooling: settings.pooling ?? sentence?.pooling ?? family.pooling,
    normalise: settings.normalise ?? sentence?.normalise ?? false,
    statistics: settings.statistics ?? 'frozen',
  });
}

/**
 * Checks what can be told of an encoder's folder without reading weights and vocabulary: its settings, and whether these
 * files are there.
 *
 * @param directory - The folder.
 * @param modality - What it is to read.
 * @throws Error as {@link loadEncoder} and `loadTokenizer` do.
 */
export async function checkEncoder(directory: string, modality: 'text' | 'image'): Promise<void> {
  await readSettings(directory, modality);
  await findWeights(directory);
  if (modality === 'text') await requireTokenizer(directory);
}

/**
 * Checks the settings of an encoder that is to be trained from nothing.
 *
 * @throws Error as {@link createEncoder} does.
 */
export function checkEncoderConfig(
  config: Readonly<Record<string, unknown>>,
  modality: 'text' | 'image',
): void {
  const { family } = describe(config, modality, 'createEncoder: config');
  refuseUnknown(family, config);
}

/**
 * How an encoder in a folder makes vectors, whatever form its weights have: of texts as sentence-transformers' files or
 * the model's name say, else in its family's way.
 *
 * @param directory - The folder.
 * @param reads - What it reads.
 * @param name - What the model is called. Default the folder.
 * @returns Undefined if neither says it.
 */
export async function folderPooling(
  directory: string,
  reads: 'text' | 'image',
  name = directory,
): Promise<PoolingOptions | undefined> {
  const own = reads === 'text' ? await sentencePooling(directory, name) : undefined;
  if (own) return own;
  const type = String((await readObject(join(directory, 'config.json')))?.['model_type']);
  const family = families.find(({ types, modality }) => modality === reads && type in types);
  return family && { pooling: family.pooling, normalise: false };
}

/** Keys that Python writes into every config.json and that say nothing of the network. */
const besides = /^(model_type|architectures|dtype|torch_dtype|transformers_version|use_cache|\w+_token_id)$/;

/** Refuses settings that the family does not have: what somebody writes for a new encoder is meant to count. */
function refuseUnknown({ name, options, section }: Family, config: Readonly<Record<string, unknown>>): void {
  const known = Object.keys((options as z.ZodObject).shape);
  const own = (section && (config[section.name] as object | undefined)) ?? config;
  const unknown = Object.keys(own).filter((key) => !known.includes(key) && !besides.test(key));
  if (unknown.length > 0)
    throw new Error(
      `createEncoder: config of ${name} may have ${known.join(', ')}, got ${unknown.join(', ')}`,
    );
}

/**
 * An encoder with first weights, to be trained from nothing.
 *
 * @param config - As a `config.json`: `model_type` and the sizes of its family.
 * @param random - Source of the first weights.
 * @param settings - Which tower, how vectors are made.
 * @throws Error if a setting cannot be honoured, or is none of the family's.
 */
export function createEncoder(
  config: Readonly<Record<string, unknown>>,
  random: RandomStream,
  settings: EncoderSettings = {},
): Encoder {
  const { family, options } = describe(config, settings.modality, 'createEncoder: config');
  refuseUnknown(family, config);
  const pooling = settings.pooling ?? family.pooling;
  const table = family.weights(options, () => pooling === 'pooled');
  return assembleEncoder({
    family,
    options,
    config,
    ignored: [],
    table,
    parameters: createParameters(table, firstValues(random)),
    pooling,
    normalise: settings.normalise ?? false,
    statistics: settings.statistics ?? 'frozen',
  });
}

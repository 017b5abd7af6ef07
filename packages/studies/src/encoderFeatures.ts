/** Features by encoders in folders of Hugging Face's layout: Ferry's own networks, without any ONNX file. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Domain } from '@ferry/data';
import { type Encoder, loadEncoder, loadTokenizer, tokenise } from '@ferry/encoders';
import { compile, disposeNest, selectBackend, tf } from '@ferry/engine';
import {
  buildFeatures,
  type Encoder as VectorEncoder,
  type FeatureEncoder,
  imageEncoders,
  loadPictureProcessor,
  type Modality,
  readPicture,
  requireInputs,
  textEncoders,
} from '@ferry/features';
import { type FeatureSettings, UserError } from '@ferry/recipes';
import { domainPath } from './domains.ts';
import { domainFeatures, type DomainFeatures, type FeatureProgress } from './features.ts';

/** Tokens of the longest text, whatever the encoder could read. */
const LONGEST = 512;

/** Lengths of texts are rounded up to multiples of this: few programs serve all. */
const LENGTHS = 8;

/** Files that decide what an encoder gives. */
const decisive = /\.(json|txt|model|safetensors|bin|pth)$/;

/** Which encoders make the features of a domain: a name (`use-lite`, `pixels`, `clip`), or a folder. */
export interface WantedFeatures {
  /** Of texts. */
  readonly text?: string | undefined;
  /** Of pictures. */
  readonly image?: string | undefined;
}

const modalities = ['text', 'image'] as const;
const names = { text: textEncoders, image: imageEncoders };

/**
 * Makes the features of a domain by encoders that are named, or lie in folders of Hugging Face's layout (`config.json`,
 * weights, a tokenizer or `preprocessor_config.json`), which Ferry's own networks read. They are kept, and what is kept
 * is not made again.
 *
 * @param progress - Told how far the making is.
 * @throws Error naming what a folder or the domain lacks, before anything is encoded.
 */
export async function makeFeatures(
  domain: Domain,
  wanted: WantedFeatures,
  { damaged, progress }: { damaged: 'refuse' | 'missing'; progress?: FeatureProgress },
): Promise<DomainFeatures> {
  const folders: { modality: Modality; folder: string; encoder: FeatureEncoder }[] = [];
  const named: Partial<Record<Modality, string>> = {};
  for (const modality of modalities) {
    const value = wanted[modality];
    if (value === undefined) continue;
    if ((names[modality] as readonly string[]).includes(value)) {
      named[modality] = value;
      continue;
    }
    const folder = domainPath(value);
    if (folder === undefined)
      throw new UserError(`--${modality}: ${value} needs the environment variable FERRY_DATA`);
    folders.push({ modality, folder, encoder: await folderEncoder(modality, folder) });
    await requireInputs(domain, modality);
  }
  const settings = { text: named.text ?? 'none', image: named.image ?? 'none', damagedPictures: damaged };
  const made = await domainFeatures(domain, settings as FeatureSettings, progress);
  if (folders.length > 0) await selectBackend('auto', { log: () => undefined });
  for (const { modality, encoder } of folders)
    made[modality] = await buildFeatures(domain, modality, encoder, {
      damaged,
      progress: (at) => progress?.(modality, at),
    });
  return made;
}

/** The encoder of a folder, not yet opened. */
async function folderEncoder(modality: Modality, folder: string): Promise<FeatureEncoder> {
  const identity = await identityOf(modality, folder);
  // What it lacks besides weights is found before anything is encoded.
  await (modality === 'text' ? loadTokenizer(folder) : loadPictureProcessor(folder));
  return {
    name: `${basename(resolve(folder))}-${identity.slice(0, 8)}`,
    identity: `encoder@1:${identity}`,
    open: () => (modality === 'text' ? openTexts(folder) : openImages(folder)),
  };
}

/** SHA-256 of an encoder's files. */
async function identityOf(modality: Modality, folder: string): Promise<string> {
  const found = await readdir(folder).catch(() => [] as string[]);
  if (!found.includes('config.json'))
    throw new UserError(
      `--${modality} must be ${names[modality].join(', ')} or a folder of Hugging Face's layout, and there is no ` +
        `config.json in ${folder}`,
    );
  const sum = createHash('sha256');
  const files = found.filter((name) => decisive.test(name));
  if (found.includes('1_Pooling')) files.push(join('1_Pooling', 'config.json'));
  for (const name of files.sort()) {
    sum.update(`${name}\0`);
    await pipeline(createReadStream(join(folder, name)), sum, { end: false });
  }
  return sum.digest('hex');
}

/** How many tokens an encoder reads: what sentence-transformers' file says, else as many as it has positions. */
async function longestOf(folder: string, { config, family }: Encoder): Promise<number> {
  const stated = await readFile(join(folder, 'sentence_bert_config.json'), 'utf8').catch(() => '{}');
  const { max_seq_length: most } = JSON.parse(stated) as { max_seq_length?: number | null };
  const own = (config['text_config'] ?? config) as { max_position_embeddings?: number };
  // Their first position is that of padding.
  const lost = ['roberta', 'mpnet'].includes(family) ? 2 : 0;
  return Math.min(most ?? LONGEST, (own.max_position_embeddings ?? LONGEST) - lost, LONGEST);
}

/** A network as extraction wants it: batches of inputs to rows of vectors. */
function batched(
  encoder: Encoder,
  inputs: (values: readonly string[]) => Promise<Record<string, tf.Tensor>>,
): VectorEncoder<string> {
  const run = compile((given: Record<string, tf.Tensor>) => encoder.vectors(encoder.parameters, given), {
    name: `${encoder.family}.features`,
  });
  return {
    encode: async (values) => {
      const given = await inputs(values);
      const made = run(given);
      const rows = (await made.data()) as Float32Array;
      disposeNest([given, made]);
      return rows;
    },
    close: () => {
      run.dispose();
      encoder.dispose();
      return Promise.resolve();
    },
  };
}

async function openTexts(folder: string): Promise<VectorEncoder<string>> {
  const tokenizer = await loadTokenizer(folder);
  const encoder = await loadEncoder(folder, { modality: 'text' });
  const longest = await longestOf(folder, encoder);
  return batched(encoder, (texts) => {
    const { ids, mask } = tokenise(tokenizer, texts, longest, LENGTHS);
    return Promise.resolve({
      ids: tf.tensor(ids.data, [...ids.shape], 'int32'),
      mask: tf.tensor(mask.data, [...mask.shape]),
    });
  });
}

async function openImages(folder: string): Promise<VectorEncoder<string>> {
  const processor = await loadPictureProcessor(folder);
  const encoder = await loadEncoder(folder, { modality: 'image' });
  const { height, width } = processor;
  return batched(encoder, async (paths) => {
    const pixels = new Float32Array(paths.length * 3 * height * width);
    const pictures = await Promise.all(paths.map((path) => readPicture(path, processor)));
    for (const [i, picture] of pictures.entries()) pixels.set(picture, i * picture.length);
    return { pixels: tf.tensor(pixels, [paths.length, 3, height, width]) };
  });
}

/** Features by encoders in folders of Hugging Face's layout: Ferry's own networks, where there is no ONNX file. */
import { basename, join } from 'node:path';
import { readObject, type Domain } from '@ferry/data';
import {
  type Encoder,
  folderPooling,
  loadEncoder,
  loadTokenizer,
  packWeights,
  poolings,
  sentencePooling,
  tokenise,
  type Pooling,
} from '@ferry/encoders';
import { compile, disposeNest, selectBackend, tf } from '@ferry/engine';
import {
  encodeItems,
  loadPictureProcessor,
  parseEncoding,
  readPicture,
  runDucho,
  type DuchoOptions,
  type DuchoResult,
  type Encoder as VectorEncoder,
  type EncodeOptions,
  type Encoding,
  type FeatureMatrix,
  type FoundModel,
  type Networks,
} from '@ferry/features';
import type { Parameters } from '@ferry/nn';
import { UserError } from '@ferry/recipes';
import { domainPath } from './domains.ts';

/** Tokens of the longest text, whatever the encoder could read. */
const LONGEST = 512;

/** Lengths of texts are rounded up to multiples of this: few programs serve all. */
const LENGTHS = 8;

/**
 * Encodes a domain like `encodeItems`; folders with weights and no ONNX file go by Ferry's own networks, and
 * `$FERRY_DATA/…` stands for a folder of the data.
 *
 * @returns A matrix for each encoding.
 * @throws Error naming what a folder or the domain lacks, before anything is encoded.
 */
export async function makeEncodings(
  domain: Domain,
  encodings: readonly Encoding[],
  options: Omit<EncodeOptions, 'networks'> = {},
): Promise<FeatureMatrix[]> {
  const placed = encodings.map((encoding): Encoding => {
    const place = (key: string, reference: string): string => {
      const path = domainPath(reference);
      if (path === undefined)
        throw new UserError(`${key}: ${reference} needs the environment variable FERRY_DATA`);
      return path;
    };
    return 'text' in encoding
      ? { ...encoding, text: place('text', encoding.text) }
      : { ...encoding, image: place('image', encoding.image) };
  });
  return encodeItems(domain, placed, { ...options, networks });
}

/**
 * Runs a Ducho configuration like `runDucho`; sentence encoders make vectors as their folders say.
 *
 * @param file - Ducho's YAML.
 */
export async function makeDucho(
  file: string,
  options: Omit<DuchoOptions, 'pooling'> = {},
): Promise<DuchoResult[]> {
  return runDucho(file, { ...options, pooling: (folder, _, name) => sentencePooling(folder, name) });
}

/** Settings that networks have, besides `pooled`, `cls` and so on as output. */
const known = [
  ...['text', 'image', 'name', 'output', 'normalise', 'file', 'weights', 'revision', 'batchSize'],
  ...['fields', 'join', 'maxTokens'],
];

/** Ferry's networks, as `encodeItems` takes them. */
const networks: Networks = {
  async check({ folder }, encoding) {
    const plain = parseEncoding(
      'text' in encoding ? { text: encoding.text } : { image: encoding.image },
      'encoding',
    );
    for (const [key, value] of Object.entries(encoding))
      if (!known.includes(key) && JSON.stringify(value) !== JSON.stringify(plain[key as keyof Encoding]))
        throw new UserError(
          `${folder!}: weights without an ONNX file have no setting '${key}': the folder's own files say it`,
        );
    poolingOf(encoding);
    await ('text' in encoding ? loadTokenizer(folder!) : loadPictureProcessor(folder!));
  },
  pooling: folderPooling,
  async open(found, encoding) {
    await selectBackend('auto', { log: () => undefined });
    const pooling = poolingOf(encoding);
    const modality = 'text' in encoding ? 'text' : 'image';
    const encoder = await loadEncoder(found.folder!, {
      modality,
      ...(pooling === undefined ? {} : { pooling }),
      ...(encoding.normalise === undefined ? {} : { normalise: encoding.normalise }),
    });
    const { reads, preprocessing } =
      'text' in encoding ? await ofTexts(found, encoder, encoding.maxTokens) : await ofPictures(found);
    const packed = encoding.weights === 'float32' ? undefined : packWeights(encoder, encoding.weights);
    return {
      encoder: batched(encoder, packed?.parameters ?? encoder.parameters, reads, () => {
        packed?.dispose();
        encoder.dispose();
      }),
      ...(packed && { exact: batched(encoder, encoder.parameters, reads, packed.freeOriginals) }),
      chosen: { output: `${encoder.family} of ${basename(found.weights)}`, pooling: encoder.pooling },
      normalised: encoder.normalise,
      preprocessing,
      notes: found.notes,
    };
  },
};

/** How an encoding asks tokens to become a vector; undefined for the folder's own way. */
function poolingOf({ output }: Encoding): Pooling | undefined {
  if (output === 'own') return undefined;
  const pooling = poolings.find((one) => one === output);
  if (pooling === undefined)
    throw new UserError(
      `output of weights without an ONNX file must be own, ${poolings.join(', ')}, got ${JSON.stringify(output)}`,
    );
  return pooling;
}

/** How many tokens an encoder reads: what sentence-transformers' file says, else as many as it has positions. */
async function longestOf(folder: string, { config, family }: Encoder): Promise<number> {
  const stated = await readObject(join(folder, 'sentence_bert_config.json'));
  const { max_seq_length: most } = (stated ?? {}) as { max_seq_length?: number | null };
  const own = (config['text_config'] ?? config) as { max_position_embeddings?: number };
  // Their first position is that of padding.
  const lost = ['roberta', 'mpnet'].includes(family) ? 2 : 0;
  return Math.min(most ?? LONGEST, (own.max_position_embeddings ?? LONGEST) - lost, LONGEST);
}

/** Makes an encoder's inputs of texts or paths. */
type Reads = (values: readonly string[]) => Promise<Record<string, tf.Tensor>>;

/** A network with its weights as extraction wants it: batches of inputs to rows of vectors. */
function batched(
  encoder: Encoder,
  weights: Parameters,
  reads: Reads,
  free: () => void,
): VectorEncoder<string> {
  const run = compile((given: Record<string, tf.Tensor>) => encoder.vectors(weights, given), {
    name: `${encoder.family}.features`,
  });
  return {
    encode: async (values) => {
      const given = await reads(values);
      const made = run(given);
      const rows = (await made.data()) as Float32Array;
      disposeNest([given, made]);
      return rows;
    },
    close: () => {
      run.dispose();
      free();
      return Promise.resolve();
    },
  };
}

/** Texts as an encoder reads them. */
async function ofTexts(
  { folder }: FoundModel,
  encoder: Encoder,
  maxTokens: number | undefined,
): Promise<{ reads: Reads; preprocessing: string }> {
  const tokenizer = await loadTokenizer(folder!);
  const longest = Math.min(maxTokens ?? LONGEST, await longestOf(folder!, encoder));
  return {
    preprocessing: `${longest} tokens`,
    reads: (texts) => {
      const { ids, mask } = tokenise(tokenizer, texts, longest, LENGTHS);
      return Promise.resolve({
        ids: tf.tensor(ids.data, [...ids.shape], 'int32'),
        mask: tf.tensor(mask.data, [...mask.shape]),
      });
    },
  };
}

/** Pictures as an encoder reads them. */
async function ofPictures({ folder }: FoundModel): Promise<{ reads: Reads; preprocessing: string }> {
  const processor = await loadPictureProcessor(folder!);
  const { height, width } = processor;
  return {
    preprocessing: 'as preprocessor_config.json says',
    reads: async (paths) => {
      const pixels = new Float32Array(paths.length * 3 * height * width);
      const pictures = await Promise.all(paths.map((path) => readPicture(path, processor)));
      for (const [i, picture] of pictures.entries()) pixels.set(picture, i * picture.length);
      return { pixels: tf.tensor(pixels, [paths.length, 3, height, width]) };
    },
  };
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { extract, type ExtractionOptions } from '../extract.ts';
import { hashFile, sha256 } from '../hash.ts';
import { buildImageFeatures, imageEncoders, type ImageEncoderName } from '../image.ts';
import { pictureInputs, requireInputs, sourceInputs } from '../inputs.ts';
import { whyAbsentNote } from '../pictureFiles.ts';
import { exists } from '../places.ts';
import { buildTextFeatures, textEncoders, type TextEncoderName } from '../text.ts';
import type { Agreement } from '../record.ts';
import type { FeatureDomain, FeatureMatrix } from '../types.ts';
import { agreement, agreementNote, sampleOf } from './agreement.ts';
import { findModel, type FoundModel } from './find.ts';
import type { HubOptions } from './hub.ts';
import { familyTokens, openImageModel } from './imageModel.ts';
import { modalityOf, nameOf, ofTexts, parseEncoding, type Encoding } from './settings.ts';
import { modelName, openTextModel, tokenizerFile, type OpenModel, type PoolingOf } from './textModel.ts';

/** Networks that weights are given to, where a folder has no ONNX file: `@ferry/studies` has them. */
export interface Networks {
  /**
   * Finds what a folder lacks, and settings that no network has.
   *
   * @throws Error or UserError naming it.
   */
  check(found: FoundModel, encoding: Encoding): Promise<void>;
  /** How models in folders make vectors. */
  pooling: PoolingOf;
  /** Opens the network of a folder. */
  open(found: FoundModel, encoding: Encoding): Promise<OpenModel>;
}

/** How {@link encodeItems} goes about. */
export interface EncodeOptions
  extends Omit<ExtractionOptions, 'batchSize' | 'name' | 'progress'>, Pick<HubOptions, 'line'> {
  /** Folder that relative paths of models are relative to. Default: the working directory. */
  base?: string;
  /** Pictures that cannot be decoded: an error, or missing. */
  damaged?: 'refuse' | 'missing';
  /** Told how far each step is. */
  progress?: (what: string, done: number, total: number) => void;
  /** For folders that have weights and no ONNX file, and for how models make vectors (default: as their outputs say). */
  networks?: Networks;
}

/** Files of a folder that decide what a model makes, besides its weights. */
const deciding = [
  ...['config.json', 'preprocessor_config.json', 'tokenizer_config.json', 'modules.json'],
  ...['1_Pooling/config.json', 'sentence_bert_config.json'],
];

/** Files of a folder that decide what a network makes. */
const ofNetworks = /\.(json|txt|model|safetensors|bin|pth?)$/;

/** Paths of the files, besides the weights, that decide a vector. */
async function decidingFiles({ form, folder }: FoundModel): Promise<string[]> {
  if (folder === undefined) return [];
  const all =
    form === 'onnx'
      ? deciding
      : [...(await readdir(folder)).filter((name) => ofNetworks.test(name)).sort(), '1_Pooling/config.json'];
  return all.map((name) => join(folder, name));
}

/** Everything that decides a vector, but the input. */
async function identityOf(
  found: FoundModel,
  encoding: Encoding,
  { base = process.cwd(), networks }: EncodeOptions,
): Promise<{ identity: string; sha: string }> {
  const sha = await hashFile(found.weights);
  const files = [
    ...(await decidingFiles(found)),
    ...(ofTexts(encoding) ? [tokenizerFile(found, encoding, base)] : []),
  ];
  const hashes: string[] = [];
  for (const file of files) if (await exists(file)) hashes.push(await hashFile(file));
  const { output, normalise, weights } = encoding;
  const own = ofTexts(encoding)
    ? [encoding.maxTokens ?? null]
    : [encoding.preprocessing, encoding.mean, encoding.std, encoding.size ?? null, encoding.layout ?? null];
  // Exports without a word on pooling were once read by the mean of texts, whatever the family, and the pooled output of
  // pictures.
  const revised = ofTexts(encoding) || (output === 'own' && (await familyTokens(found, networks?.pooling)));
  const kind = found.form === 'onnx' ? `onnx@${revised ? 2 : 1}` : 'network@1';
  const settings = sha256(
    JSON.stringify([
      sha,
      hashes,
      output,
      normalise ?? null,
      ...own,
      ...(weights === 'float32' ? [] : [weights]),
    ]),
  );
  return { identity: `${kind} ${settings}`, sha };
}

/** Opens a model, whichever form it has. */
async function openModel(
  found: FoundModel,
  encoding: Encoding,
  { base = process.cwd(), networks }: EncodeOptions,
): Promise<OpenModel> {
  if (found.form === 'weights') return networks!.open(found, encoding);
  return ofTexts(encoding)
    ? openTextModel(found, encoding, base, networks?.pooling)
    : openImageModel(found, encoding, networks?.pooling);
}

/** Encodes by a model that is none of Ferry's own. */
async function encodeByModel(
  domain: FeatureDomain,
  encoding: Encoding,
  options: EncodeOptions,
  found: FoundModel,
): Promise<FeatureMatrix> {
  const { progress, damaged, ...rest } = options;
  const name = nameOf(encoding);
  const { identity, sha } = await identityOf(found, encoding, options);
  const pictures = ofTexts(encoding) ? undefined : await pictureInputs(domain);
  const source = ofTexts(encoding) && encoding.fields ? { fields: encoding.fields, join: encoding.join } : {};
  const inputs = pictures?.inputs ?? (await sourceInputs(domain, source));
  const cost = (value: string): number => (pictures ? 0 : value.length);
  let opened: OpenModel | undefined;
  let near: Agreement | undefined;
  const open = async (): Promise<OpenModel> => {
    if (opened) return opened;
    opened = await openModel(found, encoding, options);
    const { encoder: packed, exact } = opened;
    if (exact)
      try {
        const batch = { size: encoding.batchSize, cost };
        near = await agreement(encoding.weights, sampleOf(inputs), { packed, exact }, batch);
      } finally {
        await exact.close();
      }
    return opened;
  };
  try {
    return await extract(
      {
        domain,
        modality: modalityOf(encoding),
        encoder: name,
        // Vectors of other models and settings may have another width.
        cache: `${name}-${sha256(identity).slice(0, 8)}`,
        identity,
        inputs,
        cost,
        open: async () => ({ encode: (await open()).encoder.encode, close: () => Promise.resolve() }),
        describe: async () => {
          const { chosen, normalised, preprocessing, notes } = await open();
          return {
            notes: near ? [...notes, agreementNote(near, pictures ? 'pictures' : 'texts')] : notes,
            model: {
              name: modelName(found),
              ...(found.revision === undefined ? {} : { revision: found.revision }),
              weights: { file: found.weights.split(/[/\\]/).at(-1)!, sha256: sha },
              output: chosen.output,
              pooling: chosen.pooling,
              normalised,
              preprocessing,
              ...(near && { agreement: near }),
            },
          };
        },
        made: source,
        ...(damaged ? { damaged } : {}),
        notes: pictures ? whyAbsentNote(domain, pictures.absent) : [],
      },
      {
        ...rest,
        batchSize: encoding.batchSize,
        progress: ({ done, total }) => progress?.(`${domain.name}: ${name}`, done, total),
      },
    );
  } finally {
    await opened?.encoder.close();
  }
}

/** The encoder of Ferry that an encoding means, if it does. */
function ownEncoder(encoding: Encoding): TextEncoderName | ImageEncoderName | undefined {
  return ofTexts(encoding)
    ? textEncoders.find((own) => own === encoding.text)
    : imageEncoders.find((own) => own === encoding.image);
}

/** Settings of Ferry's own encoders, which have no files that could say otherwise. */
const ownSettings = ['text', 'image', 'name', 'fields', 'join', 'batchSize'];

/** Refuses settings that an encoder of Ferry has not. */
function refuseOthers(encoding: Encoding): void {
  const plain = parseEncoding(
    ofTexts(encoding) ? { text: encoding.text } : { image: encoding.image },
    'encoding',
  );
  for (const [key, value] of Object.entries(encoding))
    if (!ownSettings.includes(key) && JSON.stringify(value) !== JSON.stringify(plain[key as keyof Encoding]))
      throw new UserError(
        `${nameOf(plain)} has no setting '${key}': it is for models of a hub, folders and .onnx files`,
      );
}

/** Encodes by one of Ferry's own encoders. */
function encodeByOwn(
  domain: FeatureDomain,
  encoding: Encoding,
  options: EncodeOptions,
): Promise<FeatureMatrix> {
  const { progress, damaged, ...rest } = options;
  const name = nameOf(encoding);
  const common = {
    ...rest,
    name,
    batchSize: encoding.batchSize,
    progress: ({ done, total }: { done: number; total: number }) =>
      progress?.(`${domain.name}: ${name}`, done, total),
  };
  return ofTexts(encoding)
    ? buildTextFeatures(domain, {
        ...common,
        encoder: encoding.text as TextEncoderName,
        ...(encoding.fields ? { fields: encoding.fields, join: encoding.join } : {}),
      })
    : buildImageFeatures(domain, {
        ...common,
        encoder: encoding.image as ImageEncoderName,
        ...(damaged ? { damaged } : {}),
      });
}

/** Finds the model of an encoding, and what it lacks. */
async function findFor(encoding: Encoding, options: EncodeOptions): Promise<FoundModel> {
  const { base = process.cwd(), line, progress, signal, networks } = options;
  const reference = ofTexts(encoding) ? encoding.text : encoding.image;
  const found = await findModel(reference, modalityOf(encoding), {
    base,
    revision: encoding.revision,
    ...(encoding.file === undefined ? {} : { file: encoding.file }),
    ...(line ? { line } : {}),
    ...(progress ? { progress } : {}),
    ...(signal ? { signal } : {}),
  });
  if (found.form === 'onnx') {
    if (encoding.weights !== 'float32')
      throw new UserError(
        `weights: ${encoding.weights} is for folders with weights and without an ONNX file, got ${found.weights}: ` +
          'name the weights, or an export of fewer bytes, as file',
      );
    return found;
  }
  if (!networks)
    throw new InputError(found.weights, undefined, 'must be an ONNX file: no networks are given for weights');
  await networks.check(found, encoding);
  return found;
}

/**
 * Encodes a domain's texts and pictures by one or several encodings, each kept under its name beside the others. All models
 * are found, and what is to be encoded is asked for, before anything is encoded; equal inputs are encoded once; what is
 * there already of the same model, settings and inputs is not made again.
 *
 * @param domain - The domain.
 * @param encodings - See {@link readEncodings} and {@link parseEncoding}.
 * @returns A matrix for each.
 * @throws InputError naming the model, field or picture at fault; UserError for settings that do not go together.
 */
export async function encodeItems(
  domain: FeatureDomain,
  encodings: readonly Encoding[],
  options: EncodeOptions = {},
): Promise<FeatureMatrix[]> {
  const names = encodings.map((encoding) => `${modalityOf(encoding)} ${nameOf(encoding)}`);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined)
    throw new UserError(`each encoding needs a name of its own, got ${twice} twice: say name`);
  const models: (FoundModel | undefined)[] = [];
  for (const encoding of encodings) {
    if (ofTexts(encoding) && encoding.fields) await sourceInputs(domain, encoding);
    else await requireInputs(domain, modalityOf(encoding));
    if (ownEncoder(encoding) !== undefined) {
      refuseOthers(encoding);
      models.push(undefined);
    } else models.push(await findFor(encoding, options));
  }
  const made: FeatureMatrix[] = [];
  for (const [at, encoding] of encodings.entries()) {
    const model = models[at];
    made.push(
      await (model
        ? encodeByModel(domain, encoding, options, model)
        : encodeByOwn(domain, encoding, options)),
    );
  }
  return made;
}

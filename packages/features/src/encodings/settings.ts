import { dirname } from 'node:path';
import { didYouMean, readRecipe, readText, UserError } from '@ferry/recipes';
import { z } from 'zod';
import type { Modality } from '../types.ts';

const model = z
  .string()
  .min(1)
  .describe(
    'a name (use-lite, pixels, clip), a model of a hub (organisation/name), a folder in its layout, or an .onnx file',
  );
const three = z.array(z.number()).length(3);

/** What both kinds of encodings have. */
const common = {
  name: z
    .string()
    .regex(/^[\w.-]+$/, { error: 'must be of letters, digits, _, . and -' })
    .optional()
    .describe('what the encoding is kept under; default the model’s last name, the output and the weights'),
  output: z
    .string()
    .min(1)
    .default('own')
    .describe(
      'own: what the model’s files say; pooled; cls: the first token; mean: of the tokens; or the name of a layer',
    ),
  normalise: z
    .boolean()
    .optional()
    .describe('whether vectors get length 1; default what the model’s files say'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('which ONNX file of the folder, such as onnx/model_quantized.onnx'),
  weights: z
    .enum(['float32', 'float16', 'int8'])
    .default('float32')
    .describe(
      'how weights without an ONNX file are held: float16 in half the room; int8 in a quarter, and dynamically ' +
        'quantised, as ONNX Runtime does; how near the vectors are is measured and said',
    ),
  revision: z.string().min(1).default('main').describe('which version of a model of a hub'),
  batchSize: z.int().min(1).default(32).describe('items encoded at once'),
};

const textSchema = z.strictObject({
  text: model,
  ...common,
  fields: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'keys of items.jsonl that make the text, in this order; default: text or, where that is blank, title',
    ),
  join: z.string().default('. ').describe('what stands between fields; blank ones are left out'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the tokenizer; default that of the model, for an .onnx file the one it lies in'),
  maxTokens: z.int().min(1).optional().describe('tokens that are read; default what the model’s files say'),
});

const imageSchema = z.strictObject({
  image: model,
  ...common,
  preprocessing: z
    .enum(['own', 'zscore', 'minmax', 'none'])
    .default('own')
    .describe(
      'own: as the model’s files say (an .onnx file has none: zscore); zscore: (x / 255 - mean) / std; minmax: from ' +
        '0 to 1 in each picture; none: x / 255',
    ),
  mean: three.default([0.485, 0.456, 0.406]).describe('of zscore'),
  std: three.default([0.229, 0.224, 0.225]).describe('of zscore'),
  size: z
    .tuple([z.int().min(1), z.int().min(1)])
    .optional()
    .describe('width and height that pictures are resized to; default what the model says'),
  layout: z
    .enum(['nchw', 'nhwc'])
    .optional()
    .describe('where the colours stand in an .onnx file’s input; default as it declares'),
});

/** What `ferry features` reads as a file. */
const fileSchema = z.strictObject({
  domain: z.string().min(1).optional().describe('a domain directory, $FERRY_DATA/…, or sample-world:<name>'),
  damaged: z
    .enum(['refuse', 'missing'])
    .default('refuse')
    .describe('pictures that cannot be decoded: an error, or as if none were named'),
  encodings: z.array(z.record(z.string(), z.unknown())).min(1).describe('one for each set of features'),
});

/** Settings of one encoding of texts. */
export type TextEncoding = z.output<typeof textSchema>;
/** Settings of one encoding of pictures. */
export type ImageEncoding = z.output<typeof imageSchema>;
/** Settings of one encoding. */
export type Encoding = TextEncoding | ImageEncoding;

/** Whether an encoding is one of texts. */
export function ofTexts(encoding: Encoding): encoding is TextEncoding {
  return 'text' in encoding;
}

/** What an encoding describes. */
export function modalityOf(encoding: Encoding): Modality {
  return ofTexts(encoding) ? 'text' : 'image';
}

/** What an encoding is kept under. */
export function nameOf(encoding: Encoding): string {
  if (encoding.name !== undefined) return encoding.name;
  const reference = ofTexts(encoding) ? encoding.text : encoding.image;
  const last = reference
    .replace(/[/\\]+$/, '')
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.onnx$/i, '');
  const named = last === '' || /^\.+$/.test(last) ? 'model' : last;
  const output = encoding.output === 'own' ? '' : `-${encoding.output}`;
  const weights = encoding.weights === 'float32' ? '' : `-${encoding.weights}`;
  return `${named}${output}${weights}`.replace(/[^\w.-]+/g, '_');
}

/**
 * Checks one encoding.
 *
 * @throws UserError naming the key.
 */
export function parseEncoding(given: Readonly<Record<string, unknown>>, place: string): Encoding {
  const both = ['text', 'image'].filter((key) => key in given);
  if (both.length !== 1)
    throw new UserError(
      `${place} must have an encoder, text or image, got ${both.length === 0 ? 'neither' : 'both'}`,
    );
  const schema = both[0] === 'text' ? textSchema : imageSchema;
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues as [z.core.$ZodIssue];
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schema.shape);
    const [key] = issue.keys as [string];
    throw new UserError(
      `${place} has no key '${key}'${didYouMean(key, known)}; keys of ${both[0]!} encodings: ${known.join(', ')}`,
    );
  }
  throw new UserError(`${place}.${issue.path.join('.')}: ${issue.message}`);
}

/** A file of encodings as it was read. */
export interface EncodingFile {
  /** The domain, if it names one. */
  domain?: string;
  /** What becomes of pictures that cannot be decoded. */
  damaged: 'refuse' | 'missing';
  /** What is to be made. */
  encodings: Encoding[];
  /** Folder that relative paths of models are relative to. */
  folder: string;
}

/**
 * Reads Ferry's own short YAML of encodings.
 *
 * @throws RecipeError or UserError with the key that is wrong.
 */
export function readEncodings(file: string): EncodingFile {
  const { domain, damaged, encodings } = readRecipe(readText(file, 'file of encodings'), file, fileSchema);
  return {
    ...(domain === undefined ? {} : { domain }),
    damaged,
    encodings: encodings.map((one, at) => parseEncoding(one, `${file}: encodings.${at}`)),
    folder: dirname(file),
  };
}

import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { decode } from '../pictures/decode.ts';
import { resize } from '../pictures/resize.ts';
import { preprocess, rawImages } from '../pictures/scale.ts';
import { openLocal } from '../hub.ts';
import { exists, jsonOf } from '../places.ts';
import type { Feed, Session } from '../session.ts';
import type { FoundModel } from './find.ts';
import { normaliseRows, openOutput, pooled, type Habits } from './outputs.ts';
import type { ImageEncoding } from './settings.ts';
import { modelName, type OpenModel, type PoolingOf } from './textModel.ts';

/** Numbers of a batch of pictures, and their shape. */
type Pixels = (paths: readonly string[]) => Promise<{ data: Float32Array; dims: number[] }>;

/** Families whose first token stands for the picture. */
const firstToken = /^(?:vit|deit|beit|dinov2|clip|blip|siglip|ijepa|data2vec)/;

/**
 * How tokens of a picture model become a vector where its family's network makes vectors of tokens, whatever pooled output
 * there is besides: ViT's was trained for another task, or not at all.
 */
export async function familyTokens(
  found: FoundModel,
  poolingOf: PoolingOf | undefined,
): Promise<'cls' | 'mean' | undefined> {
  if (found.folder === undefined) return undefined;
  const pooling = (await poolingOf?.(found.folder, 'image', modelName(found)))?.pooling;
  return pooling === 'cls' || pooling === 'mean' ? pooling : undefined;
}

/** What is taken of a picture model. */
async function habitsOf(found: FoundModel, poolingOf: PoolingOf | undefined): Promise<Habits> {
  const { folder } = found;
  const tokens = await familyTokens(found, poolingOf);
  if (tokens) return { vectors: [], tokens };
  const config = folder && (await jsonOf<{ model_type?: string }>(join(folder, 'config.json')));
  const family = (config && config.model_type) ?? '';
  return {
    vectors: ['image_embeds', 'pooler_output'],
    tokens: firstToken.test(family) && !family.startsWith('vit_mae') ? 'cls' : 'mean',
  };
}

/** The input for pictures and what it declares. */
function inputOf({ inputs }: Session, weights: string) {
  const input =
    inputs.find(({ name }) => name === 'pixel_values') ?? inputs.find(({ shape }) => shape.length === 4);
  if (input?.type !== 'float32')
    throw new InputError(
      weights,
      undefined,
      'a picture model must take float32 numbers of four axes, got ' +
        inputs.map(({ name, type, shape }) => `${name}: ${type} [${shape.join(', ')}]`).join('; '),
    );
  return input;
}

/** Pictures by Ferry's own preprocessing: resized as Pillow does, scaled as asked for. */
function ownPixels(
  session: Session,
  settings: ImageEncoding,
  weights: string,
): { pixels: Pixels; words: string } {
  const { shape } = inputOf(session, weights);
  const nhwc = (settings.layout ?? (shape[3] === 3 && shape[1] !== 3 ? 'nhwc' : 'nchw')) === 'nhwc';
  const declared = nhwc ? [shape[2], shape[1]] : [shape[3], shape[2]];
  const size =
    settings.size ??
    (declared.every((own) => typeof own === 'number') ? (declared as [number, number]) : undefined);
  if (size === undefined)
    throw new InputError(
      weights,
      undefined,
      `the model leaves the size of pictures open ([${shape.join(', ')}]): say it, such as size: [224, 224]`,
    );
  const preprocessing = settings.preprocessing === 'own' ? 'zscore' : settings.preprocessing;
  const [width, height] = size;
  const scaling = {
    mean: settings.mean,
    std: settings.std,
    preprocessing: preprocessing === 'none' ? undefined : preprocessing,
  };
  const pixels: Pixels = async (paths) => {
    const plane = width * height;
    const data = new Float32Array(paths.length * 3 * plane);
    const all = await Promise.all(
      paths.map(async (path) => preprocess(resize(await decode(path), width, height, 'bicubic'), scaling)),
    );
    for (const [row, own] of all.entries()) {
      if (!nhwc) data.set(own, row * 3 * plane);
      else
        for (let at = 0; at < plane; at++)
          for (let colour = 0; colour < 3; colour++)
            data[(row * plane + at) * 3 + colour] = own[colour * plane + at]!;
    }
    return { data, dims: nhwc ? [paths.length, height, width, 3] : [paths.length, 3, height, width] };
  };
  const scale =
    preprocessing === 'zscore' ? ` (mean ${settings.mean.join(' ')}, std ${settings.std.join(' ')})` : '';
  return { pixels, words: `resized to ${width} x ${height}, ${preprocessing}${scale}` };
}

/** Pictures as the model's own files say. */
async function modelPixels(folder: string): Promise<Pixels> {
  const [library, processor] = await openLocal(folder, async (loaded, name) => [
    loaded,
    await loaded.AutoImageProcessor.from_pretrained(name),
  ]);
  return async (paths) => {
    const images = await rawImages(library, paths);
    const made = await (
      processor(images) as Promise<{
        pixel_values: { data: Float32Array; dims: number[] };
      }>
    ).catch((error: unknown) => {
      throw new UserError(
        `${folder}: pictures cannot be made ready as preprocessor_config.json says (${(error as Error).message}); say ` +
          'preprocessing and size',
      );
    });
    return made.pixel_values;
  };
}

/** What a joint model is fed for its other half: one token. */
function otherFeeds(session: Session, picture: string, weights: string): Record<string, Feed> {
  const feeds: Record<string, Feed> = {};
  for (const { name } of session.inputs) {
    if (name === picture) continue;
    if (!['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'].includes(name))
      throw new InputError(
        weights,
        undefined,
        `a picture model must take pictures alone, got an input ${JSON.stringify(name)}`,
      );
    feeds[name] = {
      type: 'int64',
      data: BigInt64Array.of(name === 'attention_mask' ? 1n : 0n),
      shape: [1, 1],
    };
  }
  return feeds;
}

/**
 * Opens a model that sees pictures, in a thread of its own. Pictures are decoded by sharp: upright, on white.
 *
 * @throws InputError if it cannot be loaded, or its input is no picture.
 */
export async function openImageModel(
  found: FoundModel,
  settings: ImageEncoding,
  poolingOf?: PoolingOf,
): Promise<OpenModel> {
  const { folder, weights } = found;
  const { session, chosen } = await openOutput(weights, settings.output, await habitsOf(found, poolingOf));
  try {
    const picture = inputOf(session, weights).name;
    const others = otherFeeds(session, picture, weights);
    const asFiles =
      settings.preprocessing === 'own' &&
      settings.size === undefined &&
      folder !== undefined &&
      (await exists(join(folder, 'preprocessor_config.json')));
    const { pixels, words } = asFiles
      ? { pixels: await modelPixels(folder), words: 'as preprocessor_config.json says' }
      : ownPixels(session, settings, weights);
    const normalised = settings.normalise ?? false;
    return {
      chosen,
      normalised,
      preprocessing: words,
      notes: [
        ...found.notes,
        ...(chosen.output === 'logits' && settings.output === 'own'
          ? [
              'the export gives scores of classes alone (logits); a layer inside it may serve better (output: avgpool)',
            ]
          : []),
      ],
      encoder: {
        encode: async (paths) => {
          const { data, dims } = await pixels(paths);
          const answer = await session.run({ ...others, [picture]: { type: 'float32', data, shape: dims } }, [
            chosen.output,
          ]);
          const vectors = pooled(answer[chosen.output]!, chosen.pooling, undefined);
          return normalised ? normaliseRows(vectors, paths.length) : vectors;
        },
        close: session.close,
      },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

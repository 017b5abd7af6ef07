import { access } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@ferry/data';
import { hashFile } from './hash.ts';
import { withLibrary, type Environment, type Library } from './hub.ts';
import { rawImages } from './pictures/scale.ts';
import type { Encoder, Modality } from './types.ts';

/** The model: CLIP ViT-B/32 with both projections, converted to ONNX. Text and image vectors share one 512-wide space. */
export const clipModel = 'Xenova/clip-vit-base-patch32';

/** Where CLIP's weights are looked for. */
export interface ClipOptions {
  /**
   * A folder that holds `Xenova/clip-vit-base-patch32/`, or that folder itself. Default: environment variable
   * FERRY_MODELS.
   */
  modelDirectory?: string;
  /** Whether missing weights may be fetched from huggingface.co into the model directory. Default true. */
  download?: boolean;
}

/** Files that each tower needs. */
const files: Readonly<Record<Modality, readonly string[]>> = {
  text: ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/text_model.onnx'],
  image: ['config.json', 'preprocessor_config.json', 'onnx/vision_model.onnx'],
};

interface Place {
  /** Folder of the model, undefined if no directory was named. */
  folder: string | undefined;
  /** Files that are not there. */
  missing: string[];
}

async function missingFiles(folder: string, modality: Modality): Promise<string[]> {
  const checks = files[modality].map((name) =>
    access(join(folder, name)).then(
      () => [],
      () => [name],
    ),
  );
  return (await Promise.all(checks)).flat();
}

/** Looks for the weights on disk. */
async function locate(modality: Modality, { modelDirectory }: ClipOptions): Promise<Place> {
  const root = modelDirectory ?? process.env['FERRY_MODELS'];
  if (root === undefined) return { folder: undefined, missing: [...files[modality]] };
  const nested = join(resolve(root), clipModel);
  const direct = await missingFiles(resolve(root), modality);
  if (direct.length === 0) return { folder: resolve(root), missing: [] };
  return { folder: nested, missing: await missingFiles(nested, modality) };
}

/** The error that says what is missing and what to do. */
function unavailable(modality: Modality, { folder, missing }: Place, reason: string): InputError {
  const advice = modality === 'text' ? "encoder 'use-lite'" : "encoder 'pixels'";
  return new InputError(
    folder ?? 'FERRY_MODELS',
    undefined,
    `encoder 'clip' (${clipModel}) needs ${missing.join(', ')}, got ` +
      `${folder === undefined ? 'no model directory' : 'no such files'} (${reason}). ` +
      (`Put the files from https://huggingface.co/${clipModel} into <directory>/${clipModel} and name <directory> ` +
        `with FERRY_MODELS or modelDirectory, or use ${advice}, whose weights come with npm`),
  );
}

/**
 * Names the weights that will be used: the model and the hash of its ONNX file where that is on disk.
 *
 * @throws InputError if the weights are not on disk and may not be fetched.
 */
export async function clipIdentity(modality: Modality, options: ClipOptions): Promise<string> {
  const place = await locate(modality, options);
  if (place.missing.length > 0) {
    if (options.download === false) throw unavailable(modality, place, 'downloading is off');
    return `clip ${clipModel}`;
  }
  return `clip ${await hashFile(join(place.folder!, files[modality].at(-1)!))}`;
}

/**
 * Asks for one small file before the library downloads large ones: behind a firewall that swallows packets the library
 * would wait for minutes.
 *
 * @throws Error if the host does not answer in time.
 */
async function checkReachable(host: string): Promise<void> {
  const url = new URL(`${clipModel}/resolve/main/config.json`, host);
  const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url.href} answers ${answer.status}`);
}

/** Loads with transformers.js from disk, or from huggingface.co if files are missing and `download` allows it. */
async function load<Model>(
  modality: Modality,
  options: ClipOptions,
  make: (library: Library, model: string) => Promise<Model>,
): Promise<Model> {
  const place = await locate(modality, options);
  if (place.missing.length > 0 && options.download === false)
    throw unavailable(modality, place, 'downloading is off');
  const local = place.missing.length === 0;
  const settings: Environment = local
    ? { allowLocalModels: true, allowRemoteModels: false, localModelPath: `${dirname(place.folder!)}/` }
    : {
        allowLocalModels: false,
        allowRemoteModels: true,
        ...(place.folder === undefined ? {} : { cacheDir: dirname(dirname(place.folder)) }),
      };
  try {
    return await withLibrary(settings, async (library) => {
      if (!local) await checkReachable(library.env.remoteHost);
      return make(library, local ? basename(place.folder!) : clipModel);
    });
  } catch (error) {
    if (local)
      throw new InputError(
        place.folder!,
        undefined,
        `encoder 'clip' cannot be loaded (${(error as Error).message})`,
      );
    throw unavailable(modality, place, `download failed: ${(error as Error).message}`);
  }
}

/** The rows of a tensor as float32. */
function rows(tensor: { data: unknown }): Float32Array {
  if (!(tensor.data instanceof Float32Array))
    throw new TypeError('clip: embeddings must be float32, got another type');
  return tensor.data;
}

/**
 * CLIP's text tower: projected, not normalised, as MISSRec's text features are.
 *
 * @throws InputError if the weights are neither on disk nor reachable.
 */
export async function openClipText(options: ClipOptions): Promise<Encoder<string>> {
  const [tokenizer, model] = await load('text', options, async (library, name) => [
    await library.AutoTokenizer.from_pretrained(name),
    await library.CLIPTextModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
  ]);
  return {
    encode: async (texts) => {
      const inputs: unknown = tokenizer([...texts], { padding: true, truncation: true, max_length: 77 });
      const { text_embeds } = (await model(inputs)) as { text_embeds: { data: unknown } };
      return rows(text_embeds);
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/**
 * CLIP's image tower: projected, not normalised, as MISSRec's image features are.
 *
 * @throws InputError if the weights are neither on disk nor reachable.
 */
export async function openClipImage(options: ClipOptions): Promise<Encoder<string>> {
  const { processor, model, library } = await load('image', options, async (loaded, name) => ({
    library: loaded,
    processor: await loaded.AutoProcessor.from_pretrained(name),
    model: await loaded.CLIPVisionModelWithProjection.from_pretrained(name, { dtype: 'fp32' }),
  }));
  return {
    encode: async (paths) => {
      const inputs: unknown = await processor(await rawImages(library, paths));
      const { image_embeds } = (await model(inputs)) as { image_embeds: { data: unknown } };
      return rows(image_embeds);
    },
    close: async () => {
      await model.dispose();
    },
  };
}

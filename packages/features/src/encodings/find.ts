import { stat, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '@ferry/data';
import { exists, jsonOf, modelFolders } from '../places.ts';
import { userCache } from '../storePlace.ts';
import { torchvisionExport, torchvisionNote } from '../torchvision.ts';
import type { Modality } from '../types.ts';
import { fetchModel, hubNote, onnxFiles, type HubNote, type HubOptions } from './hub.ts';

/** A model that was found. */
export interface FoundModel {
  /** `onnx`: a file that runs as it is. `weights`: those of a network, which must be known. */
  form: 'onnx' | 'weights';
  /** Its ONNX file, or the weights (of several files their index). */
  weights: string;
  /** The folder of its settings and tokenizer; undefined for a single file. */
  folder?: string;
  /** Its name on a hub, if it is from one. */
  model?: string;
  /** The hub's hash of the version. */
  revision?: string;
  /** What is worth knowing. */
  notes: string[];
}

/** Whether a path is a directory. */
async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The weights of a folder of Hugging Face's layout: the file that is read, as `@ferry/encoders` chooses it. */
async function weightsOf(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((): string[] => []);
  if (!names.includes('config.json')) return undefined;
  const usual = ['model.safetensors', 'pytorch_model.bin'].flatMap((name) => [name, `${name}.index.json`]);
  const others = names.filter((name) => /\.pth?$/.test(name));
  return usual.find((name) => names.includes(name)) ?? (others.length === 1 ? others[0] : undefined);
}

/**
 * The model of a folder for a modality. Where the folder has both an ONNX file of the modality and weights, the ONNX file
 * is taken, unless `file` names the weights.
 */
async function inFolder(
  folder: string,
  modality: Modality,
  file: string | undefined,
): Promise<FoundModel | undefined> {
  const weights = await weightsOf(folder);
  const note = await jsonOf<HubNote>(join(folder, hubNote));
  const found = (form: FoundModel['form'], name: string, ...notes: string[]): FoundModel => ({
    ...{ form, weights: join(folder, name), folder, notes },
    ...note,
  });
  if (file === undefined || file !== weights)
    for (const name of onnxFiles(modality, file))
      if (await exists(join(folder, name)))
        return weights === undefined || file !== undefined
          ? found('onnx', name)
          : found('onnx', name, `${name} was taken, ${weights} was not: file says otherwise`);
  return weights !== undefined && (file ?? weights) === weights ? found('weights', weights) : undefined;
}

/** The error for a folder without a model. */
async function noModel(folder: string, modality: Modality, file: string | undefined): Promise<InputError> {
  const names = (await readdir(folder).catch(() => [])).slice(0, 8);
  return new InputError(
    folder,
    undefined,
    `the folder must hold an ONNX export (${onnxFiles(modality, file).join(' or ')})` +
      `${file === undefined ? ', or config.json and weights (model.safetensors, pytorch_model.bin)' : ''}, got ` +
      (names.length === 0 ? 'nothing' : names.join(', ')),
  );
}

/** Whether a name is one of a hub. */
const ofHub = /^[\w.-]+\/[\w.-]+$/;

/**
 * Finds a model: an `.onnx` file; a folder in Hugging Face's layout, with an ONNX export or weights; a name that
 * FERRY_MODELS or the cache holds; else, where the hub is reachable, its export is fetched. Names of torchvision stand
 * for their exports.
 *
 * @param reference - What the user named.
 * @param options - `base`: what relative paths are relative to.
 * @throws InputError saying where it was looked for.
 */
export async function findModel(
  reference: string,
  modality: Modality,
  options: HubOptions & { base: string },
): Promise<FoundModel> {
  const { base, file, revision } = options;
  const path = resolve(base, reference);
  if (/\.onnx$/i.test(reference)) {
    if (await exists(path)) return { form: 'onnx', weights: path, notes: [] };
    throw new InputError(path, undefined, 'the model is missing');
  }
  if (await isDirectory(path)) {
    const found = await inFolder(path, modality, file);
    if (found) return found;
    throw await noModel(path, modality, file);
  }
  const single = modelFolders().flatMap((folder) => [
    join(folder, `${reference}.onnx`),
    join(folder, 'torchvision', `${reference}.onnx`),
  ]);
  for (const weights of single) if (await exists(weights)) return { form: 'onnx', weights, notes: [] };
  const mapped = ofHub.test(reference) ? undefined : torchvisionExport(reference);
  const name = mapped ?? reference;
  const notes = mapped === undefined ? [] : [torchvisionNote(reference, mapped)];
  const own = join(userCache(), 'models');
  const roots = [...modelFolders(), own];
  const names = ofHub.test(name)
    ? [name, `Xenova/${basename(name)}`, `onnx-community/${basename(name)}`]
    : [name];
  for (const root of roots)
    for (const candidate of new Set(names)) {
      const found = await inFolder(join(root, candidate), modality, file);
      if (found && (revision === 'main' || found.revision === revision))
        return { ...found, model: found.model ?? candidate, notes: [...notes, ...found.notes] };
    }
  if (!ofHub.test(name))
    throw new InputError(
      reference,
      undefined,
      'must be an encoder of Ferry, organisation/name of a hub, a folder with an ONNX export or weights, or an ' +
        `.onnx file; there is none at ${path} nor in ${roots.join(', ')}`,
    );
  const target = join(roots[0]!, name);
  try {
    await fetchModel(name, modality, target, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new InputError(
      reference,
      undefined,
      `the model is neither on disk (${roots.map((root) => join(root, name)).join(', ')}) nor could it be fetched: ` +
        `${(error as Error).message}. Put its files (config.json, tokenizer.json or preprocessor_config.json, ` +
        `onnx/…) into ${join(dirname(dirname(target)), name)}`,
    );
  }
  const found = await inFolder(target, modality, file);
  if (!found) throw await noModel(target, modality, file);
  return { ...found, notes: [...notes, ...found.notes] };
}

import { join } from 'node:path';
import { InputError, makeDirectory } from '@ferry/data';
import { download } from '@ferry/fetch';
import { replaceFile } from '../replaceFile.ts';
import type { Modality } from '../types.ts';

/** What is kept beside the files of a model that was fetched. */
export interface HubNote {
  /** Its name on the hub. */
  model: string;
  /** The hub's hash of the version. */
  revision: string;
}

/** Name of {@link HubNote}'s file. */
export const hubNote = 'ferry.json';

/** Where models are asked for: environment variable HF_ENDPOINT, else huggingface.co. */
function hubAddress(): string {
  const { HF_ENDPOINT } = process.env;
  return (HF_ENDPOINT === undefined || HF_ENDPOINT === '' ? 'https://huggingface.co' : HF_ENDPOINT).replace(
    /\/+$/,
    '',
  );
}

/** Small files of a model that are taken along where the hub has them. */
const small = new Set([
  ...['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'],
  ...['vocab.json', 'merges.txt', 'preprocessor_config.json', 'processor_config.json', 'modules.json'],
  ...['sentence_bert_config.json', 'config_sentence_transformers.json', '1_Pooling/config.json'],
]);

/** ONNX files that may describe a modality, the likeliest first. */
export function onnxFiles(modality: Modality, file: string | undefined): string[] {
  if (file !== undefined) return [file];
  const tower = modality === 'text' ? 'text_model' : 'vision_model';
  return [`onnx/${tower}.onnx`, 'onnx/model.onnx', `${tower}.onnx`, 'model.onnx'];
}

/** A file of a model as the hub lists it. */
interface Sibling {
  rfilename: string;
  lfs?: { sha256?: string };
}

/** How a model is fetched. */
export interface HubOptions {
  /** Which version. */
  revision: string;
  /** Which ONNX file, if not the usual one. */
  file?: string;
  /** Told of what is fetched. */
  line?: (text: string) => void;
  /** Told how much of a file is there. */
  progress?: (what: string, done: number, total: number) => void;
  /** Stops it. */
  signal?: AbortSignal;
}

/** Asks the hub what a model has. */
async function listed(
  model: string,
  revision: string,
  signal: AbortSignal | undefined,
): Promise<{ sha: string; siblings: Sibling[] }> {
  const url = `${hubAddress()}/api/models/${model}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const patience = AbortSignal.timeout(10_000);
  const answer = await fetch(url, { signal: signal ? AbortSignal.any([signal, patience]) : patience }).catch(
    (error: unknown) => {
      signal?.throwIfAborted();
      const { cause, message } = error as Error & { cause?: Error };
      throw new Error(`${hubAddress()} cannot be reached (${cause?.message ?? message})`, { cause: error });
    },
  );
  if (!answer.ok) throw new Error(`${hubAddress()} answers ${answer.status} for ${model} at ${revision}`);
  return (await answer.json()) as { sha: string; siblings: Sibling[] };
}

/**
 * Fetches a model's ONNX export for one modality: its weights, settings, tokenizer. Files that are there already are not
 * fetched again; large ones are checked by the hub's SHA-256.
 *
 * @param model - `organisation/name`.
 * @param folder - Where it goes.
 * @throws Error saying what the hub answered, or that it has no export.
 */
export async function fetchModel(
  model: string,
  modality: Modality,
  folder: string,
  { revision, file, line, progress, signal }: HubOptions,
): Promise<void> {
  const { sha, siblings } = await listed(model, revision, signal);
  const names = new Set(siblings.map(({ rfilename }) => rfilename));
  const onnx = onnxFiles(modality, file).find((name) => names.has(name));
  if (onnx === undefined)
    throw new Error(
      `${hubAddress()}/${model} has no ONNX export (${onnxFiles(modality, file).join(', ')}); ` +
        `Xenova/${model.split('/').at(-1)!} or onnx-community/${model.split('/').at(-1)!} may be one`,
    );
  line?.(`${model} is fetched from ${hubAddress()}, revision ${sha}`);
  const wanted = siblings.filter(
    ({ rfilename: name }) => small.has(name) || name === onnx || name.startsWith(`${onnx}_data`),
  );
  for (const { rfilename: name, lfs } of wanted) {
    const target = join(folder, name);
    try {
      await download(`${hubAddress()}/${model}/resolve/${sha}/${name}`, target, {
        ...(lfs?.sha256 === undefined ? {} : { sha256: lfs.sha256 }),
        progress: (done, total) => progress?.(`fetch ${name}`, done, Number.isNaN(total) ? Infinity : total),
        ...(line ? { line } : {}),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof InputError) throw new Error(error.message, { cause: error });
      throw error;
    }
  }
  makeDirectory(folder);
  const note = join(folder, hubNote);
  await replaceFile(note, `${JSON.stringify({ model, revision: sha } satisfies HubNote)}\n`);
}

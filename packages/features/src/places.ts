import { access } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { InputError, readObject } from '@ferry/data';
import { torchvisionExport, torchvisionNote } from './torchvision.ts';

/** Whether there is a file. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Folders that models are looked for in. */
export function modelFolders(): string[] {
  const root = process.env['FERRY_MODELS'];
  return root === undefined || root === '' ? [] : [resolve(root)];
}

/** The first of some paths that is there. */
async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

/** The error for a model that is nowhere. */
function missing(model: string, looked: readonly string[], advice: string): InputError {
  return new InputError(
    model,
    undefined,
    `the model must be on disk, got none${looked.length > 0 ? ` at ${looked.join(', ')}` : ''}: ${advice}`,
  );
}

/** The ONNX file of a torch or tensorflow model, under the model's name. */
export async function networkFile(
  { model, backend }: { model: string; backend: string },
  layer: string,
): Promise<{ weights: string; notes: string[] }> {
  const name = model.replace(/\.(?:pt|pth|onnx)$/i, '');
  const names = [name, name.toLowerCase(), basename(name)];
  const looked = [
    ...(model.endsWith('.onnx') ? [isAbsolute(model) ? model : resolve(model)] : []),
    ...modelFolders().flatMap((folder) =>
      names.flatMap((own) => [
        join(folder, `${own}.onnx`),
        join(folder, backend === 'torch' ? 'torchvision' : 'keras', `${own}.onnx`),
      ]),
    ),
  ];
  const found = await firstOf(looked);
  if (found !== undefined) return { weights: found, notes: [] };
  const mapped = torchvisionExport(name);
  const exported =
    mapped && (await firstOf(modelFolders().map((folder) => join(folder, mapped, 'onnx/model.onnx'))));
  if (exported !== undefined) return { weights: exported, notes: [torchvisionNote(name, mapped!)] };
  throw missing(
    model,
    looked.slice(0, 2),
    `export it to ONNX with an output ${JSON.stringify(layer)} and put it into the folder FERRY_MODELS ` +
      `as ${basename(name)}.onnx${mapped === undefined ? '' : `, or put its export ${mapped} there`} (docs/features.md)`,
  );
}

/** Folder of a model in Hugging Face's layout. */
export async function hubFolder(model: string, file: string): Promise<string> {
  const names = [model, `Xenova/${basename(model)}`, `onnx-community/${basename(model)}`];
  const looked = [
    ...(isAbsolute(model) ? [model] : []),
    ...modelFolders().flatMap((folder) => names.map((name) => join(folder, name))),
  ];
  for (const folder of looked) if (await exists(join(folder, file))) return folder;
  throw missing(
    model,
    looked.map((folder) => join(folder, file)),
    `put an ONNX export in Hugging Face’s layout (config.json, tokenizer.json, onnx/…) into FERRY_MODELS/${model}`,
  );
}

/** A JSON file of a model, undefined where there is none. */
export async function jsonOf<T>(file: string): Promise<T | undefined> {
  return (await readObject(file)) as T | undefined;
}

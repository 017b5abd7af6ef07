import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '@ferry/nn';
import { writing } from './files.ts';

/** A typed array of a row file. */
export type RowArray = Int32Array | Float32Array | Uint8Array;

/** Results of single rows: arrays by name, and texts that say what they are. */
export interface RowFile {
  /** One value a row, or as `meta` says. */
  readonly arrays: Readonly<Record<string, RowArray>>;
  /** Names and texts. */
  readonly meta: Readonly<Record<string, string>>;
}

const folderOf = (run: string): string => join(run, 'rows');
const pathOf = (run: string, name: string): string => join(folderOf(run), `${name}.safetensors`);

function tensorOf(data: RowArray): SafetensorsTensor {
  const dtype = data instanceof Int32Array ? 'I32' : data instanceof Float32Array ? 'F32' : 'U8';
  return { dtype, shape: [data.length], data };
}

/**
 * Keeps results of single rows with a run, as `rows/<name>.safetensors`: whole or not at all. Every metric of the run
 * can be computed from it without ranking again, by Ferry or by anything that reads safetensors.
 *
 * @param run - A run directory.
 * @param name - What was ranked, such as `test`.
 */
export async function writeRows(run: string, name: string, { arrays, meta }: RowFile): Promise<void> {
  writing(folderOf(run), () => {
    makeDirectory(folderOf(run));
  });
  const tensors = new Map(Object.entries(arrays).map(([key, data]) => [key, tensorOf(data)]));
  await writeSafetensors(pathOf(run, name), tensors, { ...meta });
}

/** Reads what {@link writeRows} kept; undefined if there is none. */
export async function readRows(run: string, name: string): Promise<RowFile | undefined> {
  const path = pathOf(run, name);
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = await readSafetensors(path);
  const arrays: Record<string, RowArray> = {};
  for (const [key, { data }] of tensors) {
    if (!(data instanceof Int32Array || data instanceof Float32Array || data instanceof Uint8Array))
      throw new Error(`${path}: '${key}' must hold I32, F32 or U8, got another type`);
    arrays[key] = data;
  }
  return { arrays, meta: metadata };
}

/** Names of the row files that a run has. */
export function listRows(run: string): string[] {
  if (!existsSync(folderOf(run))) return [];
  return readdirSync(folderOf(run))
    .filter((file) => file.endsWith('.safetensors'))
    .map((file) => file.slice(0, -'.safetensors'.length))
    .sort();
}

/** Weights of a checkpoint's folder, whichever of the usual files holds them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readObject } from '@ferry/data';
import { readSafetensors, toFloat32 } from '@ferry/nn';
import { floats, readStateDict } from '@ferry/torch';

/** A tensor of a checkpoint. */
export interface StoredTensor {
  /** Sizes of the dimensions. */
  readonly shape: readonly number[];
  /** Values as float32; undefined for a tensor of integers. */
  values(): Float32Array | undefined;
}

/** A checkpoint's tensors by name, and where they come from. */
export interface StoredWeights {
  /** The file, or the index of the files. */
  readonly file: string;
  /** Tensors by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

async function readSafetensorsFile(path: string): Promise<Map<string, StoredTensor>> {
  const { tensors } = await readSafetensors(path);
  return new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      {
        shape: tensor.shape,
        values: () => (['F32', 'F16', 'BF16'].includes(tensor.dtype) ? toFloat32(tensor) : undefined),
      },
    ]),
  );
}

async function readTorchFile(path: string): Promise<Map<string, StoredTensor>> {
  const tensors = readStateDict(await readFile(path), path);
  return new Map(
    [...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: () => floats(tensor) }]),
  );
}

/** Reads all files that an index names. */
async function readShards(
  directory: string,
  index: string,
  read: (path: string) => Promise<Map<string, StoredTensor>>,
): Promise<Map<string, StoredTensor>> {
  const json = await readObject(join(directory, index));
  const places = json?.['weight_map'];
  if (typeof places !== 'object' || places === null)
    throw new Error(`${join(directory, index)}: weight_map must say which file holds each weight, got none`);
  const entries = Object.entries(places as Record<string, unknown>);
  const found = new Map<string, StoredTensor>();
  for (const file of new Set(entries.map(([, at]) => at))) {
    if (typeof file !== 'string' || /[\\/]/.test(file))
      throw new Error(
        `${join(directory, index)}: weight_map must name files beside it, got ${JSON.stringify(file)}`,
      );
    for (const [name, tensor] of await read(join(directory, file))) found.set(name, tensor);
  }
  const lost = entries.filter(([name]) => !found.has(name)).map(([name]) => name);
  if (lost.length > 0)
    throw new Error(
      `${join(directory, index)}: its files must hold all weights it lists, got no ${lost.join(', ')}`,
    );
  return found;
}

/**
 * Finds the weights of a folder: `model.safetensors` or the files of its index, else `pytorch_model.bin` or the files of
 * its index, else the one `.pth` or `.pt` file there is.
 *
 * @returns The file, and what reads it. PyTorch's files are read without running anything in them.
 * @throws Error if there are none, or several `.pth` files and nothing says which.
 */
export async function findWeights(
  directory: string,
): Promise<{ file: string; read: () => Promise<Map<string, StoredTensor>> }> {
  const names = new Set(await readdir(directory));
  for (const [stem, read] of [
    ['model.safetensors', readSafetensorsFile],
    ['pytorch_model.bin', readTorchFile],
  ] as const) {
    const [file, index] = [join(directory, stem), `${stem}.index.json`];
    if (names.has(stem)) return { file, read: () => read(file) };
    if (names.has(index))
      return { file: join(directory, index), read: () => readShards(directory, index, read) };
  }
  const others = [...names].filter((name) => /\.pth?$/.test(name)).sort();
  const [one = ''] = others;
  if (others.length === 1)
    return { file: join(directory, one), read: () => readTorchFile(join(directory, one)) };
  throw new Error(
    `loadEncoder: ${directory} must hold model.safetensors, pytorch_model.bin or one .pth file, got ` +
      (others.length > 1 ? others.join(', ') : 'none of them'),
  );
}

/** Reads the weights of a folder, as {@link findWeights} finds them. */
export async function readWeights(directory: string): Promise<StoredWeights> {
  const { file, read } = await findWeights(directory);
  return { file, tensors: await read() };
}

import { basename, dirname } from 'node:path';
import { InputError } from '@ferry/data';

/** transformers.js. */
export type Library = typeof import('@huggingface/transformers');

/** Settings of transformers.js that say where models come from. */
export type Environment = Partial<
  Pick<Library['env'], 'allowLocalModels' | 'allowRemoteModels' | 'localModelPath' | 'cacheDir'>
>;

/**
 * Does something with transformers.js set up for one place and as before afterwards. The library is imported only here:
 * it is large, and most domains never need it.
 */
export async function withLibrary<T>(
  settings: Environment,
  make: (library: Library) => Promise<T>,
): Promise<T> {
  const library = await import('@huggingface/transformers');
  const { env } = library;
  const before = {
    allowLocalModels: env.allowLocalModels,
    allowRemoteModels: env.allowRemoteModels,
    localModelPath: env.localModelPath,
    cacheDir: env.cacheDir,
  };
  try {
    Object.assign(env, settings);
    return await make(library);
  } finally {
    Object.assign(env, before);
  }
}

/**
 * Loads a model from a folder in Hugging Face's layout.
 *
 * @param make - Given the library and the name under which it finds the folder.
 * @throws InputError if it cannot be loaded.
 */
export async function openLocal<T>(
  folder: string,
  make: (library: Library, name: string) => Promise<T>,
): Promise<T> {
  const settings = {
    allowLocalModels: true,
    allowRemoteModels: false,
    localModelPath: `${dirname(folder)}/`,
  };
  try {
    return await withLibrary(settings, (library) => make(library, basename(folder)));
  } catch (error) {
    throw new InputError(folder, undefined, `the model cannot be loaded (${(error as Error).message})`);
  }
}

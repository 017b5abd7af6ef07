import { flattenParameters, readSafetensors, type SafetensorsTensor, writeSafetensors } from '@ferry/nn';
import { restoreModel, type StateArray } from '@ferry/training';
import type { MissRecModel } from './session.ts';
import { type MissRecOptions } from './options.ts';

/** A model on disk: one safetensors file that says what it is. */
export interface StoredMissRec {
  /** Options it was made with. */
  options: MissRecOptions;
  /** N: items of its catalogue. */
  items: number;
  /** Weights and interests by name. */
  tensors: ReadonlyMap<string, SafetensorsTensor>;
}

const format = 'ferry-missrec-1';

/**
 * Writes weights and interests to one safetensors file, its options in the file's metadata. Names follow the model's tree:
 * `encoder.layers.0.selfAttention.inProjection.weight`, `itemEmbedding.weight`, `interests.centres`.
 *
 * @param path - The file; its folder must exist.
 * @param stored - From {@link captureMissRec} or an import.
 */
export async function saveMissRec(path: string, stored: StoredMissRec): Promise<void> {
  await writeSafetensors(path, new Map(stored.tensors), {
    format,
    items: String(stored.items),
    options: JSON.stringify(stored.options),
  });
}

/**
 * Reads what {@link saveMissRec} wrote.
 *
 * @throws Error naming the file if it is something else.
 */
export async function loadMissRec(path: string): Promise<StoredMissRec> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata['format'] !== format || metadata['options'] === undefined)
    throw new Error(
      `loadMissRec: ${path} must be a file of saveMissRec, got format ${metadata['format'] ?? 'none'}`,
    );
  return {
    options: JSON.parse(metadata['options']) as MissRecOptions,
    items: Number(metadata['items']),
    tensors,
  };
}

/** Copies a model's weights and interests to the host. */
export async function captureMissRec(model: MissRecModel): Promise<StoredMissRec> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, variable] of flattenParameters(model.parameters))
    tensors.set(name, { dtype: 'F32', shape: variable.shape, data: await variable.data() });
  for (const [name, { data, shape }] of model.buffers())
    tensors.set(
      name,
      data instanceof Int32Array
        ? { dtype: 'I32', shape: [...shape], data }
        : { dtype: 'F32', shape: [...shape], data: data },
    );
  return { options: model.options, items: model.catalogue.items, tensors };
}

/**
 * Gives a model on the same catalogue exactly these weights and interests, to evaluate or go on from.
 *
 * @param model - Made with the stored options.
 * @param stored - Weights and interests.
 * @param from - Name for messages.
 * @throws Error listing every name that is missing, unknown or of another shape; nothing is changed then.
 */
export async function restoreMissRec(
  model: MissRecModel,
  stored: Pick<StoredMissRec, 'tensors'>,
  from: string,
): Promise<void> {
  await restoreModel(
    {
      parameters: () => model.weights(),
      optimizerState: () => new Map(),
      restoreBuffers: (buffers: ReadonlyMap<string, StateArray>) => {
        model.restoreBuffers(buffers);
      },
      batches: () => [],
      batchCount: () => 0,
      trainStep: () => {
        throw new Error('restoreMissRec: this model is not trained');
      },
    },
    { model: stored.tensors, optimizer: new Map() },
    from,
    false,
  );
}

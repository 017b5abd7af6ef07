import { flattenParameters, readSafetensors, type SafetensorsTensor, writeSafetensors } from '@ferry/nn';
import { restoreModel } from '@ferry/training';
import type { Recommender } from './recommender.ts';
import type { ModelTypes } from './types.ts';

/** A model on disk: one safetensors file that says what it is. */
export interface StoredRecommender<O extends object = object> {
  /** The model's name. */
  model: string;
  /** Settings it was made with. */
  options: O;
  /** N: items of its catalogue; 0 if it knows none. */
  items: number;
  /** Weights, and what was found between epochs, by name. */
  tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** The format of a model's file. */
const formatOf = (model: string): string => `ferry-${model}-1`;

/**
 * Writes a model to one safetensors file, its settings in the file's metadata. Names follow the tree of the weights,
 * such as `encoder.layers.0.selfAttention.inProjection.weight`.
 *
 * @param path - The file; its folder must exist.
 * @param stored - From {@link captureRecommender} or an import.
 */
export async function saveRecommender(path: string, stored: StoredRecommender): Promise<void> {
  await writeSafetensors(path, new Map(stored.tensors), {
    format: formatOf(stored.model),
    items: String(stored.items),
    options: JSON.stringify(stored.options),
  });
}

/**
 * Reads what {@link saveRecommender} wrote.
 *
 * @param model - Name of the model it must be of. Default: any.
 * @throws Error naming the file if it is something else.
 */
export async function loadRecommender(path: string, model?: string): Promise<StoredRecommender> {
  const { tensors, metadata } = await readSafetensors(path);
  const { format, options, items } = metadata;
  const name = /^ferry-(.+)-1$/.exec(format ?? '')?.[1];
  if (name === undefined || options === undefined || (model !== undefined && name !== model))
    throw new Error(
      `loadRecommender: ${path} must be a file of saveRecommender${model === undefined ? '' : ` for ${model}`}, ` +
        `got format ${format ?? 'none'}`,
    );
  return { model: name, options: JSON.parse(options) as object, items: Number(items), tensors };
}

/** Copies a recommender's weights, and what was found between epochs, to the host. */
export async function captureRecommender<T extends ModelTypes>(
  recommender: Recommender<T>,
): Promise<StoredRecommender<T['options']>> {
  const { model, options, parameters, catalogue } = recommender;
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, variable] of flattenParameters(parameters))
    tensors.set(name, { dtype: 'F32', shape: variable.shape, data: await variable.data() });
  for (const [name, { data, shape }] of recommender.buffers()) tensors.set(name, stored(data, [...shape]));
  return { model: model.name, options, items: catalogue.items, tensors };
}

function stored(data: Float32Array | Int32Array | Uint8Array, shape: number[]): SafetensorsTensor {
  if (data instanceof Float32Array) return { dtype: 'F32', shape, data };
  return data instanceof Int32Array ? { dtype: 'I32', shape, data } : { dtype: 'U8', shape, data };
}

/**
 * Gives a recommender on the same catalogue exactly these weights, to evaluate or go on from.
 *
 * @param recommender - Made with the stored settings.
 * @param tensors - Weights, and what was found between epochs.
 * @param from - Name for messages.
 * @throws Error listing every name that is missing, unknown or of another shape; nothing is changed then.
 */
export async function restoreRecommender<T extends ModelTypes>(
  recommender: Recommender<T>,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  from: string,
): Promise<void> {
  await restoreModel(
    {
      parameters: () => recommender.weights(),
      optimizerState: () => new Map(),
      restoreBuffers: (buffers) => {
        recommender.restoreBuffers(buffers);
      },
    },
    { model: tensors, optimizer: new Map() },
    from,
    false,
  );
}

import { join } from 'node:path';
import { InputError, type Domain } from '@ferry/data';
import { presentRows } from './matrix.ts';
import { featureStore, readStoredFeatures, saveFeatures, sha256 } from './store.ts';
import type { ExtractionProgress, FeatureMatrix, Modality } from './types.ts';
import { openVectorCache } from './vector-cache.ts';

/** What every extraction can be told. */
export interface ExtractionOptions {
  /** Where features and the cache of single vectors go; see {@link featureStore}. */
  cacheDirectory?: string | undefined;
  /** Called at the start and after each batch. */
  progress?: ((progress: ExtractionProgress) => void) | undefined;
  /** Stops after the batch under way; what is done stays in the cache. */
  signal?: AbortSignal | undefined;
  /** Items encoded at once. */
  batchSize?: number | undefined;
}

/** Something that turns inputs into vectors. */
export interface Encoder<Input> {
  /** Vectors of the inputs, in their order. Float32 [inputs * F]. */
  encode: (inputs: readonly Input[]) => Promise<Float32Array>;
  /** Frees what it holds. */
  close: () => Promise<void>;
}

/** One extraction. */
export interface Extraction<Input> {
  /** Whose items. */
  domain: Domain;
  /** What is described. */
  modality: Modality;
  /** Name of the encoder: names the files too. */
  encoder: string;
  /** Names the encoder's weights and settings: other vectors, other identity. */
  identity: string;
  /** Input of each item and the SHA-256 of its content; undefined where the item lacks the modality. [N]. */
  inputs: readonly ({ value: Input; hash: string } | undefined)[];
  /** Cost of an input, to batch like with like. */
  cost: (value: Input) => number;
  /** Opens the encoder; called only if something is not in the cache. */
  open: () => Promise<Encoder<Input>>;
  /** See {@link FeatureMatrix.notes}. */
  notes: string[];
}

/**
 * Encodes what is not in the cache, in batches, and saves the matrix. Equal inputs are encoded once. If a matrix of the
 * same inputs is stored already, that is returned.
 *
 * @throws InputError if no item has the modality; the signal's reason if it was stopped.
 */
export async function extract<Input>(
  extraction: Extraction<Input>,
  { cacheDirectory, progress, signal, batchSize = 32 }: ExtractionOptions,
): Promise<FeatureMatrix> {
  const { domain, modality, encoder, identity, inputs } = extraction;
  const keys = inputs.map((input) => input && sha256(`${identity}\0${input.hash}`));
  const have = keys.filter((key) => key !== undefined);
  if (have.length === 0)
    throw new InputError(
      domain.directory,
      undefined,
      `there must be ${modality === 'text' ? 'texts' : 'pictures'} to encode, got none for the ${inputs.length} items of ${domain.name}${extraction.notes.map((note) => `; ${note}`).join('')}`,
    );
  const inputsHash = sha256(JSON.stringify([identity, keys.map((key) => key ?? null)]));
  const store = await featureStore(domain, cacheDirectory);
  const stored = await readStoredFeatures(store, domain, modality, encoder, inputsHash);
  if (stored) {
    progress?.({ done: have.length, total: have.length });
    return stored;
  }
  const cache = await openVectorCache(join(store.vectors, `${modality}-${encoder}.vectors`));

  // Distinct inputs that are still to do, and how many items each stands for.
  const todo = new Map<string, { value: Input; items: number }>();
  let done = 0;
  for (const [index, input] of inputs.entries()) {
    const key = keys[index];
    if (input === undefined || key === undefined) continue;
    if (cache.get(key)) done++;
    else {
      const entry = todo.get(key);
      if (entry) entry.items++;
      else todo.set(key, { value: input.value, items: 1 });
    }
  }
  progress?.({ done, total: have.length });
  if (todo.size > 0) {
    const order = [...todo].sort((a, b) => extraction.cost(a[1].value) - extraction.cost(b[1].value));
    const opened = await extraction.open();
    try {
      for (let at = 0; at < order.length; at += batchSize) {
        signal?.throwIfAborted();
        const batch = order.slice(at, at + batchSize);
        const vectors = await opened.encode(batch.map(([, { value }]) => value));
        const width = vectors.length / batch.length;
        await cache.add(
          batch.map(([key], row) => [key, vectors.slice(row * width, (row + 1) * width)] as const),
        );
        done += batch.reduce((total, [, { items }]) => total + items, 0);
        progress?.({ done, total: have.length });
      }
    } finally {
      await opened.close();
    }
  }

  const width = cache.width()!;
  const data = new Float32Array(inputs.length * width);
  for (const [index, key] of keys.entries()) if (key !== undefined) data.set(cache.get(key)!, index * width);
  const matrix: FeatureMatrix = {
    modality,
    encoder,
    count: inputs.length,
    width,
    data,
    present: presentRows(data, width, `${modality} features of ${encoder}`),
    notes: extraction.notes,
  };
  return saveFeatures(store, domain, matrix, inputsHash);
}

import { join } from 'node:path';
import { InputError } from '@ferry/data';
import { sha256 } from './hash.ts';
import { listPictures, type BadPicture } from './pictureFiles.ts';
import { presentRows } from './matrix.ts';
import { packInputs, type FeatureRecord, type ModelRecord } from './record.ts';
import { addSpent } from './spent.ts';
import { readStoredFeatures, saveFeatures } from './store.ts';
import { featureStore } from './storePlace.ts';
import type {
  Encoder,
  ExtractionCost,
  ExtractionProgress,
  FeatureDomain,
  FeatureMatrix,
  Modality,
} from './types.ts';
import { openVectorCache, type VectorCache } from './vectorCache.ts';

/** What every extraction can be told. */
export interface ExtractionOptions {
  /** Where features and the cache of single vectors go; see {@link featureStore}. */
  cacheDirectory?: string;
  /** Called at the start and after each batch. */
  progress?: (progress: ExtractionProgress) => void;
  /** Stops after the batch under way; what is done stays in the cache. */
  signal?: AbortSignal;
  /** Items encoded at once. */
  batchSize?: number;
  /** What the features are kept under. Default: the encoder's name. */
  name?: string;
  /** Type of the numbers in the file; float16 takes half the room and keeps three digits. Default float32. */
  dtype?: 'float16' | 'float32';
}

/** One extraction. */
export interface Extraction<Input> {
  /** Whose items. */
  domain: FeatureDomain;
  /** What is described. */
  modality: Modality;
  /** Name of the encoder: names the files too. */
  encoder: string;
  /** Names the file of single vectors. */
  cache: string;
  /** Names the encoder's weights and settings: other vectors, other identity. */
  identity: string;
  /** Input of each item and the SHA-256 of its content; undefined where the item lacks the modality. [N]. */
  inputs: readonly ({ value: Input; hash: string } | undefined)[];
  /** Cost of an input, to batch like with like. */
  cost: (value: Input) => number;
  /** Opens the encoder; called only if something is not in the cache. */
  open: () => Promise<Encoder<Input>>;
  /** How the inputs were chosen: kept with the features. */
  made?: Pick<FeatureRecord, 'field' | 'fields' | 'join' | 'dropWords'>;
  /** What is known of the encoder once it is open: kept with the features. */
  describe?: () => Promise<{ model: ModelRecord; notes: string[] }>;
  /** Whether inputs that cannot be decoded count as missing, or are all listed in one error when the others are done. */
  damaged?: 'refuse' | 'missing';
  /** See {@link FeatureMatrix.notes}. */
  notes: string[];
}

/** Fewer distinct inputs than this are not judged by how many of their vectors are equal. */
const fewInputs = 5;

/** Shares of distinct inputs with the vector of another from which on a user is told, and from which on it is an error. */
const equalShares = { told: 0.05, refused: 0.9 };

/**
 * Judges how many different inputs an encoder cannot tell apart.
 *
 * @param keys - Distinct inputs.
 * @param cache - Their vectors.
 * @returns A note, if it is worth one.
 * @throws InputError if hardly any differ.
 */
function judgeEqual(
  { domain, modality, encoder }: Pick<Extraction<unknown>, 'domain' | 'modality' | 'encoder'>,
  keys: ReadonlySet<string>,
  cache: VectorCache,
): string | undefined {
  const seen = new Map<string, number>();
  let total = 0;
  for (const input of keys) {
    const vector = cache.get(input);
    if (!vector) continue;
    total++;
    const key = sha256(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  const alike = [...seen.values()].reduce((sum, number) => sum + (number > 1 ? number : 0), 0);
  const what = modality === 'text' ? 'texts' : 'pictures';
  const found =
    `${encoder} gives ${alike.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} different ${what} the ` +
    'vector of another';
  if (total < fewInputs || alike <= equalShares.told * total) return undefined;
  if (alike >= equalShares.refused * total && seen.size <= (1 - equalShares.refused) * total + 1)
    throw new InputError(domain.directory, undefined, `an encoder must tell ${what} apart, got ${found}`);
  return found;
}

/** Inputs that could not be decoded, by key, and why. */
type Failures = Map<string, string>;

/**
 * Encodes a batch; where that fails, one by one, so that one damaged input costs itself alone.
 *
 * @param failures - Told what cannot be decoded, and why.
 * @returns The vectors of the others, by key.
 */
export async function encodeBatch<Input>(
  encoder: Encoder<Input>,
  batch: readonly (readonly [key: string, value: Input])[],
  failures: Failures,
): Promise<(readonly [string, Float32Array])[]> {
  try {
    const vectors = await encoder.encode(batch.map(([, value]) => value));
    const width = vectors.length / batch.length;
    return batch.map(([key], row) => [key, vectors.slice(row * width, (row + 1) * width)] as const);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (batch.length === 1) {
      failures.set(batch[0]![0], error.message.slice(`${error.file}: `.length));
      return [];
    }
    const parts: (readonly [string, Float32Array])[] = [];
    for (const entry of batch) parts.push(...(await encodeBatch(encoder, [entry], failures)));
    return parts;
  }
}

/** Distinct inputs that are not in the cache yet, and how many items each stands for. */
function remaining<Input>(
  inputs: Extraction<Input>['inputs'],
  keys: readonly (string | undefined)[],
  cache: VectorCache,
): { todo: Map<string, { value: Input; items: number }>; done: number } {
  const todo = new Map<string, { value: Input; items: number }>();
  let done = 0;
  for (const [index, input] of inputs.entries()) {
    const key = keys[index];
    if (input === undefined || key === undefined) continue;
    if (cache.has(key)) done++;
    else {
      const entry = todo.get(key);
      if (entry) entry.items++;
      else todo.set(key, { value: input.value, items: 1 });
    }
  }
  return { todo, done };
}

/** Batches that are decoded or encoded at once. */
const atOnce = 2;

/**
 * Encodes what is not in the cache and puts it there.
 *
 * @param spent - Told what it took, also where it was stopped.
 * @returns What could not be decoded.
 */
async function fill<Input>(
  extraction: Extraction<Input>,
  keys: readonly (string | undefined)[],
  cache: VectorCache,
  { progress, signal, batchSize = 32 }: ExtractionOptions,
  spent: (now: ExtractionCost) => Promise<void>,
): Promise<Failures> {
  const failures: Failures = new Map();
  const total = keys.filter((key) => key !== undefined).length;
  const { todo, done: before } = remaining(extraction.inputs, keys, cache);
  let done = before;
  progress?.({ done, total });
  if (todo.size === 0) return failures;
  const begun = performance.now();
  const order = [...todo].sort((a, b) => extraction.cost(a[1].value) - extraction.cost(b[1].value));
  const opened = await extraction.open();
  let [next, encoded] = [0, 0];
  const start = () => {
    const batch = order.slice(next, next + batchSize);
    next += batch.length;
    const result = encodeBatch(
      opened,
      batch.map(([key, { value }]) => [key, value] as const),
      failures,
    );
    // Whether it failed is asked when its turn comes.
    result.catch(() => undefined);
    return { batch, result };
  };
  const running: ReturnType<typeof start>[] = [];
  try {
    for (;;) {
      // Inputs of the next batches are decoded while a model encodes this one.
      while (running.length < atOnce && next < order.length && signal?.aborted !== true)
        running.push(start());
      const first = running.shift();
      if (!first) break;
      const vectors = await first.result;
      await cache.add(vectors);
      encoded += vectors.length;
      done += first.batch.reduce((sum, [, { items }]) => sum + items, 0);
      progress?.({ done, total });
    }
    signal?.throwIfAborted();
  } finally {
    // What was under way beside a batch that failed is not lost.
    for (const settled of await Promise.allSettled(running.map(({ result }) => result)))
      if (settled.status === 'fulfilled') {
        await cache.add(settled.value);
        encoded += settled.value.length;
      }
    await opened.close();
    await spent({ seconds: (performance.now() - begun) / 1000, inputs: encoded });
  }
  return failures;
}

/** Items whose input could not be decoded. */
function damagedItems<Input>(
  { domain, inputs }: Extraction<Input>,
  keys: readonly (string | undefined)[],
  failures: Failures,
): BadPicture[] {
  return inputs.flatMap((_, index) => {
    const reason = failures.get(keys[index] ?? '');
    return reason === undefined
      ? []
      : [{ index, image: domain.items.images[index] ?? domain.items.ids[index]!, reason }];
  });
}

/**
 * Encodes what is not in the cache, in batches, and saves the matrix. Equal inputs are encoded once. If a matrix of the
 * same inputs is stored already, that is returned.
 *
 * @throws InputError if no item has the modality, an input cannot be decoded (all that cannot are listed, after the others
 *   went into the cache), or hardly any vectors differ; the signal's reason if it was stopped.
 */
export async function extract<Input>(
  extraction: Extraction<Input>,
  options: ExtractionOptions,
): Promise<FeatureMatrix> {
  const { domain, modality, encoder, identity, inputs, made, damaged = 'refuse' } = extraction;
  const keys = inputs.map((input) => input && sha256(`${identity}\0${input.hash}`));
  const have = keys.filter((key) => key !== undefined);
  if (have.length === 0)
    throw new InputError(
      domain.directory,
      undefined,
      `there must be ${modality === 'text' ? 'texts' : 'pictures'} to encode, got none for the ${inputs.length} ` +
        `items of ${domain.name}${extraction.notes.map((note) => `; ${note}`).join('')}`,
    );
  const inputsHash = sha256(JSON.stringify([identity, keys.map((key) => key ?? null)]));
  const store = await featureStore(domain, options.cacheDirectory);
  const { dtype = 'float32' } = options;
  const stored = await readStoredFeatures(store, domain, modality, encoder, { inputsHash, dtype, damaged });
  if (stored) {
    options.progress?.({ done: have.length, total: have.length });
    return stored;
  }
  const vectors = join(store.vectors, `${modality}-${extraction.cache}.vectors`);
  const cache = await openVectorCache(vectors);
  try {
    const failures = await fill(extraction, keys, cache, options, async (now) => {
      await addSpent(vectors, identity, now);
    });
    const lost = damagedItems(extraction, keys, failures);
    if (lost.length > 0 && (damaged === 'refuse' || lost.length === have.length))
      throw new InputError(
        domain.directory,
        undefined,
        `every picture must be one that can be decoded, got ${lost.length} of ${have.length} that cannot: ` +
          `${listPictures(lost, 20)}; the others are encoded and kept`,
      );
    const distinct = new Set(have);
    const alike = judgeEqual(extraction, distinct, cache);
    const width = cache.width()!;
    const data = new Float32Array(inputs.length * width);
    for (const [index, key] of keys.entries()) {
      const vector = key === undefined ? undefined : cache.get(key);
      if (vector) data.set(vector, index * width);
    }
    const described = await extraction.describe?.();
    const spent = await addSpent(vectors, identity, { seconds: 0, inputs: 0 });
    const matrix: FeatureMatrix = {
      modality,
      encoder,
      count: inputs.length,
      width,
      data,
      present: presentRows(data, width, `${modality} features of ${encoder}`),
      ...(spent && {
        extraction: { seconds: (spent.seconds / spent.inputs) * distinct.size, inputs: distinct.size },
      }),
      notes: [
        ...extraction.notes,
        ...(described?.notes ?? []),
        ...(lost.length > 0
          ? [`damaged pictures that count as missing: ${lost.length} (${listPictures(lost)})`]
          : []),
        ...(alike === undefined ? [] : [alike]),
      ],
    };
    return await saveFeatures(store, domain, matrix, {
      identity,
      inputsHash,
      inputs: packInputs(inputs),
      ...made,
      ...(described ? { model: described.model } : {}),
      damaged: lost.length,
      dtype,
    });
  } finally {
    cache.close();
  }
}

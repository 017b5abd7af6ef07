import { createRequire } from 'node:module';
import { join } from 'node:path';
import { InputError, makeDirectory } from '@ferry/data';
import { presentCount, presentRows } from './matrix.ts';
import { readWhole, sha256 } from './hash.ts';
import { encodeNpyParts, parseNpy } from './npy.ts';
import { itemsHash, readRecord, recordFormat, recordPath, type FeatureRecord } from './record.ts';
import { replaceFile } from './replaceFile.ts';
import { describeStale } from './stale.ts';
import type { FeatureStore } from './storePlace.ts';
import type { FeatureDomain, FeatureMatrix, Modality } from './types.ts';

/** Written into new records: this package and its version. */
const createdBy = (({ name, version }) => `${name} ${version}`)(
  createRequire(import.meta.url)('../package.json') as { name: string; version: string },
);

/** Path of a stored matrix. */
function matrixPath(store: FeatureStore, modality: Modality, encoder: string): string {
  return join(store.features, `${modality}-${encoder.replace(/[^\w.-]+/g, '_')}.npy`);
}

/** What {@link saveFeatures} records besides the matrix. */
export type SavedWith = Pick<
  FeatureRecord,
  'identity' | 'inputsHash' | 'inputs' | 'field' | 'fields' | 'join' | 'dropWords' | 'damaged' | 'model'
> & {
  /** Type of the numbers on disk. Default float32. */
  dtype?: 'float16' | 'float32';
};

/**
 * Saves a matrix as `<modality>-<encoder>.npy` with its record beside it (`.json`).
 *
 * @returns The matrix as it will be read back, with `source` set to the file written.
 */
export async function saveFeatures(
  store: FeatureStore,
  domain: FeatureDomain,
  features: FeatureMatrix,
  { dtype = 'float32', ...made }: SavedWith = {},
): Promise<FeatureMatrix> {
  makeDirectory(store.features);
  const path = matrixPath(store, features.modality, features.encoder);
  const parts = encodeNpyParts(features.data, [features.count, features.width], dtype);
  const record: FeatureRecord = {
    format: recordFormat,
    modality: features.modality,
    encoder: features.encoder,
    count: features.count,
    width: features.width,
    present: presentCount(features),
    dtype,
    contentHash: sha256(...parts),
    itemsHash: itemsHash(domain),
    ...made,
    created: new Date().toISOString(),
    ...(features.extraction && { extraction: features.extraction }),
    createdBy,
    notes: features.notes ?? [],
  };
  await replaceFile(path, parts);
  await replaceFile(recordPath(path), `${JSON.stringify(record, null, 2)}\n`);
  const data = dtype === 'float32' ? features.data : parseNpy(await readWhole(path), path).data;
  return { ...features, data: data as Float32Array, source: path };
}

/** How {@link readStoredFeatures} takes features whose texts or pictures have changed. */
export interface StoredOptions {
  /** Features made from anything else count as absent: the hash that {@link saveFeatures} was given. */
  inputsHash?: string;
  /** `tell` (the default): a note says so; `refuse`: they are an error. */
  stale?: 'tell' | 'refuse';
  /** Features kept as another type count as absent. */
  dtype?: string;
  /** `refuse`: features of which damaged pictures count as missing count as absent. */
  damaged?: 'refuse' | 'missing';
}

/**
 * Reads a matrix that {@link saveFeatures} wrote.
 *
 * @returns Undefined if there is none. Where it is out of date, its last note says so.
 * @throws InputError if the file does not fit its record or the domain's items.
 */
export async function readStoredFeatures(
  store: FeatureStore,
  domain: FeatureDomain,
  modality: Modality,
  encoder: string,
  { inputsHash, dtype, damaged, stale: whenStale = 'tell' }: StoredOptions = {},
): Promise<FeatureMatrix | undefined> {
  const source = matrixPath(store, modality, encoder);
  const record = await readRecord(source);
  if (record === undefined) return undefined;
  if (inputsHash !== undefined && record.inputsHash !== inputsHash) return undefined;
  if (dtype !== undefined && (record.dtype ?? 'float32') !== dtype) return undefined;
  if (damaged === 'refuse' && (record.damaged ?? 0) > 0) return undefined;
  const stale = inputsHash === undefined ? await describeStale(record, domain, modality) : undefined;
  if (record.itemsHash !== itemsHash(domain) || (stale !== undefined && whenStale === 'refuse'))
    throw new InputError(source, undefined, `${stale ?? 'out of date: the items are others'}; make it again`);
  const bytes = await readWhole(source).catch((error: unknown) => {
    throw new InputError(source, undefined, (error as Error).message);
  });
  if (sha256(bytes) !== record.contentHash)
    throw new InputError(
      source,
      undefined,
      `the file must match the hash in its record, got ${bytes.length} other bytes (cut off or changed); make it again`,
    );
  const array = parseNpy(bytes, source);
  const [count, width] = array.shape;
  if (array.kind !== 'numbers' || count !== record.count || width !== record.width)
    throw new InputError(
      source,
      undefined,
      `must hold the ${record.count ?? 'unknown'} rows of ${record.width ?? 'unknown'} numbers of its record, ` +
        `got ${array.kind} of shape (${array.shape.join(', ')})`,
    );
  return {
    modality,
    encoder: record.encoder ?? encoder,
    count: count!,
    width: width!,
    data: array.data,
    present: presentRows(array.data, width!, source),
    ...(record.extraction && { extraction: record.extraction }),
    source,
    notes: [...(record.notes ?? []), ...(stale === undefined ? [] : [stale])],
  };
}

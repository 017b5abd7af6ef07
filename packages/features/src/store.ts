import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InputError, type Domain } from '@ferry/data';
import { presentRows } from './matrix.ts';
import { encodeNpy, parseNpy } from './npy.ts';
import type { FeatureMatrix, Modality } from './types.ts';

/** What stands beside a stored matrix, as JSON. */
export interface FeatureRecord {
  /** Version of this record's format. */
  format: 1;
  /** What the rows describe. */
  modality: Modality;
  /** Who made them. */
  encoder: string;
  /** N. */
  count: number;
  /** F. */
  width: number;
  /** SHA-256 of the `.npy` file. */
  contentHash: string;
  /** SHA-256 of the domain's item ids in index order: guards the row order. */
  itemsHash: string;
  /** SHA-256 of everything that was encoded: tells when the domain's texts or pictures have changed. */
  inputsHash: string;
  /** Package and version that made the file. */
  createdBy: string;
  /** What a user should know about these features. */
  notes: string[];
}

/** Version written into new records. */
const createdBy = '@ferry/features 0.1.0';

/** SHA-256 in hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Hash of item ids in index order. */
export function itemsHash(domain: Pick<Domain, 'items'>): string {
  return sha256(JSON.stringify(domain.items.ids));
}

/** Folders of one domain's stored features. */
export interface FeatureStore {
  /** Where matrices are kept. */
  features: string;
  /** Where single vectors are cached by content; shared between domains in a cache directory. */
  vectors: string;
}

/**
 * Whether new files may be put into a directory. Mode bits count even for the superuser, who may write anywhere: a
 * data set that was made read-only stays as it is.
 */
async function writable(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  if (!found || (found.mode & 0o222) === 0) return false;
  return access(directory, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** The cache directory of this user: FERRY_CACHE, else the platform's usual place. */
function userCache(): string {
  const { FERRY_CACHE, XDG_CACHE_HOME } = process.env;
  return FERRY_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ferry');
}

/**
 * Where a domain's own features live: `cacheDirectory` if given, else `<domain>/features` if the domain's directory
 * can be written, else the user's cache (environment variable FERRY_CACHE, or `~/.cache/ferry`). In a cache the
 * folder carries the domain's name and a hash of its items, so domains never meet.
 */
export async function featureStore(domain: Domain, cacheDirectory?: string): Promise<FeatureStore> {
  if (cacheDirectory === undefined && (await writable(domain.directory))) {
    const features = join(domain.directory, 'features');
    return { features, vectors: join(features, 'vectors') };
  }
  const root = cacheDirectory ?? userCache();
  return {
    features: join(root, `${domain.name}-${itemsHash(domain).slice(0, 12)}`),
    vectors: join(root, 'vectors'),
  };
}

/** Writes a file so that a reader never sees half of it; a failure leaves the old file, and nothing new. */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new InputError(path, undefined, `the file cannot be written (${(error as Error).message})`);
  }
}

/** Path of a stored matrix. */
function matrixPath(store: FeatureStore, modality: Modality, encoder: string): string {
  return join(store.features, `${modality}-${encoder.replace(/[^\w.-]+/g, '_')}.npy`);
}

/**
 * Saves a matrix as `<modality>-<encoder>.npy` with its record beside it (`.json`).
 *
 * @returns The matrix with `source` set to the file written.
 */
export async function saveFeatures(
  store: FeatureStore,
  domain: Domain,
  features: FeatureMatrix,
  inputsHash: string,
): Promise<FeatureMatrix> {
  await mkdir(store.features, { recursive: true });
  const path = matrixPath(store, features.modality, features.encoder);
  const bytes = encodeNpy(features.data, [features.count, features.width]);
  const record: FeatureRecord = {
    format: 1,
    modality: features.modality,
    encoder: features.encoder,
    count: features.count,
    width: features.width,
    contentHash: sha256(bytes),
    itemsHash: itemsHash(domain),
    inputsHash,
    createdBy,
    notes: features.notes ?? [],
  };
  await replaceFile(path, bytes);
  await replaceFile(`${path}.json`, `${JSON.stringify(record, null, 2)}\n`);
  return { ...features, source: path };
}

/**
 * Reads a matrix that {@link saveFeatures} wrote.
 *
 * @param inputsHash - If given, a matrix made from other texts or pictures counts as absent.
 * @returns Undefined if there is none.
 * @throws InputError if the file does not fit its record or the domain's items.
 */
export async function readStoredFeatures(
  store: FeatureStore,
  domain: Domain,
  modality: Modality,
  encoder: string,
  inputsHash?: string,
): Promise<FeatureMatrix | undefined> {
  const source = matrixPath(store, modality, encoder);
  const text = await readFile(`${source}.json`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let record: FeatureRecord;
  try {
    record = JSON.parse(text) as FeatureRecord;
  } catch (error) {
    throw new InputError(`${source}.json`, undefined, `must be JSON (${(error as Error).message})`);
  }
  if (inputsHash !== undefined && record.inputsHash !== inputsHash) return undefined;
  if (record.itemsHash !== itemsHash(domain))
    throw new InputError(
      source,
      undefined,
      `the features must be of this domain's ${domain.items.ids.length} items in this order, got others; make them again`,
    );
  const bytes = await readFile(source).catch((error: unknown) => {
    throw new InputError(source, undefined, (error as Error).message);
  });
  if (sha256(bytes) !== record.contentHash)
    throw new InputError(
      source,
      undefined,
      `the file must match the hash in its record, got ${bytes.length} other bytes (cut off or changed); make it again`,
    );
  const array = parseNpy(bytes, source);
  if (array.kind !== 'numbers')
    throw new InputError(source, undefined, 'features must be numbers, got texts');
  return {
    modality,
    encoder: record.encoder,
    count: record.count,
    width: record.width,
    data: array.data,
    present: presentRows(array.data, record.width, source),
    source,
    notes: record.notes,
  };
}

import { InputError, readObject } from '@ferry/data';
import { sha256 } from './hash.ts';
import type { WordDrop } from './words.ts';
import type { ExtractionCost, FeatureDomain, Modality } from './types.ts';

/** Element types that features are kept in. */
export const featureTypes = ['float16', 'float32', 'float64'] as const;

/** An element type that features are kept in. */
export type FeatureType = (typeof featureTypes)[number];

/**
 * What stands beside a feature file, as `<file>.json`. All of it is optional: for a file of one's own, `width` and `dtype`
 * are enough to have it checked.
 */
export interface FeatureRecord {
  /** Version of this record's form. */
  format?: number;
  /** What the rows describe. */
  modality?: Modality;
  /** Who made them. */
  encoder?: string;
  /** The encoder's weights and settings. */
  identity?: string;
  /** N. */
  count?: number;
  /** Items with a vector. */
  present?: number;
  /** F. */
  width?: number;
  /** Type of the elements. */
  dtype?: FeatureType;
  /** SHA-256 of the feature file. */
  contentHash?: string;
  /** SHA-256 of the domain's item ids in index order: guards the row order. */
  itemsHash?: string;
  /** SHA-256 of everything that was encoded, and of the encoder's identity. */
  inputsHash?: string;
  /** First 8 bytes of the SHA-256 of each item's text or picture, zeros where it has none; base64. */
  inputs?: string;
  /** Which field of the items the texts are from. */
  field?: 'texts' | 'titles';
  /** Or the keys of `items.jsonl` that make them, in this order. */
  fields?: string[];
  /** What stands between those. */
  join?: string;
  /** How words were dropped from them. */
  dropWords?: WordDrop;
  /** Pictures that could not be decoded and count as missing. */
  damaged?: number;
  /** The model, where it is none of Ferry's own. */
  model?: ModelRecord;
  /** When the file was made, ISO 8601. */
  created?: string;
  /** What making them cost. */
  extraction?: ExtractionCost;
  /** Package and version that made the file. */
  createdBy?: string;
  /** What a user should know about these features. */
  notes?: string[];
}

/** Cosines between vectors of some inputs, made by weights in fewer bytes and by all of them. */
export interface Agreement {
  /** How the weights were held that made the features; the others are float32. */
  weights: string;
  /** Inputs that were compared. */
  inputs: number;
  /** Their mean. */
  mean: number;
  /** The least of them. */
  least: number;
}

/** What is recorded of a model that made features. */
export interface ModelRecord {
  /** Its name on a hub, or of its folder or file. */
  name: string;
  /** The hub's hash of the version, if it is from one. */
  revision?: string;
  /** The ONNX file. */
  weights: {
    /** The name of the file, without its folder. */
    file: string;
    /** Its SHA-256. */
    sha256: string;
  };
  /** The output that was taken. */
  output: string;
  /** How it became a vector. */
  pooling: string;
  /** Whether vectors have length 1. */
  normalised: boolean;
  /** How pictures were scaled, or how many tokens of a text were read. */
  preprocessing: string;
  /** How near the vectors are to those of float32 weights, where weights were held in fewer bytes. */
  agreement?: Agreement;
}

/** Version written into new records. */
export const recordFormat = 2;

/** Hash of item ids in index order. */
export function itemsHash(domain: Pick<FeatureDomain, 'items'>): string {
  return sha256(JSON.stringify(domain.items.ids));
}

/** Name of the record of a feature file. */
export function recordPath(file: string): string {
  return `${file}.json`;
}

/**
 * Reads the record beside a feature file.
 *
 * @returns Undefined if there is none.
 * @throws InputError if it cannot be read, is no JSON object, or states a width or type that cannot be.
 */
export async function readRecord(file: string): Promise<FeatureRecord | undefined> {
  const path = recordPath(file);
  const record = await readObject(path);
  if (record === undefined) return undefined;
  const { width, count, dtype } = record;
  for (const [name, value] of [
    ['width', width],
    ['count', count],
  ] as const)
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) > 0))
      throw new InputError(
        path,
        undefined,
        `${name} must be a positive integer, got ${JSON.stringify(value)}`,
      );
  if (dtype !== undefined && !featureTypes.includes(dtype as FeatureType))
    throw new InputError(
      path,
      undefined,
      `dtype must be one of ${featureTypes.join(', ')}, got ${JSON.stringify(dtype)}`,
    );
  return record;
}

/** Bytes that are kept of the hash of each item's input. */
const keptBytes = 8;

/** The hashes of all items' inputs in short, for {@link FeatureRecord.inputs}. */
export function packInputs(inputs: readonly ({ hash: string } | undefined)[]): string {
  const bytes = Buffer.alloc(inputs.length * keptBytes);
  for (const [index, input] of inputs.entries())
    if (input) bytes.write(input.hash.slice(0, 2 * keptBytes), index * keptBytes, 'hex');
  return bytes.toString('base64');
}

/** Indices of items whose input is another than when `packed` was made. */
export function changedInputs(packed: string, inputs: readonly ({ hash: string } | undefined)[]): number[] {
  const before = Buffer.from(packed, 'base64');
  const now = Buffer.from(packInputs(inputs), 'base64');
  return [...inputs.keys()].filter((index) => {
    const [from, to] = [index * keptBytes, (index + 1) * keptBytes];
    return !before.subarray(from, to).equals(now.subarray(from, to));
  });
}

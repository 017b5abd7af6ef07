/** What of an encoder is trained: everything, its last layers, its biases, or something small beside its weights. */
import { matchGlob } from '@ferry/nn';
import { adapterNorms, type AdapterOptions } from './adapters.ts';
import type { Encoder } from './encoder.ts';
import type { LoraOptions } from './lora.ts';
import type { PromptOptions } from './prompts.ts';

/**
 * What is trained. `all`: every weight; `none`; `bitfit`: biases alone (Ben Zaken et al., ACL 2022); `layers`: so many
 * last layers and what comes after them; `lora`: matrices of low rank beside frozen weights; `adapters`: bottlenecks
 * behind the blocks of all layers, and the layers' normalisations; `prompt`: vectors before those of a text's tokens; or
 * globs of names.
 */
export type Tuning =
  | 'all'
  | 'none'
  | 'bitfit'
  | {
      /** How many last layers. */
      layers: number;
    }
  | {
      /** Rank, factor and targets. */
      lora: LoraOptions;
    }
  | {
      /** Width of the bottlenecks. */
      adapters: AdapterOptions;
    }
  | {
      /** How many vectors. */
      prompt: PromptOptions;
    }
  | {
      /** Globs of names. */
      match: readonly string[];
    };

/** Weights after the last layer, in every family. */
const tail = ['final.**', 'pooler.**', 'projection', 'projection.**'];

/** The number of the layer that a weight belongs to; undefined for all others. */
export function layerOf(name: string): number | undefined {
  const found = /^layers\.(\d+)\./.exec(name);
  return found ? Number(found[1]) : undefined;
}

/** Whether a weight comes after the last layer. */
export function isTail(name: string): boolean {
  return tail.some((glob) => matchGlob(glob, name));
}

/**
 * Names of the encoder's own weights that a tuning trains (with LoRA and prompts none).
 *
 * @throws Error if there are fewer layers, or a glob matches nothing that can be trained.
 */
export function tunedWeights({ trainable, layers }: Encoder, tuning: Tuning): string[] {
  if (tuning === 'all') return [...trainable];
  if (tuning === 'none') return [];
  if (tuning === 'bitfit') return trainable.filter((name) => name.endsWith('.bias'));
  if ('lora' in tuning || 'prompt' in tuning) return [];
  if ('adapters' in tuning)
    return trainable.filter((name) => adapterNorms.some((glob) => matchGlob(glob, name)));
  if ('layers' in tuning) {
    const { layers: last } = tuning;
    if (!Number.isInteger(last) || last < 1 || last > layers)
      throw new Error(`tuning: layers must be in 1..${layers}, got ${last}`);
    return trainable.filter((name) => isTail(name) || (layerOf(name) ?? -1) >= layers - last);
  }
  const idle = tuning.match.find((glob) => !trainable.some((name) => matchGlob(glob, name)));
  if (idle !== undefined)
    throw new Error(
      `tuning: every glob must match a weight that can be trained, got "${idle}" among ${trainable.join(', ')}`,
    );
  return trainable.filter((name) => tuning.match.some((glob) => matchGlob(glob, name)));
}

/**
 * How many of the lowest layers, embeddings included, have nothing that is trained: what they give can be kept.
 *
 * @param names - Names of what is trained, in the encoder or beside its weights.
 * @param layers - How many there are.
 */
export function frozenLayers(names: readonly string[], layers: number): number {
  return names.reduce((least, name) => (isTail(name) ? least : Math.min(least, layerOf(name) ?? 0)), layers);
}

/** Learning rates that fall from layer to layer. */
import { flattenParameters } from '@ferry/nn';
import { isTail, layerOf } from './tuning.ts';
import type { EncoderTower } from './tower.ts';

/** Weights of a tower that are trained by one rate. */
export interface LayerRate {
  /** Globs of their names. */
  readonly match: readonly string[];
  /** The rate. */
  readonly learningRate: number;
}

/**
 * Layer-wise decay (Howard and Ruder, ACL 2018, 3.2) as groups of an optimiser: the last layer and what follows it are
 * trained by `learningRate`, each layer below by `decay` times the rate of the one above it, and what lies below all layers
 * (embeddings, prompts) by `decay` times that of the first.
 *
 * @param tower - Its weights, by whose names the groups go.
 * @param learningRate - Of the last layer.
 * @param decay - In (0, 1].
 */
export function layerRates(
  { parameters, trained }: Pick<EncoderTower, 'parameters' | 'trained'>,
  learningRate: number,
  decay: number,
): LayerRate[] {
  // What a tuning adds has the encoder's names below a name of its own.
  const plain = (name: string): string => name.slice(name.indexOf('.') + 1);
  const numbers = [...flattenParameters(parameters).keys()].flatMap((name) => layerOf(plain(name)) ?? []);
  const last = Math.max(-1, ...numbers);
  const groups = new Map<number, Set<string>>();
  for (const name of trained) {
    const layer = isTail(plain(name)) ? last : layerOf(plain(name));
    const rate = learningRate * decay ** (last - (layer ?? -1));
    const inLayer = layerOf(plain(name)) !== undefined;
    const match = groups.get(rate) ?? new Set();
    groups.set(rate, match.add(inLayer ? `*.layers.${layer!}.**` : name));
  }
  return [...groups].map(([rate, match]) => ({ match: [...match], learningRate: rate }));
}

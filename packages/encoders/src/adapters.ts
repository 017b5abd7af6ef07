/**
 * Adapters (Houlsby et al., ICML 2019): after each block of a layer, before its residual sum, a bottleneck is trained
 * that begins as nothing, `y = x + W₂ gelu(W₁ x + b₁) + b₂`, together with the normalisations of the layers.
 *
 * D width of a layer, m width of a bottleneck.
 */
import { type RandomStream } from '@ferry/engine';
import { flattenParameters, init, parameter, type Parameters } from '@ferry/nn';
import type { Encoder } from './encoder.ts';

/** How wide bottlenecks are. */
export interface AdapterOptions {
  /** m */
  readonly width: number;
}

/** Families whose layers are not those of `layer.ts`. */
const others = ['swin', 'resnet'];

/** Globs of the encoder's own weights that are trained with adapters. */
export const adapterNorms = ['layers.*.norm1.*', 'layers.*.norm2.*'] as const;

/**
 * Bottlenecks for all layers of an encoder: `layers.0.adapter1.down.weight` [m, D] …; W₁ normal with deviation 0.02, W₂
 * and biases zero.
 *
 * @throws Error if the family's layers take none, or the width is no positive integer.
 */
export function createAdapters(
  { family, parameters, layers }: Pick<Encoder, 'family' | 'parameters' | 'layers'>,
  { width }: AdapterOptions,
  random: RandomStream,
): Parameters {
  if (!Number.isInteger(width) || width < 1)
    throw new Error(`createAdapters: width must be a positive integer, got ${width}`);
  if (others.includes(family))
    throw new Error(`createAdapters: layers of a ${family} take no adapters; take lora, or the last layers`);
  const sizes = new Map([...flattenParameters(parameters)].map(([name, { size }]) => [name, size]));
  const bottleneck = (name: string, D: number): Parameters => ({
    down: {
      weight: parameter(init.normal(0.02)([width, D], random.split(name)), [width, D]),
      bias: parameter(new Float32Array(width), [width]),
    },
    up: {
      weight: parameter(new Float32Array(D * width), [D, width]),
      bias: parameter(new Float32Array(D), [D]),
    },
  });
  return {
    layers: Object.fromEntries(
      Array.from({ length: layers }, (_, i) => {
        const D = sizes.get(`layers.${i}.norm1.weight`)!;
        return [
          String(i),
          { adapter1: bottleneck(`${i}.adapter1`, D), adapter2: bottleneck(`${i}.adapter2`, D) },
        ];
      }),
    ),
  };
}

/**
 * Weights of an encoder with adapters in its layers, to be passed to its functions in place of its parameters.
 *
 * @param p - The encoder's parameters.
 * @param adapters - What {@link createAdapters} made, or any tensors in their places.
 */
export function withAdapters(p: Parameters, adapters: Parameters): Parameters {
  const [own, added] = [p['layers'], adapters['layers']] as [
    Record<string, Parameters>,
    Record<string, Parameters>,
  ];
  return {
    ...p,
    layers: Object.fromEntries(Object.entries(own).map(([i, layer]) => [i, { ...layer, ...added[i] }])),
  };
}

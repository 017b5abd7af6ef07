/** What tools/parity/encoders.py found with transformers for a small encoder, as the tests read it. */
import { fileURLToPath } from 'node:url';
import { tf } from '@ferry/engine';
import { readSafetensors, type SafetensorsTensor } from '@ferry/nn';
import { expect } from 'vitest';
import type { EncoderInputs } from '../src/index.ts';

/** The folder of a family's fixture. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
}

/** Names of transformers' inputs, by ours. */
const inputNames = {
  ids: 'input_ids',
  mask: 'attention_mask',
  pixels: 'pixel_values',
  picture: 'encoder_hidden_states',
} as const;

/** A fixture's tensors. */
export interface Expected {
  /** Inputs of a case as tensors; undefined if there is no such case. */
  inputs(i: number): EncoderInputs | undefined;
  /** Values by name; undefined if there are none. */
  values(name: string): Float32Array | undefined;
  /** All names. */
  names: string[];
}

/** Reads what a family's model gave; of a model with two towers, of one of them. */
export async function readExpected(
  name: string,
  modality?: 'text' | 'image' | 'matching' | 'prompt' | 'rates' | 'int8',
): Promise<Expected> {
  const file = modality ? `expected-${modality}.safetensors` : 'expected.safetensors';
  const { tensors } = await readSafetensors(`${fixture(name)}/${file}`);
  const tensorOf = ({ dtype, shape, data }: SafetensorsTensor): tf.Tensor =>
    tf.tensor(data as Float32Array, [...shape], dtype === 'F32' ? 'float32' : 'int32');
  return {
    names: [...tensors.keys()],
    values: (key) => tensors.get(key)?.data as Float32Array | undefined,
    inputs: (i) => {
      const found = Object.entries(inputNames).flatMap(([ours, theirs]) => {
        const tensor = tensors.get(`${i}.${theirs}`);
        return tensor ? [[ours, tensorOf(tensor)]] : [];
      });
      return found.length > 0 ? (Object.fromEntries(found) as EncoderInputs) : undefined;
    },
  };
}

/** Compares with numbers of PyTorch, relatively to the largest. */
export function close(got: ArrayLike<number>, want: ArrayLike<number>, bound: number, what: string): void {
  expect(got.length, what).toBe(want.length);
  const largest = Array.from(want).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const worst = Array.from(want).reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
  expect(worst / largest, what).toBeLessThan(bound);
}

/** Values of tokens that are no padding; of the others nothing is promised. */
export function tokensOf(hidden: ArrayLike<number>, inputs: EncoderInputs): number[] {
  const all = Array.from(hidden);
  const mask = inputs.mask?.dataSync();
  if (!mask) return all;
  const width = all.length / mask.length;
  return all.filter((_, i) => mask[Math.floor(i / width)] === 1);
}

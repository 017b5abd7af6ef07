import { readFile } from 'node:fs/promises';
import { InputError } from '@ferry/data';
import { openSession, type Fetched, type Session } from '../session.ts';
import { stepsOf, valueOf, withOutput } from './layers.ts';

/** How an output becomes a vector. */
export type Pooling = 'as it is' | 'first token' | 'mean of tokens' | 'mean over the picture';

/** Which output is taken, and how. */
export interface Chosen {
  /** Its name in the model. */
  output: string;
  /** How it becomes a vector. */
  pooling: Pooling;
}

/** What decides where nobody says otherwise. */
export interface Habits {
  /** Outputs that are a vector already, the best first. */
  vectors: readonly string[];
  /** What is done where the model gives tokens alone. */
  tokens: 'cls' | 'mean';
}

/** Names under which models give a vector of the whole. */
const pooledNames = ['text_embeds', 'image_embeds', 'sentence_embedding', 'pooler_output'];

/** How an output of some axes becomes a vector. */
function poolingOf(axes: number | undefined, tokens: 'cls' | 'mean'): Pooling {
  if (axes === 4) return 'mean over the picture';
  if (axes === 3) return tokens === 'cls' ? 'first token' : 'mean of tokens';
  return 'as it is';
}

/**
 * Opens a model and finds the output that is wanted; a layer that is no output of the file is made one.
 *
 * @param wanted - own, pooled, cls, mean, or a name.
 * @throws InputError listing what there is.
 */
export async function openOutput(
  weights: string,
  wanted: string,
  habits: Habits,
): Promise<{ session: Session; chosen: Chosen }> {
  const open = (model: string | Uint8Array): Promise<Session> =>
    openSession(model).catch((error: unknown) => {
      throw new InputError(weights, undefined, `the model cannot be loaded (${(error as Error).message})`);
    });
  const session = await open(weights);
  const axes = (name: string): number | undefined =>
    session.outputs.find((output) => output.name === name)?.shape.length;
  const first = (names: readonly string[]): string | undefined =>
    names.find((name) => axes(name) !== undefined);
  const all = session.outputs.map(({ name }) => name);
  const states =
    first(['last_hidden_state', 'token_embeddings']) ?? all.find((name) => (axes(name) ?? 0) >= 3);
  let output: string | undefined;
  let tokens = habits.tokens;
  if (wanted === 'own') output = first(habits.vectors) ?? states ?? (all.length > 0 ? all[0] : undefined);
  else if (wanted === 'pooled') output = first(pooledNames);
  else if (wanted === 'cls' || wanted === 'mean') [output, tokens] = [states, wanted];
  else if (axes(wanted) !== undefined) output = wanted;
  else {
    const bytes = await readFile(weights);
    const inside = valueOf(wanted, stepsOf(bytes));
    if (inside !== undefined) {
      await session.close();
      const opened = await open(all.includes(inside) ? bytes : withOutput(bytes, inside));
      const shape = opened.outputs.find(({ name }) => name === inside)!.shape;
      return { session: opened, chosen: { output: inside, pooling: poolingOf(shape.length, tokens) } };
    }
  }
  if (output !== undefined) return { session, chosen: { output, pooling: poolingOf(axes(output), tokens) } };
  await session.close();
  throw new InputError(
    weights,
    undefined,
    `output must be own, pooled, cls, mean or a layer of the model, got ${JSON.stringify(wanted)}; its outputs are ` +
      all.join(', '),
  );
}

/** Vectors [B * F] of an output. `mask`: 1 for tokens that are there [B * T]. */
export function pooled(
  { data, shape }: Fetched,
  pooling: Pooling,
  mask: BigInt64Array | undefined,
): Float32Array {
  const batch = shape[0]!;
  if (shape.length <= 2 || (shape.length === 4 && shape[2] === 1 && shape[3] === 1)) return data;
  if (shape.length === 4) {
    const [, channels, height, width] = shape as [number, number, number, number];
    const out = new Float32Array(batch * channels);
    const plane = height * width;
    for (let row = 0; row < out.length; row++) {
      let sum = 0;
      for (let at = row * plane; at < (row + 1) * plane; at++) sum += data[at]!;
      out[row] = sum / plane;
    }
    return out;
  }
  const [, length, width] = shape as [number, number, number];
  const out = new Float32Array(batch * width);
  for (let row = 0; row < batch; row++) {
    const target = out.subarray(row * width, (row + 1) * width);
    if (pooling === 'first token') {
      target.set(data.subarray(row * length * width, (row * length + 1) * width));
      continue;
    }
    let count = 0;
    for (let at = 0; at < length; at++) {
      if (mask && mask[row * length + at] === 0n) continue;
      count++;
      const from = (row * length + at) * width;
      for (let place = 0; place < width; place++) target[place]! += data[from + place]!;
    }
    for (let place = 0; place < width; place++) target[place]! /= Math.max(count, 1);
  }
  return out;
}

/** Makes vectors [B * F] of length 1; zeros stay. */
export function normaliseRows(data: Float32Array, batch: number): Float32Array {
  const width = data.length / batch;
  for (let row = 0; row < batch; row++) {
    let square = 0;
    for (let at = row * width; at < (row + 1) * width; at++) square += data[at]! * data[at]!;
    if (square === 0) continue;
    const scale = 1 / Math.sqrt(square);
    for (let at = row * width; at < (row + 1) * width; at++) data[at]! *= scale;
  }
  return data;
}

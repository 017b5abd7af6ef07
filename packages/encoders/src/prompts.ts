/**
 * Prompts (Lester et al., EMNLP 2021): trained vectors before those of a text's own tokens, all else frozen, equal to
 * `peft`'s PromptTuning. A text's vector is made of its own tokens, which see the prompt; so is `hidden`.
 *
 * n vectors of the prompt, D width of an embedding.
 */
import { type RandomStream, tf } from '@ferry/engine';
import { parameter, type Parameters } from '@ferry/nn';

/** How long prompts are. */
export interface PromptOptions {
  /** n */
  readonly length: number;
}

/** What {@link createPrompt} makes. */
export type Prompt = {
  /** [n, D] */
  readonly vectors: tf.Variable;
};

/** What {@link createPrompt} reads of an encoder. */
export interface PromptReader {
  /** Its family, such as `bert`. */
  readonly family: string;
  /** What it reads. */
  readonly modality: 'text' | 'image';
  /** Its weights. */
  readonly parameters: Parameters;
}

/** Families that read prompts. */
const readers = ['bert', 'roberta', 'distilbert', 'mpnet', 'opt', 'blip'];

/**
 * A prompt for an encoder of texts, `vectors` [n, D]; at first the vectors of words drawn at random.
 *
 * @throws Error if the family reads none, or the length is no positive integer.
 */
export function createPrompt(
  { family, modality, parameters }: PromptReader,
  { length }: PromptOptions,
  random: RandomStream,
): Prompt {
  if (!Number.isInteger(length) || length < 1)
    throw new Error(`createPrompt: length must be a positive integer, got ${length}`);
  if (modality !== 'text' || !readers.includes(family))
    throw new Error(
      `createPrompt: prompts are for texts and ${readers.join(', ')}, got ${modality} and ${family}; take lora`,
    );
  const words = parameters['words'] as tf.Variable;
  const [V, D] = words.shape as [number, number];
  const values = words.dataSync() as Float32Array;
  const first = new Float32Array(length * D);
  for (let i = 0; i < length; i++) {
    const word = random.integer(V);
    first.set(values.subarray(word * D, (word + 1) * D), i * D);
  }
  return { vectors: parameter(first, [length, D]) };
}

/**
 * Weights of an encoder with a prompt, to be passed to its functions in place of its parameters.
 *
 * @param p - The encoder's parameters.
 * @param prompt - What {@link createPrompt} made, or any tensor in its place.
 */
export function withPrompt(p: Parameters, prompt: Parameters): Parameters {
  return { ...p, prompt: prompt['vectors'] };
}

/** The prompt among an encoder's weights, [n, D]. */
export function promptOf(p: Readonly<Record<string, unknown>>): tf.Tensor | undefined {
  return p['prompt'] as tf.Tensor | undefined;
}

/** How many vectors stand before a text's own. */
export function promptLength(p: Readonly<Record<string, unknown>>): number {
  return promptOf(p)?.shape[0] ?? 0;
}

/** What stands before the rows of [B, T, …]: a prompt's vectors, or `fill` for each of them. */
export function prompted(p: Readonly<Record<string, unknown>>, rows: tf.Tensor, fill?: number): tf.Tensor {
  const prompt = promptOf(p);
  if (!prompt) return rows;
  const [B, ...rest] = rows.shape as [number, number];
  const [n, D] = prompt.shape as [number, number];
  const before =
    fill === undefined
      ? tf.tile(tf.reshape(prompt, [1, n, D]), [B, 1, 1])
      : tf.fill([B, n, ...rest.slice(1)], fill, rows.dtype);
  return tf.concat([before, rows], 1);
}

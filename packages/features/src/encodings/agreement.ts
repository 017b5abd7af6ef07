/** How near vectors of weights in fewer bytes are to those of the weights as they are. */
import { encodeBatch } from '../extract.ts';
import type { Agreement } from '../record.ts';
import type { Encoder } from '../types.ts';

/** An input, and what tells it from others. */
interface Input {
  value: string;
  hash: string;
}

/** Inputs that are compared. */
const SAMPLE = 64;

/** Some of the distinct inputs, as far from each other in their order as they can be. */
export function sampleOf(inputs: readonly (Input | undefined)[], size = SAMPLE): Input[] {
  const distinct = [...new Map(inputs.flatMap((input) => (input ? [[input.hash, input]] : []))).values()];
  const count = Math.min(size, distinct.length);
  return Array.from(
    { length: count },
    (_, i) => distinct[Math.floor(((i + 0.5) * distinct.length) / count)]!,
  );
}

/** The cosine between two vectors; 1 where both are zero. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [product, ofA, ofB] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    product += x * b[i]!;
    ofA += x * x;
    ofB += b[i]! * b[i]!;
  }
  if (ofA === 0 && ofB === 0) return 1;
  return product / Math.sqrt(ofA * ofB || 1);
}

/**
 * Compares two encoders on a sample of inputs; those that cannot be decoded are left out.
 *
 * @param sample - See {@link sampleOf}.
 * @param encoders - `packed` makes the features, `exact` is what it should be.
 * @param batch - `size`: inputs encoded at once; `cost`: to batch like with like, as the features are made.
 * @returns Undefined if no input can be decoded.
 */
export async function agreement(
  weights: string,
  sample: readonly Input[],
  { packed, exact }: { packed: Encoder<string>; exact: Encoder<string> },
  { size, cost }: { size: number; cost: (value: string) => number },
): Promise<Agreement | undefined> {
  const order = sample.toSorted((a, b) => cost(a.value) - cost(b.value));
  const cosines: number[] = [];
  for (let from = 0; from < order.length; from += size) {
    const batch = order.slice(from, from + size).map(({ hash, value }) => [hash, value] as const);
    const failures = new Map<string, string>();
    const wanted = new Map(await encodeBatch(exact, batch, failures));
    const rest = batch.filter(([hash]) => !failures.has(hash));
    if (rest.length === 0) continue;
    for (const [hash, vector] of await encodeBatch(packed, rest, failures))
      cosines.push(cosine(vector, wanted.get(hash)!));
  }
  if (cosines.length === 0) return undefined;
  const mean = cosines.reduce((sum, own) => sum + own, 0) / cosines.length;
  return { weights, inputs: cosines.length, mean, least: Math.min(...cosines) };
}

/** Six digits of a cosine, rounded down: one is said of equal vectors alone. */
const digits = (value: number): string => (Math.floor(value * 1e6) / 1e6).toFixed(6);

/** What is said of it. */
export function agreementNote(
  { weights, inputs, mean, least }: Agreement,
  what: 'texts' | 'pictures',
): string {
  return (
    `weights of ${weights}: the cosine to vectors of float32 is at least ${digits(least)} and in the mean ` +
    `${digits(mean)}, of ${inputs} ${what}`
  );
}

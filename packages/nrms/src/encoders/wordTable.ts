import type { RandomStream } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters } from '@ferry/nn';
import type { NewsWords } from '../contract.ts';
import { FIRST_WORD, PADDING } from '../words/vocabulary.ts';

/** Deviation of first word vectors where none are given. */
const DEVIATION = 0.1;

/** Root of the mean square of some vectors. */
function deviationOf(vectors: Iterable<Float32Array>): number {
  let [sum, count] = [0, 0];
  for (const vector of vectors) {
    for (const x of vector) sum += x * x;
    count += vector.length;
  }
  return count === 0 ? DEVIATION : Math.sqrt(sum / count);
}

/**
 * The table of word vectors, [V, W]: those that are given, and normal ones as large as these for all other words;
 * padding is zero.
 *
 * @param options - `wordWidth`: W where none are given.
 */
export function createWordTable(
  { vocabulary, vectors }: NewsWords,
  { wordWidth }: { wordWidth: number },
  random: RandomStream,
): EmbeddingParameters {
  const width = vectors?.width ?? wordWidth;
  const deviation = vectors ? deviationOf(vectors.vectors.values()) : DEVIATION;
  return createEmbedding(
    {
      count: vocabulary.size,
      width,
      padding: PADDING,
      init: ([count], stream) => {
        const values = Float32Array.from({ length: count! * width }, () => deviation * stream.normal());
        vocabulary.words.forEach((word, i) => {
          const given = vectors?.vectors.get(word);
          if (given) values.set(given, (i + FIRST_WORD) * width);
        });
        return values;
      },
    },
    random,
  );
}

import { disposeNest, tf } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { textGroups } from './batches.ts';
import type { NewsCatalogue, NewsInputs, NewsOptions, VectorInputs } from './contract.ts';
import { encodedInputs } from './encoded.ts';

/** Rows of pre-computed vectors; number 0, the empty news, has none. */
function vectorsOf({ data, width, present }: FeatureMatrix, numbers: Int32Array): VectorInputs {
  const values = new Float32Array(numbers.length * width);
  const there = new Float32Array(numbers.length);
  numbers.forEach((number, row) => {
    if (number === 0 || present[number - 1] === 0) return;
    there[row] = 1;
    values.set(data.subarray((number - 1) * width, number * width), row * width);
  });
  return {
    values: tf.tensor2d(values, [numbers.length, width]),
    present: tf.tensor2d(there, [numbers.length, 1]),
  };
}

/** The members of a record, each made into something else; undefined for no record. */
function mapped<K extends string, A, B>(
  record: Readonly<Partial<Record<K, A>>> | undefined,
  make: (value: A) => B,
): Partial<Record<K, B>> | undefined {
  if (!record) return undefined;
  const entries = Object.entries<A | undefined>(record) as [K, A][];
  return Object.fromEntries(entries.map(([key, value]) => [key, make(value)])) as Partial<Record<K, B>>;
}

/**
 * What a model reads of some news, as tensors of the caller's own.
 *
 * @param numbers - Numbers of news, [n].
 * @param content - Whether what encoders read is wanted. Default true.
 */
export function newsInputs(
  { words, entities, labels, features, encoded }: NewsCatalogue,
  numbers: Int32Array,
  options: Pick<NewsOptions, 'defects'>,
  content = true,
): NewsInputs {
  return {
    numbers: tf.tensor1d(numbers, 'int32'),
    titles: words && textGroups(words.titles, numbers, options),
    abstracts: words?.abstracts && textGroups(words.abstracts, numbers, options),
    entities: entities && textGroups(entities.table, numbers, options),
    labels: mapped(labels, ({ values }) =>
      tf.tensor1d(
        numbers.map((number) => values[number]!),
        'int32',
      ),
    ),
    vectors: mapped(features, (matrix) => vectorsOf(matrix, numbers)),
    encoded: encoded && encodedInputs(encoded, numbers, content),
  };
}

/** Frees what {@link newsInputs} made. */
export function disposeInputs(inputs: NewsInputs): void {
  disposeNest(inputs);
}

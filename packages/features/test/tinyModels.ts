import sharp from 'sharp';
import { encodeOnnx } from '../src/onnx.ts';

/** A step that averages over some axes. */
export const meanOver = (axes: number[], from: string, to: string) => ({
  op: 'ReduceMean',
  inputs: [from],
  outputs: [to],
  attributes: { axes, keepdims: 0 },
});
/** A tokenizer with a token a letter: p (padding), a, b, c. */
export const tokenizer = JSON.stringify({
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'BPE', vocab: { p: 0, a: 1, b: 2, c: 3 }, merges: [], unk_token: 'p' },
});
/** A vector a letter: p is 9 9, a is 1 0, b is 0 2, c is 3 3. */
export const letters = { name: 'table', shape: [4, 2], data: Float32Array.of(9, 9, 1, 0, 0, 2, 3, 3) };
/** Tokens of texts. */
export const ids = { name: 'input_ids', type: 'int64', shape: ['B', 'L'] } as const;
/** A model that gives each letter's vector. */
export const lookup = encodeOnnx({
  inputs: [ids],
  outputs: [{ name: 'last_hidden_state', type: 'float32', shape: ['B', 'L', 2] }],
  initializers: [letters],
  nodes: [{ op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['last_hidden_state'] }],
});
/** Pictures. */
export const pixels = { name: 'pixel_values', type: 'float32', shape: ['B', 3, 'H', 'W'] } as const;
/** A model that gives the mean of each colour, times a weight. */
export const colours = (output: string, weight: number) =>
  encodeOnnx({
    inputs: [pixels],
    outputs: [{ name: output, type: 'float32', shape: ['B', 3] }],
    initializers: [{ name: 'weight', shape: [], data: Float32Array.of(weight) }],
    nodes: [
      meanOver([2, 3], 'pixel_values', 'means'),
      { op: 'Mul', inputs: ['means', 'weight'], outputs: [output] },
    ],
  });

/** A model that gives the mean of each colour, and two tokens: that mean twice, and four times. */
export const pictureTokens = encodeOnnx({
  inputs: [pixels],
  outputs: [
    { name: 'last_hidden_state', type: 'float32', shape: ['B', 2, 3] },
    { name: 'pooler_output', type: 'float32', shape: ['B', 3] },
  ],
  initializers: [
    { name: 'weights', shape: [1, 2, 1], data: Float32Array.of(2, 4) },
    { name: 'flat', shape: [3], data: BigInt64Array.of(-1n, 1n, 3n) },
  ],
  nodes: [
    meanOver([2, 3], 'pixel_values', 'pooler_output'),
    { op: 'Reshape', inputs: ['pooler_output', 'flat'], outputs: ['row'] },
    { op: 'Mul', inputs: ['row', 'weights'], outputs: ['last_hidden_state'] },
  ],
});

/** A picture of one colour. */
export const picture = (red: number, green: number, blue: number, width = 20, height = 10): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: { r: red, g: green, b: blue } } })
    .png()
    .toBuffer();

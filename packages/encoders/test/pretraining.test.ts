/** Masked-token and contrastive training: what is hidden, and losses worked out another way. */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createEncoder,
  createMaskedHead,
  createPairHead,
  maskedLoss,
  maskTokens,
  pairLoss,
} from '../src/index.ts';

const random = RandomStream.fromSeed(7);
const special = new Set([0, 1, 2, 3, 4]);

afterAll(async () => {
  await selectBackend('cpu', { log: () => undefined });
});

it('hides a share of the tokens: four fifths by the mask, a tenth by others, a tenth not at all', () => {
  const [n, V] = [40_000, 1000];
  const ids = Int32Array.from({ length: n }, (_, i) => (i % 10 === 0 ? 2 : 5 + (i % (V - 5))));
  const mask = Float32Array.from({ length: n }, (_, i) => (i < n / 2 ? 1 : 0));
  const options = { share: 0.2, maskToken: 4, special, vocabulary: V };
  const made = maskTokens(ids, mask, options, random.split('a'));
  const asked = made.weights.reduce((sum, weight) => sum + weight, 0);
  // Of 20,000 tokens that are there, 2,000 are special.
  expect(asked).toBe(0.2 * 18_000);
  const places = [...made.places.subarray(0, asked)];
  expect(new Set(places).size).toBe(asked);
  expect(places.every((at) => mask[at] === 1 && !special.has(ids[at]!))).toBe(true);
  expect([...made.labels.subarray(0, asked)]).toEqual(places.map((at) => ids[at]));
  const changed = places.filter((at) => made.ids[at] !== ids[at]);
  const masked = places.filter((at) => made.ids[at] === 4).length;
  expect(masked / asked).toBeCloseTo(0.8, 1);
  expect((changed.length - masked) / asked).toBeCloseTo(0.1, 1);
  expect(changed.every((at) => made.ids[at] === 4 || !special.has(made.ids[at]!))).toBe(true);
  const others = ids.filter((id, at) => !places.includes(at) && made.ids[at] !== id);
  expect(others).toHaveLength(0);
  expect(maskTokens(ids, mask, options, random.split('a'))).toEqual(made);
  expect(maskTokens(ids, mask, options, random.split('b'))).not.toEqual(made);
});

it('hides one token where the share is less than one, and refuses texts without any', () => {
  const options = { share: 0.01, maskToken: 4, special, vocabulary: 10 };
  const one = maskTokens(Int32Array.of(2, 7, 3), [1, 1, 1], options, random);
  expect([one.places[0], one.labels[0], one.weights[0]]).toEqual([1, 7, 1]);
  expect(() => maskTokens(Int32Array.of(2, 3), [1, 1], options, random)).toThrow('must have a token');
});

const config = {
  model_type: 'bert',
  vocab_size: 11,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 6,
};

const vit = {
  model_type: 'vit',
  image_size: 8,
  patch_size: 4,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 8,
};

describe.each(['ort', 'cpu'] as const)('on %s', (backend) => {
  it('the loss of hidden tokens is that of the plain formulas', async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const encoder = createEncoder(config, random.split('encoder'));
    const head = createMaskedHead(encoder, random.split('head'));
    head.bias.assign(tf.linspace(-1, 1, 11));
    const inputs = {
      ids: tf.tensor2d([2, 4, 6, 3, 2, 8, 4, 3], [2, 4], 'int32'),
      mask: tf.ones([2, 4]),
    };
    const asked = {
      places: tf.tensor1d([1, 6, 0], 'int32'),
      labels: tf.tensor1d([5, 9, 0], 'int32'),
      weights: tf.tensor1d([1, 1, 0]),
    };
    const { loss, found } = maskedLoss(encoder, encoder.parameters, head, inputs, asked);
    const { hidden } = encoder.encode(encoder.parameters, inputs);
    const [vectors, words, weight, bias] = [
      hidden,
      encoder.parameters['words'] as tf.Variable,
      head.transform.weight,
      head.bias,
    ].map((tensor) => tensor.arraySync()) as [number[][][], number[][], number[][], number[]];
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const gelu = (x: number): number => {
      // The error function by its series.
      const z = x / Math.SQRT2;
      let [term, sum] = [z, z];
      for (let k = 1; k < 40; k++) {
        term *= (-z * z) / k;
        sum += term / (2 * k + 1);
      }
      return (x / 2) * (1 + (2 / Math.sqrt(Math.PI)) * sum);
    };
    const crossEntropy = (vector: number[], label: number): number => {
      const made = weight.map((row) => gelu(dot(row, vector)));
      const mean = made.reduce((a, b) => a + b) / made.length;
      const variance = made.reduce((sum, x) => sum + (x - mean) ** 2, 0) / made.length;
      const logits = words.map(
        (word, v) =>
          dot(
            word,
            made.map((x) => (x - mean) / Math.sqrt(variance + 1e-12)),
          ) + bias[v]!,
      );
      return Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[label]!;
    };
    const want = (crossEntropy(vectors[0]![1]!, 5) + crossEntropy(vectors[1]![2]!, 9)) / 2;
    expect(loss.dataSync()[0]).toBeCloseTo(want, 4);
    expect([0, 0.5, 1]).toContain(found.dataSync()[0]);
    encoder.dispose();
  });

  it('the loss of pairs is the mean of both directions', async () => {
    await selectBackend(backend, { threads: 1, log: () => undefined });
    const text = createEncoder(config, random.split('text'), { pooling: 'mean' });
    const image = createEncoder(vit, random.split('image'));
    const head = createPairHead({ text: 8, image: 8 }, 3, random.split('pairs'));
    const ids = tf.tensor2d([2, 5, 3, 2, 6, 3], [2, 3], 'int32');
    const pixels = tf.randomNormal([2, 3, 8, 8], 0, 1, 'float32', 3);
    const { loss, found } = pairLoss(
      { encoder: text, p: text.parameters, inputs: { ids } },
      { encoder: image, p: image.parameters, inputs: { pixels } },
      head,
    );
    const units = (vectors: tf.Tensor, weight: tf.Tensor): number[][] =>
      (tf.matMul(vectors as tf.Tensor2D, weight as tf.Tensor2D, false, true).arraySync() as number[][]).map(
        (row) => {
          const length = Math.hypot(...row);
          return row.map((x) => x / length);
        },
      );
    const a = units(text.vectors(text.parameters, { ids }), head.text.weight);
    const b = units(image.vectors(image.parameters, { pixels }), head.image.weight);
    const s = a.map((x) => b.map((y) => x.reduce((sum, v, i) => sum + v * y[i]!, 0) / 0.07));
    const row = (i: number): number => Math.log(Math.exp(s[i]![0]!) + Math.exp(s[i]![1]!)) - s[i]![i]!;
    const column = (i: number): number => Math.log(Math.exp(s[0]![i]!) + Math.exp(s[1]![i]!)) - s[i]![i]!;
    expect(loss.dataSync()[0]).toBeCloseTo((row(0) + row(1) + column(0) + column(1)) / 4, 4);
    const right = [0, 1].filter((i) => s[i]![i]! >= s[i]![1 - i]!).length;
    expect(found.dataSync()[0]).toBeCloseTo(right / 2, 5);
    text.dispose();
    image.dispose();
  });
});

it('a family without word vectors of its width is refused', () => {
  const image = createEncoder(vit, random);
  expect(() => createMaskedHead(image, random)).toThrow('a vit has no word vectors');
  image.dispose();
});

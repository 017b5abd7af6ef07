/** What a recipe says of its encoders' learning rates, as groups of an optimiser. */
import { createEncoder, encoderTower } from '@ferry/encoders';
import { RandomStream, selectBackend } from '@ferry/engine';
import { createOptimizer, flattenParameters } from '@ferry/nn';
import { textEncoderSchema, type RunRecipe } from '@ferry/recipes';
import { expect, it } from 'vitest';
import { encoderGroups } from '../src/jobs/trainedEncoders.ts';

it.each([
  { settings: {}, rates: undefined },
  { settings: { learningRate: 0.1 }, rates: [0.1, 0.1, 0.1] },
  { settings: { layerDecay: 0.5 }, rates: [2, 1, 0.5] },
  { settings: { learningRate: 0.4, layerDecay: 0.5 }, rates: [0.4, 0.2, 0.1] },
  { settings: { warmup: 4 }, rates: [0.5, 0.5, 0.5] },
  { settings: { warmup: 4 }, training: { warmedUp: true }, rates: [2, 2, 2] },
  { settings: { warmup: 4, learningRate: 0.4, layerDecay: 0.5 }, rates: [0.1, 0.05, 0.025] },
  // A replay by another rate moves what has a rate of its own as much as all else, and that once.
  { settings: { learningRate: 0.4, layerDecay: 0.5 }, training: { factor: 3 }, rates: [1.2, 0.6, 0.3] },
  { settings: { layerDecay: 0.5 }, training: { factor: 3 }, rates: [2, 1, 0.5] },
])('$settings, $training give the first step rates $rates', async ({ settings, training, rates }) => {
  await selectBackend('cpu');
  const random = RandomStream.fromSeed(1);
  const sizes = { hidden_size: 4, num_hidden_layers: 2, num_attention_heads: 1, intermediate_size: 4 };
  const encoder = createEncoder({ model_type: 'bert', vocab_size: 10, ...sizes }, random, { pooling: 'cls' });
  const text = encoderTower(encoder, {}, random);
  const features = { text: 'trained', image: 'none', textEncoder: textEncoderSchema.parse(settings) };
  const recipe = { features } as unknown as Pick<RunRecipe, 'features'>;
  const made = encoderGroups(recipe, { text }, { learningRate: 2, ...training });
  if (rates) {
    const trained = new Map(
      [...flattenParameters({ encoders: { text: text.parameters } })].filter(
        ([name]) => !name.includes('pooler'),
      ),
    );
    const optimizer = createOptimizer({ kind: 'adam', learningRate: 2, ...made }, trained);
    optimizer.advance(0);
    const found = optimizer.learningRates();
    // The rates of the layers from the last down, and of the embeddings.
    const names = ['layers.1.up.bias', 'layers.0.up.bias', 'words'];
    const groupOf = (name: string): number =>
      made.groups!.findIndex(({ match }) =>
        match.some(
          (glob) =>
            glob.endsWith(name) || glob === `encoders.text.*.${name.split('.').slice(0, 2).join('.')}.**`,
        ),
      );
    const own = names.map((name) => found[String(groupOf(name))]!);
    for (const [i, rate] of rates.entries()) expect(own[i]).toBeCloseTo(rate, 6);
    optimizer.dispose();
  } else expect(made).toEqual({});
  encoder.dispose();
});

it('wants rates of an encoder that is trained, and no other keys', () => {
  expect(textEncoderSchema.safeParse({ layerdecay: 0.5 }).success).toBe(false);
  for (const layerDecay of [0, 1.5]) expect(textEncoderSchema.safeParse({ layerDecay }).success).toBe(false);
  for (const warmup of [0, 0.5]) expect(textEncoderSchema.safeParse({ warmup }).success).toBe(false);
});

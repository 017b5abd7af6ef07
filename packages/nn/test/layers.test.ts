import { layerNorm, linear, RandomStream, tf } from '@ferry/engine';
import { expect, it } from 'vitest';
import {
  additiveAttention,
  createAdditiveAttention,
  createAttention,
  createDecoder,
  createDecoderLayer,
  createEmbedding,
  createEncoder,
  createEncoderLayer,
  createGru,
  createLayerNorm,
  createLinear,
  createSelfAttention,
  embed,
  flattenParameters,
  gru,
  multiHeadAttention,
  normalize,
  type Parameters,
  selfAttention,
  torchName,
  transformerDecoder,
  transformerDecoderLayer,
  transformerEncoder,
  transformerEncoderLayer,
} from '../src/index.ts';
import { describeVariants, differentiate, expectClose, fill, fillParameters, fixture } from './helpers.ts';

interface Case {
  inputs: Record<string, number[]>;
  output: number[];
  gradients: Record<string, number[]>;
}

interface Masked extends Case {
  hidden: number[][] | null;
  causal: boolean;
}

interface Transformer extends Masked {
  norm: 'post' | 'pre' | 'query';
  activation: 'gelu' | 'relu';
  epsilon: number;
  memoryHidden: number[][] | null;
}

interface Fixture {
  sizes: { D: number; H: number; inner: number };
  linear: Case;
  layerNorm: Case;
  normalize: Case;
  embedding: Case & { ids: number[][] };
  attention: Record<string, Masked>;
  encoderLayer: Record<string, Transformer>;
  encoder: Record<string, Transformer>;
  decoderLayer: Record<string, Transformer>;
  decoder: Record<string, Transformer>;
  gru: Record<string, Case & { lengths: number[] | null }>;
  additiveAttention: Record<string, Masked>;
  selfAttention: Record<string, Masked & { bias: boolean; projected: boolean }>;
}

type Inputs = Record<string, tf.Variable>;
type Masks = Record<string, tf.Tensor>;

const expected = fixture('layers.json') as Fixture;
const { D, H, inner } = expected.sizes;
const random = RandomStream.fromSeed(1);

/** Our layer's names to those of the parity script. */
const names = (name: string) =>
  torchName(name)
    .replace(/^input\.(\w+)$/, '$1_ih_l0')
    .replace(/^state\.(\w+)$/, '$1_hh_l0');

describeVariants('layers equal PyTorch', (variant) => {
  /** Output to 1e-5 and all gradients to 1e-4 of the largest number of each tensor. */
  function check(
    wanted: Case,
    tree: Parameters,
    masks: Masks,
    forward: (inputs: Inputs, masks: Masks) => tf.Tensor,
  ): void {
    fillParameters(tree, names);
    const inputs: Inputs = Object.fromEntries(
      Object.entries(wanted.inputs).map(([name, shape]) => [
        name,
        tf.variable(tf.tensor(fill(name, shape), shape)),
      ]),
    );
    const all = [...flattenParameters(tree), ...Object.entries(inputs)];
    expect(all.map(([name]) => names(name)).sort()).toEqual(Object.keys(wanted.gradients).sort());
    const found = differentiate(
      variant,
      all.map(([, variable]) => variable),
      masks,
      (given) => forward(inputs, given),
    );
    expectClose(found.output, wanted.output, 1e-5, 'output');
    for (const [name, variable] of all)
      expectClose(
        found.gradients.get(variable) ?? [],
        wanted.gradients[names(name)] ?? [],
        1e-4,
        `gradient of ${name}`,
      );
    for (const [, variable] of all) variable.dispose();
  }

  const masksOf = (masks: Record<string, number[][] | null>): Masks =>
    Object.fromEntries(
      Object.entries(masks).flatMap(([name, mask]) => (mask ? [[name, tf.tensor2d(mask)]] : [])),
    );

  it('linear', () => {
    const p = createLinear({ inputs: 3, outputs: 5 }, random);
    check(expected.linear, p, {}, ({ x }) => linear(x!, p.weight, p.bias));
  });

  it('layer normalisation', () => {
    const p = createLayerNorm(6);
    check(expected.layerNorm, { norm: p }, {}, ({ x }) => layerNorm(x!, p.weight, p.bias, 1e-12));
  });

  it('unit vectors', () => {
    check(expected.normalize, {}, {}, ({ x }) => normalize(x!));
  });

  it('embedding with a padding row', () => {
    const p = createEmbedding({ count: 5, width: 3, padding: 0 }, random);
    const ids = tf.tensor2d(expected.embedding.ids, undefined, 'int32');
    check(expected.embedding, p, { ids }, (_, masks) => embed(p, masks['ids']!, { padding: 0 }));
  });

  it.each(Object.entries(expected.attention))('attention: %s', (name, wanted) => {
    const p = name.includes('without bias')
      ? createAttention(D, random, { bias: false })
      : createAttention(D, random);
    const { causal, hidden } = wanted;
    check(wanted, p, masksOf({ hidden }), ({ x, memory }, masks) =>
      multiHeadAttention(p, x!, memory ?? x!, { heads: H, causal, hidden: masks['hidden'] }),
    );
  });

  const optionsOf = ({ norm, activation, epsilon, causal }: Transformer, masks: Masks) => ({
    heads: H,
    norm,
    activation,
    epsilon,
    causal,
    ...masks,
  });

  it.each(Object.entries(expected.encoderLayer))('encoder layer: %s', (_, wanted) => {
    const p = createEncoderLayer({ width: D, feedForward: inner }, random);
    check(wanted, p, masksOf({ hidden: wanted.hidden }), ({ x }, masks) =>
      transformerEncoderLayer(p, x!, optionsOf(wanted, masks)),
    );
  });

  it.each(Object.entries(expected.encoder))('encoder: %s', (_, wanted) => {
    const p = createEncoder({ layers: 2, width: D, feedForward: inner }, random);
    check(wanted, p, masksOf({ hidden: wanted.hidden }), ({ x }, masks) =>
      transformerEncoder(p, x!, optionsOf(wanted, masks)),
    );
  });

  it.each(Object.entries(expected.decoderLayer))('decoder layer: %s', (_, wanted) => {
    const p = createDecoderLayer({ width: D, feedForward: inner }, random);
    const { hidden, memoryHidden } = wanted;
    check(wanted, p, masksOf({ hidden, memoryHidden }), ({ x, memory }, masks) =>
      transformerDecoderLayer(p, x!, memory!, optionsOf(wanted, masks)),
    );
  });

  it.each(Object.entries(expected.decoder))('decoder: %s', (_, wanted) => {
    const p = createDecoder({ layers: 2, width: D, feedForward: inner }, random);
    const { hidden, memoryHidden } = wanted;
    check(wanted, p, masksOf({ hidden, memoryHidden }), ({ x, memory }, masks) =>
      transformerDecoder(p, x!, memory!, optionsOf(wanted, masks)),
    );
  });

  it.each(Object.entries(expected.gru))('GRU: %s', (_, wanted) => {
    const p = createGru({ inputs: 3, width: 4 }, random);
    const { lengths } = wanted;
    const hidden = lengths && lengths.map((length) => [0, 1, 2, 3, 4].map((i) => (i < length ? 0 : 1)));
    check(wanted, p, masksOf({ hidden }), ({ x, initial }, masks) => {
      const { output, last } = gru(p, x!, { initial: initial!, hidden: masks['hidden'] });
      // The script puts the last state behind the others, or returns it alone.
      return hidden ? last : tf.concat([output, tf.expandDims(last, 1)], 1);
    });
  });

  it.each(Object.entries(expected.additiveAttention))('additive attention: %s', (_, wanted) => {
    const p = createAdditiveAttention({ width: 5, hidden: 3 }, random);
    check(
      wanted,
      p,
      masksOf({ hidden: wanted.hidden }),
      ({ x }, masks) => additiveAttention(p, x!, masks).output,
    );
  });

  it.each(Object.entries(expected.selfAttention))('self-attention: %s', (_, wanted) => {
    const { bias, projected: outProjection, hidden } = wanted;
    const p = createSelfAttention({ inputs: 5, outputs: 6, bias, outProjection }, random);
    check(wanted, p, masksOf({ hidden }), ({ x }, masks) => selfAttention(p, x!, { heads: 3, ...masks }));
  });
});

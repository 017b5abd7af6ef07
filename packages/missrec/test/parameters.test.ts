import { RandomStream, selectBackend } from '@ferry/engine';
import { disposeParameters, flattenParameters, matchGlob, type Parameters } from '@ferry/nn';
import { trainedWeights } from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMissRecParameters, missRec, missRecOptions } from '../src/index.ts';

/** How many numbers the parameters hold whose names match. */
const countParameters = (tree: Parameters, pattern = '**'): number =>
  [...flattenParameters(tree)].reduce(
    (sum, [name, { size }]) => sum + (matchGlob(pattern, name) ? size : 0),
    0,
  );

/** Scientific: N = 4,385. */
const N = 4385;
const build = (ids: boolean) => {
  const options = missRecOptions({ featureWidths: { text: 512, image: 512 }, ids });
  return { options, parameters: createMissRecParameters(options, N, RandomStream.fromSeed(1)) };
};

describe('parameter counts of the published logs', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('has 1,719,513 without IDs: encoder, decoder, positions, normalisation, adapters, α', () => {
    const { options, parameters } = build(false);
    expect(countParameters(parameters)).toBe(1_719_513);
    expect(countParameters(parameters, 'encoder.**')).toBe(517_156);
    expect(countParameters(parameters, 'decoder.**')).toBe(878_956);
    expect(countParameters(parameters, 'positionEmbedding.**')).toBe(15_000);
    expect(countParameters(parameters, 'tokenNorm.**')).toBe(600);
    expect(countParameters(parameters, '*Adapter.*')).toBe(307_800);
    const efficient = [...trainedWeights({ model: missRec, options, parameters }, 'efficient').values()];
    expect(efficient.reduce((sum, { size }) => sum + size, 0)).toBe(308_401);
    disposeParameters(parameters);
  });

  it('has 3,035,313 with IDs, 1,624,201 of them trainable after pre-training', () => {
    const { options, parameters } = build(true);
    expect(countParameters(parameters)).toBe(3_035_313);
    const efficient = [...trainedWeights({ model: missRec, options, parameters }, 'efficient').values()];
    expect(efficient.reduce((sum, { size }) => sum + size, 0)).toBe(1_624_201);
    disposeParameters(parameters);
  });

  it('starts as the released code does', () => {
    const { parameters } = build(true);
    const values = (name: string) => flattenParameters(parameters).get(name)!.dataSync();
    const std = (x: ArrayLike<number>) =>
      Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0) / x.length);
    expect(std(values('decoder.layers.0.linear1.weight'))).toBeCloseTo(0.02, 3);
    expect(std(values('encoder.layers.0.selfAttention.outProjection.weight'))).toBeCloseTo(0.02, 3);
    expect(std(values('itemEmbedding.weight'))).toBeCloseTo(0.02, 3);
    expect(std(values('itemEmbedding.weight').subarray(0, 300))).toBe(0);
    // Xavier-uniform over [900, 300]: ±√(6 / 1200), standard deviation that over √3
    expect(std(values('decoder.layers.0.crossAttention.inProjection.weight'))).toBeCloseTo(
      Math.sqrt(6 / 1200 / 3),
      3,
    );
    // adapters: ±1/√512, biases too
    const bound = 1 / Math.sqrt(512);
    for (const name of ['textAdapter.weight', 'imageAdapter.bias']) {
      expect(std(values(name))).toBeCloseTo(bound / Math.sqrt(3), 2);
      expect(values(name).every((value) => Math.abs(value) <= bound)).toBe(true);
    }
    expect(values('fusionFactor')[0]).toBe(0);
    disposeParameters(parameters);
  });

  it('does not change other weights when IDs are turned on', () => {
    const [a, b] = [build(false), build(true)];
    const name = 'decoder.layers.0.selfAttention.inProjection.weight';
    expect(flattenParameters(a.parameters).get(name)!.dataSync()).toEqual(
      flattenParameters(b.parameters).get(name)!.dataSync(),
    );
    disposeParameters(a.parameters);
    disposeParameters(b.parameters);
  });
});

describe('missRecOptions', () => {
  it('refuses what means nothing', () => {
    const featureWidths = { text: 4 };
    expect(() => missRecOptions({ featureWidths, width: 10, heads: 4 })).toThrow(
      /heads must divide width 10, got 4/,
    );
    expect(() => missRecOptions({ featureWidths: {} })).toThrow(/text, image or both/);
    expect(() => missRecOptions({ featureWidths, dropout: 1 })).toThrow(/dropout/);
    expect(() => missRecOptions({ featureWidths, task: 'pretrain', ids: true })).toThrow(/ids must be false/);
  });

  it('has the presets of the two versions', () => {
    const of = (preset: 'paper' | 'released', task: 'pretrain' | 'finetune') =>
      missRecOptions({ featureWidths: { text: 4, image: 4 }, preset, task });
    expect(of('released', 'finetune').interestRatio).toBe(0.5);
    expect(of('released', 'pretrain').interestRatio).toBe(0.02);
    expect(of('paper', 'pretrain')).toMatchObject({ missing: 'mask', sameItemMask: true, ids: false });
    expect(of('released', 'finetune')).toMatchObject({
      missing: 'bias',
      paddingInSoftmax: true,
      regulariser: 'all-slots',
      interestMethod: 'released-k-means',
    });
  });
});

import { randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createCatalogue,
  createItemTower,
  itemTower,
  type ItemTowerOptions,
  itemTowerSchema,
} from '../src/index.ts';
import { worldFeatures } from './world.ts';

const N = 10;
const D = 4;
const F = 6;

beforeAll(async () => {
  await selectBackend('cpu');
});

/** A tower of these settings, its vectors for all items, and the same on the host. */
function build(more: Partial<ItemTowerOptions>) {
  const options = itemTowerSchema.parse(more);
  const features = worldFeatures(N, 3, F);
  const catalogue = createCatalogue({ featureWidths: { text: F, image: F } }, [features]);
  const p = createItemTower(options, catalogue, { width: D }, RandomStream.fromSeed(1));
  const vectors = itemTower(p, options, catalogue.inputs, undefined);
  const numbers = tf.tensor1d([0, 7, 5], 'int32');
  const gather = (tables: Readonly<Record<string, tf.Tensor>>) =>
    Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, tf.gather(table, numbers)]));
  const picked = itemTower(
    p,
    options,
    { features: gather(catalogue.inputs.features), present: gather(catalogue.inputs.present), numbers },
    undefined,
  );
  const rows = (table: tf.Tensor): number[][] => table.arraySync() as number[][];
  const gelu = (x: number): number => {
    // erf by its series: enough digits for what is compared
    let [term, sum] = [x / Math.SQRT2, x / Math.SQRT2];
    for (let n = 1; n < 40; n++) sum += (term *= (-x * x) / 2 / n) / (2 * n + 1);
    return (x / 2) * (1 + (2 / Math.sqrt(Math.PI)) * sum);
  };
  const linear = (x: number[], { weight, bias }: { weight: tf.Tensor; bias: tf.Tensor }): number[] =>
    rows(weight).map((w, o) => w.reduce((sum, each, i) => sum + each * x[i]!, bias.dataSync()[o]!));
  return { options, features, p, vectors: rows(vectors), picked: rows(picked), rows, gelu, linear };
}

describe('itemTower', () => {
  it('sums the ID and the modalities an item has; rows of a batch are those of the catalogue', () => {
    const { features, p, vectors, picked, rows, linear } = build({ features: true });
    for (let item = 1; item <= N; item++) {
      const own = (modality: 'text' | 'image') =>
        linear([...features[modality].data.subarray((item - 1) * F, item * F)], p[modality]!['0']!);
      const hasImage = features.image.present[item - 1] === 1;
      const [text, image] = [own('text'), own('image')];
      rows(p.ids!.weight)[item]!.forEach((id, d) => {
        expect(vectors[item]![d]).toBeCloseTo(id + text[d]! + (hasImage ? image[d]! : 0), 5);
      });
    }
    expect(picked).toEqual([0, 7, 5].map((item) => vectors[item]));
  });

  it('joins them by a layer with GELU, and gives a missing modality the bias if asked', () => {
    const { features, p, vectors, linear, gelu } = build({
      ids: false,
      features: true,
      layers: 2,
      activation: 'all',
      combine: 'concat',
      missing: 'bias',
    });
    const item = 5; // has no picture
    expect(features.image.present[item - 1]).toBe(0);
    const parts = (['text', 'image'] as const).flatMap((modality) => {
      const x = [...features[modality].data.subarray((item - 1) * F, item * F)];
      return linear(linear(x, p[modality]!['0']!).map(gelu), p[modality]!['1']!).map(gelu);
    });
    linear(parts, p.join!)
      .map(gelu)
      .forEach((want, d) => {
        expect(vectors[item]![d]).toBeCloseTo(want, 5);
      });
  });

  it('ends in layers of linear and GELU if asked', () => {
    const { p, vectors, rows, linear, gelu } = build({ mlp: 2 });
    const item = 3;
    const own = rows(p.ids!.weight)[item]!;
    linear(linear(own, p.mlp!['0']!).map(gelu), p.mlp!['1']!)
      .map(gelu)
      .forEach((want, d) => {
        expect(vectors[item]![d]).toBeCloseTo(want, 5);
      });
  });

  it('leaves out the IDs of a share of the items in training, and of none in evaluation', () => {
    const { options, p, vectors, rows } = build({ features: true, idDropout: 0.3 });
    const features = worldFeatures(N, 3, F);
    const { inputs } = createCatalogue({ featureWidths: { text: F, image: F } }, [features]);
    const content = rows(itemTower({ ...p, ids: undefined }, options, inputs, undefined));
    const ids = rows(p.ids!.weight);
    // Every value of a row has its ID, or none.
    let without = 0;
    for (let step = 0; step < 300; step++) {
      const key = tf.tensor1d([1, 2, 3, step], 'int32');
      const trained = rows(itemTower(p, options, inputs, randomSource(key)));
      for (let item = 1; item <= N; item++) {
        const left = trained[item]!.every((value, d) => Math.abs(value - content[item]![d]!) < 1e-5);
        const whole = trained[item]!.every(
          (value, d) => Math.abs(value - content[item]![d]! - ids[item]![d]!) < 1e-5,
        );
        expect(left).not.toBe(whole);
        without += Number(left);
      }
    }
    expect(without / (300 * N)).toBeGreaterThan(0.3 - 0.03);
    expect(without / (300 * N)).toBeLessThan(0.3 + 0.03);
    for (let item = 1; item <= N; item++)
      vectors[item]!.forEach((value, d) => {
        expect(value).toBeCloseTo(content[item]![d]! + ids[item]![d]!, 5);
      });
  });

  it.each([{ features: false }, { features: true, ids: false }])(
    'leaves out no IDs of items that have nothing else, or have none: %o',
    (more) => {
      expect(() => build({ ...more, idDropout: 0.5 })).toThrow(
        /idDropout[\s\S]*must be 0 unless items have IDs and features \(ids and features true\), got 0.5/,
      );
    },
  );

  it('refuses items known by nothing', () => {
    expect(() => build({ ids: false })).toThrow(/IDs or features of a modality, got neither/);
  });
});

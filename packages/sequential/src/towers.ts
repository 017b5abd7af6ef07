/**
 * Towers: what makes item vectors. A tower is a function of weights and {@link ItemInputs}; a model composes those it
 * wants.
 *
 * Letters: V rows of the item tables (row 0 is padding), F width of a modality's features, D width of the model.
 */
import { dropout, embedding, gelu, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createLinear,
  type EmbeddingParameters,
  init,
  type Initializer,
} from '@ferry/nn';
import { z } from 'zod';
import { type Catalogue, type ItemInputs, modalitiesOf } from './catalogue.ts';

/** Settings of {@link itemTower}, for the `options` of a model. */
export const itemTowerSchema = z
  .strictObject({
    ids: z.boolean().default(true).describe('whether each item has a vector of its own'),
    features: z
      .boolean()
      .default(false)
      .describe('whether items are known by the features of their modalities, through an adapter'),
    layers: z.int().min(1).default(1).describe('linear layers of an adapter'),
    activation: z
      .enum(['none', 'between', 'all'])
      .default('none')
      .describe('GELU of an adapter: none, between its layers, or after each, the last one too'),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('dropout before every layer of an adapter but the first'),
    idDropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe(
        'share of the items of a training step that are known by their features alone, so that new items can be; ' +
          'needs ids and features',
      ),
    combine: z
      .enum(['sum', 'concat'])
      .default('sum')
      .describe(
        'sum: vectors of ID and modalities are added; concat: joined, then one linear layer with GELU',
      ),
    mlp: z.int().min(0).default(0).describe('layers that follow on all of it, each dropout, linear, GELU'),
    missing: z
      .enum(['mask', 'bias'])
      .default('mask')
      .describe('a missing modality adds nothing, or the vector its adapter makes of zeros'),
  })
  .superRefine(({ ids, features, idDropout }, context) => {
    if (idDropout > 0 && !(ids && features))
      context.addIssue({
        code: 'custom',
        path: ['idDropout'],
        message: `must be 0 unless items have IDs and features (ids and features true), got ${idDropout}`,
      });
  });

/** Settings of {@link itemTower}. */
export type ItemTowerOptions = z.output<typeof itemTowerSchema>;

/** Weights of an adapter: layers by number, '0' first. */
export type AdapterParameters = Readonly<Record<string, BiasedLinearParameters>>;

/** Weights of {@link itemTower}. */
export type ItemTowerParameters = {
  /** [N + 1, D], row 0 of padding. */
  readonly ids?: EmbeddingParameters;
  /** The adapter of text features. */
  readonly text?: AdapterParameters;
  /** The adapter of image features. */
  readonly image?: AdapterParameters;
  /** What joins n vectors with `concat`, [D, n D]. */
  readonly join?: BiasedLinearParameters;
  /** The layers that follow. */
  readonly mlp?: AdapterParameters;
};

/** First weights of a tower's linear layers. */
const layerInit = init.xavierNormal;

/** Sizes and first weights of {@link createItemTower}. */
export interface ItemTowerSizes {
  /** D */
  width: number;
  /** First values of the ID table. Default standard normal. */
  init?: Initializer;
}

/** The modalities a tower reads. */
export function towerModalities(
  { features }: Pick<ItemTowerOptions, 'features'>,
  catalogue: Pick<Catalogue, 'featureWidths'>,
): Modality[] {
  return features ? modalitiesOf(catalogue) : [];
}

/**
 * First weights of a tower. Its linear layers begin Xavier-normal with biases of 0, as IDvs.MoRec's, whatever the model
 * around it draws: by the .02 that encoders of histories begin with, a vector of length 1 leaves three layers of width 64
 * a thousand times shorter, and the tower hardly learns.
 *
 * @throws Error if items would be known by nothing.
 */
export function createItemTower(
  options: ItemTowerOptions,
  catalogue: Pick<Catalogue, 'featureWidths' | 'items'>,
  { width, init: idInit }: ItemTowerSizes,
  random: RandomStream,
): ItemTowerParameters {
  const modalities = towerModalities(options, catalogue);
  const parts = modalities.length + (options.ids ? 1 : 0);
  if (parts === 0)
    throw new Error('createItemTower: items must have IDs or features of a modality, got neither');
  const adapter = (modality: Modality): AdapterParameters => {
    const own = random.split(`${modality} adapter`);
    return Object.fromEntries(
      Array.from({ length: options.layers }, (_, i) => [
        String(i),
        createLinear(
          {
            inputs: i === 0 ? catalogue.featureWidths[modality]! : width,
            outputs: width,
            init: layerInit,
          },
          own,
        ),
      ]),
    );
  };
  const count = catalogue.items + 1;
  return {
    ...(options.ids && {
      ids: createEmbedding({ count, width, init: idInit, padding: 0 }, random.split('ids')),
    }),
    ...Object.fromEntries(modalities.map((modality) => [modality, adapter(modality)])),
    ...(options.combine === 'concat' &&
      parts > 1 && {
        join: createLinear({ inputs: parts * width, outputs: width, init: layerInit }, random.split('join')),
      }),
    ...(options.mlp > 0 && {
      mlp: createMlp({ layers: options.mlp, width, init: layerInit }, random.split('mlp')),
    }),
  };
}

/**
 * Rows of a per-item table for the items of a step.
 *
 * @param table - [N + 1, ...]
 * @returns [V, ...]
 */
export function ofItems(table: tf.Tensor, { numbers }: Pick<ItemInputs, 'numbers'>): tf.Tensor {
  return numbers ? embedding(table, numbers) : table;
}

/**
 * An adapter: `Linear`, then `layers - 1` times [GELU], dropout, `Linear`, and a last GELU with activation `all`.
 *
 * @param x - [V, F]
 * @returns [V, D]
 */
export function adapt(
  p: AdapterParameters,
  { activation, dropout: rate }: Pick<ItemTowerOptions, 'activation' | 'dropout'>,
  x: tf.Tensor,
  random: RandomSource | undefined,
): tf.Tensor {
  const layers = Object.values(p);
  return layers.reduce((h, { weight, bias }, i) => {
    const last = i === layers.length - 1;
    const out = linear(i === 0 ? h : dropout(h, rate, random), weight, bias);
    return activation === 'all' || (activation === 'between' && !last) ? gelu(out) : out;
  }, x);
}

/** Weights of {@link mlp}. */
export function createMlp(
  { layers, width, init }: { layers: number; width: number; init?: Initializer },
  random: RandomStream,
): AdapterParameters {
  return Object.fromEntries(
    Array.from({ length: layers }, (_, i) => [
      String(i),
      createLinear({ inputs: width, outputs: width, init }, random),
    ]),
  );
}

/**
 * Layers of dropout, `Linear` and GELU (the MLP of IDvs.MoRec).
 *
 * @param x - [V, D]
 * @returns [V, D]
 */
export function mlp(
  p: AdapterParameters,
  rate: number,
  x: tf.Tensor,
  random: RandomSource | undefined,
): tf.Tensor2D {
  return Object.values(p).reduce(
    (h, { weight, bias }) => gelu(linear(dropout(h, rate, random), weight, bias)),
    x,
  ) as tf.Tensor2D;
}

/**
 * ID vectors of the items of a step. In training a share of the items is without (as in DropoutNet, Volkovs et al. 2017,
 * where preferences of users and items are left out so that features must do): those are whole in evaluation, and not
 * scaled.
 */
function idVectors(
  { weight }: EmbeddingParameters,
  { idDropout }: ItemTowerOptions,
  inputs: ItemInputs,
  random: RandomSource | undefined,
): tf.Tensor {
  const ids = ofItems(weight, inputs);
  if (!random || idDropout === 0) return ids;
  const kept = tf.greater(random.keepMask([ids.shape[0], 1], idDropout), 0);
  return tf.mul(ids, tf.cast(kept, 'float32'));
}

/**
 * Item vectors from IDs and frozen features of any number of modalities, summed or joined. Row 0 (padding) means
 * nothing.
 *
 * @returns [V, D]
 */
export function itemTower(
  p: ItemTowerParameters,
  options: ItemTowerOptions,
  inputs: ItemInputs,
  random: RandomSource | undefined,
): tf.Tensor2D {
  const parts = (['text', 'image'] as const).flatMap((modality) => {
    const adapter = p[modality];
    if (!adapter) return [];
    const features = inputs.features[modality];
    if (!features) throw new Error(`itemTower: features of ${modality} must be given, got none`);
    const vectors = adapt(adapter, options, features, random);
    return [options.missing === 'mask' ? tf.mul(vectors, inputs.present[modality]!) : vectors];
  });
  if (p.ids) parts.unshift(idVectors(p.ids, options, inputs, random));
  const { join } = p;
  const combined = join
    ? gelu(linear(dropout(tf.concat(parts, 1), options.dropout, random), join.weight, join.bias))
    : parts.reduce((a, b) => tf.add(a, b));
  return mlp(p.mlp ?? {}, options.dropout, combined, random);
}

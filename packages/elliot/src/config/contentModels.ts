import { z } from 'zod';
import { type ElliotModel, modalitiesOf, model, type ParameterRule, trainingOf } from './model.ts';
import {
  count,
  embedded,
  features,
  float,
  joined,
  layers,
  least0,
  numbers,
  only,
  rate,
  share,
  shortcuts,
} from './parameters.ts';

/** Parameters of the models with a projection of each modality. */
const content = { ...embedded, ...features };
/** How the learning rate falls: to a factor in so many epochs. */
const falling = numbers(
  'a factor in (0, 1] and a whole number of epochs',
  ([factor = 0, epochs = 0, ...more]) =>
    factor > 0 && factor <= 1 && epochs >= 1 && Number.isInteger(epochs) && more.length === 0,
).default(['0.96', '50']);
/** A second width that is the first one's. */
const sameWidth = (name: string): ParameterRule => ({
  of: [name, 'factors'],
  wrong: (width: number, factors: number) =>
    width === factors
      ? undefined
      : `must be the factors (${factors}): other widths do not go together, got ${width}`,
});
/** What pictures count beside texts, by the shares of modalities in their order. */
const imageShare = (shares: readonly string[], modalities: readonly string[]): number =>
  Number(shares[modalities.indexOf('visual')] ?? 0);

/** The other models of Elliot's multimodal forks that read features, by Elliot's names. */
export const contentModels: Readonly<Record<string, ElliotModel>> = {
  'external.LATTICE': model({
    name: 'LATTICE',
    trained: true,
    parameters: z.strictObject({
      ...content,
      l_w: least0.default(0.01),
      n_layers: count.default(1),
      n_ui_layers: layers.default(3),
      top_k: count.default(100),
      factors_multimod: count.default(64),
      l_m: share.default(0.1),
    }),
    recipe: ({ factors, l_w: penalty, modalities, ...rest }) => ({
      model: {
        name: 'lattice',
        factors,
        penalty,
        featureFactors: rest.factors_multimod,
        layers: rest.n_ui_layers,
        itemLayers: rest.n_layers,
        neighbours: rest.top_k,
        rawShare: rest.l_m,
      },
      modalities: modalitiesOf(modalities),
      // No setting there.
      ...trainingOf({ ...rest, lr_sched: ['0.96', '50'] }),
    }),
    shortcuts: [
      ...shortcuts.sizes,
      shortcuts.penalty,
      ['n_layers', 'n_layers'],
      ['n_ui_layers', 'n_ui_layers'],
      ['top_k', 'top_k'],
      ['factors_multimod', 'factors_multimod'],
      shortcuts.modalities,
      ['l_m', 'l_m', float],
      shortcuts.loaders,
    ],
  }),
  'external.FREEDOM': model({
    name: 'FREEDOM',
    trained: true,
    parameters: z.strictObject({
      ...content,
      l_w: least0.default(0.01),
      n_layers: layers.default(1),
      n_ui_layers: layers.default(3),
      top_k: count.default(100),
      factors_multimod: count.default(64),
      mw: numbers(
        'shares that are 1 together',
        (shares) => Math.abs(shares.reduce((sum, one) => sum + one, 0) - 1) < 1e-6,
      ).default(['0.1', '0.9']),
      drop: rate.default(0.1),
      lr_sched: falling,
    }),
    rules: [
      sameWidth('factors_multimod'),
      {
        of: ['mw', 'modalities'],
        wrong: (shares: readonly string[], names: readonly string[]) =>
          shares.length === names.length
            ? undefined
            : `must have a share for each of the modalities (${names.join(', ')}), got ${shares.join(', ')}`,
      },
    ],
    recipe: ({ factors, l_w: contentWeight, modalities, mw, ...rest }) => ({
      model: {
        name: 'freedom',
        factors,
        contentWeight,
        imageShare: imageShare(mw, modalities),
        layers: rest.n_ui_layers,
        itemLayers: rest.n_layers,
        neighbours: rest.top_k,
        edgeDropout: rest.drop,
      },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest, { over: 'interactions' }),
    }),
    shortcuts: [
      ...shortcuts.sizes,
      shortcuts.penalty,
      ['n_layers', 'n_layers'],
      ['n_ui_layers', 'n_ui_layers'],
      ['top_k', 'top_k'],
      ['factors_multimod', 'factors_multimod'],
      shortcuts.modalities,
      ['mw', 'mw', joined],
      ['drop', 'drop', float],
      ['lr_sched', 'lr_sched', joined],
      shortcuts.loaders,
    ],
  }),
  'external.BM3': model({
    name: 'BM3',
    trained: true,
    parameters: z.strictObject({
      ...content,
      multimod_factors: count.default(64),
      reg_weight: least0.default(0.01),
      cl_weight: least0.default(0.01),
      dropout: rate.default(0.1),
      n_layers: layers.default(1),
      lr_sched: falling,
    }),
    rules: [sameWidth('multimod_factors')],
    recipe: ({ factors, reg_weight: penalty, cl_weight: contentWeight, dropout, modalities, ...rest }) => ({
      model: { name: 'bm3', factors, penalty, contentWeight, dropout, layers: rest.n_layers },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest, { over: 'interactions' }),
    }),
    shortcuts: [
      ...shortcuts.sizes,
      ['multimod_factors', 'multimod_factors'],
      ['reg_weight', 'reg_weight', float],
      ['cl_weight', 'cl_weight', float],
      ['dropout', 'dropout', float],
      shortcuts.modalities,
      ['n_layers', 'n_layers'],
      shortcuts.loaders,
      ['lr_sched', 'lr_sched', joined],
    ],
  }),
  'external.NGCFM': model({
    name: 'NGCFM',
    trained: true,
    parameters: z.strictObject({
      ...content,
      l_w: least0.default(0.01),
      n_layers: layers.default(3),
      weight_size: count.default(64),
      node_dropout: rate.default(0),
      message_dropout: rate.default(0.5),
      normalize: only([true], 'a graph that is not normalised is not supported').default(true),
      aggregation: only(['concat'], "as in Elliot's own code, nothing else is implemented").default('concat'),
    }),
    rules: [sameWidth('weight_size')],
    recipe: ({ factors, l_w: penalty, n_layers: layers, modalities, ...rest }) => ({
      model: {
        name: 'ngcf-m',
        factors,
        penalty,
        layers,
        graph: 'mean',
        combine: 'concat',
        edgeDropout: rest.node_dropout,
        messageDropout: rest.message_dropout,
      },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest),
    }),
    shortcuts: [
      ...shortcuts.sizes,
      shortcuts.penalty,
      ['n_layers', 'n_layers'],
      shortcuts.modalities,
      ['weight_size', 'weight_size'],
      ['node_dropout', 'node_dropout', float],
      ['message_dropout', 'message_dropout', float],
      shortcuts.normalize,
      ['aggregation', 'aggregation'],
      shortcuts.loaders,
    ],
  }),
};

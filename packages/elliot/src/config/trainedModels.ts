import { z } from 'zod';
import { type ElliotModel, modalitiesOf, model, trainingOf } from './model.ts';
import { count, features, float, least0, listed, only, positive, trained } from './parameters.ts';

/** Parameters of both factorisations. */
const factorisation = {
  ...trained,
  factors: count.default(10),
  lr: positive.default(0.001),
  l_w: least0.default(0.1),
};
/** Parameters of both graph models. */
const graph = {
  ...trained,
  lr: positive.default(0.0005),
  factors: count.default(64),
  l_w: least0.default(0.01),
  n_layers: count.default(1),
  normalize: only([true], 'a graph that is not normalised is not supported').default(true),
};

/** Factorisations and LightGCN in both forms, by Elliot's names. */
export const trainedModels: Readonly<Record<string, ElliotModel>> = {
  'external.BPRMF': model({
    name: 'BPRMF',
    trained: true,
    parameters: z.strictObject(factorisation),
    recipe: ({ factors, l_w: penalty, ...rest }) => ({
      model: { name: 'bpr-mf', factors, penalty },
      modalities: [],
      ...trainingOf(rest, { everything: 'transactions' }),
    }),
    shortcuts: [
      ['factors', 'factors'],
      ['lr', 'lr', float],
      ['l_w', 'l_w', float],
    ],
  }),
  'external.VBPR': model({
    name: 'VBPR',
    trained: true,
    parameters: z.strictObject({
      ...factorisation,
      ...features,
      comb_mod: only(['concat'], "as in Elliot's own code, nothing else is implemented").default('concat'),
      // Given in the hands-on's configurations, and read by nobody.
      n_layers: z.unknown().optional(),
    }),
    recipe: ({ factors, l_w: penalty, modalities, ...rest }) => ({
      model: { name: 'vbpr', preset: 'ducho', factors, visualFactors: factors, penalty },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest, { everything: 'transactions' }),
    }),
    shortcuts: [
      ['factors', 'factors'],
      ['lr', 'lr', float],
      ['comb_mod', 'comb_mod'],
      ['modalities', 'modalites', listed],
      ['l_w', 'l_w', float],
      ['loaders', 'loads', listed],
    ],
  }),
  'external.LightGCN': model({
    name: 'LightGCN',
    trained: true,
    parameters: z.strictObject(graph),
    recipe: ({ factors, l_w: penalty, n_layers: layers, ...rest }) => ({
      model: { name: 'lightgcn', factors, penalty, layers },
      modalities: [],
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['lr', 'lr', float],
      ['factors', 'factors'],
      ['l_w', 'l_w', float],
      ['n_layers', 'n_layers'],
      ['normalize', 'normalize', () => 'True'],
    ],
  }),
  'external.LightGCNM': model({
    name: 'LightGCNM',
    trained: true,
    parameters: z.strictObject({
      ...graph,
      ...features,
      aggregation: z.enum(['mean', 'sum', 'concat']).default('mean'),
    }),
    recipe: ({ factors, l_w: penalty, n_layers: layers, aggregation: combine, modalities, ...rest }) => ({
      model: { name: 'lightgcn-m', factors, penalty, layers, combine },
      modalities: modalitiesOf(modalities),
      ...trainingOf(rest),
    }),
    shortcuts: [
      ['lr', 'lr', float],
      ['factors', 'factors'],
      ['l_w', 'l_w', float],
      ['modalities', 'modalites', listed],
      ['n_layers', 'n_layers'],
      ['normalize', 'normalize', () => 'True'],
      ['aggregation', 'aggregation'],
      ['loaders', 'loads', listed],
    ],
  }),
};

import { z } from 'zod';
import { type ElliotModel, modalitiesOf, model, trainingOf } from './model.ts';
import {
  count,
  embedded,
  features,
  float,
  least0,
  only,
  positive,
  shortcuts,
  trained,
} from './parameters.ts';

/** Parameters of both factorisations. */
const factorisation = {
  ...trained,
  factors: count.default(10),
  lr: positive.default(0.001),
  l_w: least0.default(0.1),
};
/** Parameters of both graph models. */
const graph = {
  ...embedded,
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
    shortcuts: [['factors', 'factors'], ['lr', 'lr', float], shortcuts.penalty],
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
      shortcuts.modalities,
      shortcuts.penalty,
      shortcuts.loaders,
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
    shortcuts: [...shortcuts.sizes, shortcuts.penalty, ['n_layers', 'n_layers'], shortcuts.normalize],
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
      ...shortcuts.sizes,
      shortcuts.penalty,
      shortcuts.modalities,
      ['n_layers', 'n_layers'],
      shortcuts.normalize,
      ['aggregation', 'aggregation'],
      shortcuts.loaders,
    ],
  }),
};

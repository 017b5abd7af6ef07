/**
 * LightGCN-M of "Formalizing multimedia recommendation through multimodal deep learning" (Malitesta et al., 2023):
 * LightGCN whose items begin as projections of their features instead of vectors of their own.
 */
import { embedding, tf } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters, init } from '@ferry/nn';
import { z } from 'zod';
import { contentTables, trainedFeatures, trainFeaturesSetting } from '../content.ts';
import type { Step, TrainedModel } from '../contract.ts';
import { trainedOnTriples } from '../objectives.ts';
import { halfSquares, inParts, lossParts } from '../losses.ts';
import {
  combineSetting,
  createProjection,
  type FeatureInputs,
  modalities,
  project,
  type ProjectionParameters,
  widthsOf,
} from '../projection.ts';
import {
  type GraphInputs,
  graphAndFeatures,
  graphSettings,
  nodeRows,
  smoothed,
  triplesLoss,
  usersAndItems,
  withDefault,
} from './lightGcn.ts';

const options = z.strictObject({
  ...graphSettings,
  penalty: withDefault(graphSettings.penalty, 1e-5),
  combine: combineSetting,
  trainFeatures: trainFeaturesSetting,
});

/** Settings of LightGCN-M. */
export type LightGcnMOptions = z.output<typeof options>;

/** Weights of LightGCN-M. */
export type LightGcnMParameters = {
  /** [U, D] */
  readonly users: EmbeddingParameters;
  /** Features to D numbers of length 1. */
  readonly projection: ProjectionParameters;
  /** [N, F] each, where they are trained. */
  readonly features?: { readonly image?: tf.Variable; readonly text?: tf.Variable };
};

/** What does not change. */
export type LightGcnMInputs = GraphInputs & FeatureInputs;

/** e^(0): [U + N, D]. */
function first({
  p,
  options: { combine },
  inputs,
}: Step<LightGcnMOptions, LightGcnMParameters, LightGcnMInputs>): tf.Tensor {
  const features = contentTables(p, inputs) as FeatureInputs['features'];
  const items = project(p.projection, { features, present: inputs.present }, { combine, normalise: true });
  return tf.concat([p.users.weight, items], 0);
}

/** LightGCN-M. The penalty is of the users' own vectors and the items' smoothed ones, as in its code. */
export const lightGcnM: TrainedModel<LightGcnMOptions, LightGcnMParameters, LightGcnMInputs> = {
  kind: 'trained',
  name: 'lightgcn-m',
  title: 'LightGCN-M',
  paper:
    'Malitesta et al.: Formalizing multimedia recommendation through multimodal deep learning. TORS 2024',
  options,
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'users', negatives: 'uniform' }),
  init: ({ factors: width, combine, trainFeatures }, { interactions, features }, random) => ({
    users: createEmbedding(
      { count: interactions.users, width, init: init.xavierUniform },
      random.split('users'),
    ),
    projection: createProjection(
      { combine, width, bias: true },
      widthsOf(features),
      random.split('projection'),
    ),
    ...(trainFeatures && { features: trainedFeatures(features) }),
  }),
  inputs: (_options, data) => graphAndFeatures(data),
  vectors: (step) => usersAndItems(smoothed(step, first(step)), step.users),
  terms: lossParts,
  loss: (step, triples) => {
    const { p, options: o, users: U } = step;
    const found = smoothed(step, first(step), nodeRows(triples, U));
    const B = triples.users.size;
    const items = tf.slice(found, [B, 0], [2 * B, o.factors]);
    const penalty = tf.mul(halfSquares([embedding(p.users.weight, triples.users), items]), o.penalty / B);
    return inParts(triplesLoss(found), penalty as tf.Scalar);
  },
};

/** Matrix factorisation trained by Bayesian personalised ranking (Rendle et al., UAI 2009). */
import { embedding, tf } from '@ferry/engine';
import { bpr, createEmbedding, type EmbeddingParameters, init, parameter } from '@ferry/nn';
import { z } from 'zod';
import type { TrainedModel, Vectors } from '../contract.ts';
import { trainedOnTriples } from '../objectives.ts';
import { halfSquares, inParts, lossParts, rowProducts } from '../losses.ts';
import {
  combineSetting,
  createProjection,
  featureInputs,
  type FeatureInputs,
  modalities,
  project,
  type ProjectionParameters,
  widthsOf,
} from '../projection.ts';

const options = z.strictObject({
  factors: z.int().min(1).default(64).describe('D: width of the vectors of users and items'),
  init: z
    .enum(['xavier', 'xavier-normal', 'normal'])
    .default('xavier')
    .describe(
      'first weights: Xavier-uniform (Elliot), Xavier-normal (RecBole), or normal with deviation .1 (LightGCN)',
    ),
  penalty: z
    .number()
    .min(0)
    .default(1e-5)
    .describe('l_w: half of it times the squared norms of the vectors read, as a mean over the batch'),
  itemBias: z.boolean().default(false).describe('whether items have a bias'),
  features: z
    .boolean()
    .default(false)
    .describe(
      'whether a projection of the features is added to the vectors of items, so that new items can be scored',
    ),
  combine: combineSetting,
});

/** Settings of BPR-MF. */
export type BprMfOptions = z.output<typeof options>;

/** Weights of BPR-MF. */
export type BprMfParameters = {
  /** γ_u, [U, D] */
  readonly users: EmbeddingParameters;
  /** γ_i, [N, D] */
  readonly items: EmbeddingParameters;
  /** β_i, [N, 1] */
  readonly bias?: tf.Variable;
  /** Of features. */
  readonly projection?: ProjectionParameters;
};

/** First weights by the name of a setting. */
export const firstWeights = {
  xavier: init.xavierUniform,
  'xavier-normal': init.xavierNormal,
  normal: init.normal(0.1),
};

/** BPR-MF: `γ_u · γ_i`, and β_i and `γ_u · (W f_i)` if asked for. */
export const bprMf: TrainedModel<BprMfOptions, BprMfParameters, FeatureInputs> = {
  kind: 'trained',
  name: 'bpr-mf',
  title: 'BPR-MF',
  paper: 'Rendle et al.: BPR: Bayesian personalized ranking from implicit feedback. UAI 2009',
  options,
  modalities: ({ features }) => (features ? modalities : []),
  ...trainedOnTriples({
    over: 'interactions',
    negatives: 'uniform',
    tables: ['users.weight', 'items.weight', 'bias'],
  }),
  init: (
    { factors: width, init: name, itemBias, features, combine },
    { interactions, features: given },
    random,
  ) => {
    const table = (count: number, of: string): EmbeddingParameters =>
      createEmbedding({ count, width, init: firstWeights[name] }, random.split(of));
    return {
      users: table(interactions.users, 'users'),
      items: table(interactions.items, 'items'),
      ...(itemBias && { bias: parameter(new Float32Array(interactions.items), [interactions.items, 1]) }),
      ...(features && {
        projection: createProjection(
          { combine, width, bias: false },
          widthsOf(given),
          random.split('projection'),
        ),
      }),
    };
  },
  inputs: ({ features }, data) => featureInputs(features ? data.features : {}),
  vectors: ({ p, options: o, inputs }): Vectors => {
    const own = p.projection
      ? tf.add(p.items.weight, project(p.projection, inputs, { combine: o.combine, normalise: false }))
      : p.items.weight;
    if (!p.bias) return { users: p.users.weight as tf.Tensor2D, items: own as tf.Tensor2D };
    const [U] = p.users.weight.shape as [number];
    return {
      users: tf.concat([p.users.weight, tf.ones([U, 1])], 1) as tf.Tensor2D,
      items: tf.concat([own, p.bias], 1) as tf.Tensor2D,
    };
  },
  terms: lossParts,
  loss: ({ p, options: o, inputs }, { users, positives, negatives }) => {
    const u = embedding(p.users.weight, users);
    const item = (rows: tf.Tensor1D): { id: tf.Tensor; score: tf.Tensor; bias: tf.Tensor[] } => {
      const id = embedding(p.items.weight, rows);
      const projected =
        p.projection && project(p.projection, inputs, { combine: o.combine, normalise: false }, rows);
      const score = rowProducts(u, projected ? tf.add(id, projected) : id);
      if (!p.bias) return { id, score, bias: [] };
      const b = embedding(p.bias, rows);
      return { id, score: tf.add(score, tf.reshape(b, [-1])), bias: [b] };
    };
    const [i, j] = [item(positives), item(negatives)];
    const penalty = tf.mul(halfSquares([u, i.id, j.id, ...i.bias, ...j.bias]), o.penalty / users.size);
    return inParts(tf.mean(bpr(i.score, j.score)), penalty as tf.Scalar);
  },
  newItems: ({ p, options: o }, features) => {
    const vectors = project(p.projection!, featureInputs(features), { combine: o.combine, normalise: false });
    return p.bias ? tf.concat2d([vectors, tf.zeros([vectors.shape[0], 1])], 1) : vectors;
  },
};

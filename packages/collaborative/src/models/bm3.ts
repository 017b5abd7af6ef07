/**
 * BM3 (Zhou et al., WWW 2023): LightGCN trained without negatives. What a predictor makes of users, items and features
 * is to look like a copy of the others with some numbers dropped, which is not differentiated by.
 */
import { embedding, linear, tf } from '@ferry/engine';
import { createLinear, type EmbeddingParameters, type LinearParameters } from '@ferry/nn';
import type { Modality } from '@ferry/features';
import { z } from 'zod';
import type { Step, TrainedModel } from '../contract.ts';
import { contentVectors, createContent, type ContentParameters, trainFeaturesSetting } from '../content.ts';
import { dropped, normaliseRows, rowProducts } from '../losses.ts';
import { trainedOnTriples } from '../objectives.ts';
import { type FeatureInputs, modalities } from '../projection.ts';
import {
  createNodes,
  graphAndFeatures,
  type GraphInputs,
  graphSettings,
  smoothed,
  usersAndItems,
  withDefault,
} from './lightGcn.ts';

const options = z.strictObject({
  factors: graphSettings.factors,
  layers: withDefault(graphSettings.layers, 2),
  dropout: z.number().min(0).lt(1).default(0.3).describe('share of the numbers that the copies lack'),
  contentWeight: z.number().min(0).default(2).describe('weight of the losses of features'),
  penalty: z
    .number()
    .min(0)
    .default(0.1)
    .describe('weight of the norms of all vectors of users and of items, over the number of items'),
  trainFeatures: trainFeaturesSetting,
});

/** Settings of BM3. */
export type Bm3Options = z.output<typeof options>;

/** Weights of BM3. */
export type Bm3Parameters = ContentParameters & {
  /** e^(0), [U + N, D] */
  readonly nodes: EmbeddingParameters;
  /** P, [D, D]: of users, items and features alike. */
  readonly predictor: LinearParameters;
};

/** What does not change. */
export type Bm3Inputs = GraphInputs & FeatureInputs;

/** The same numbers, not differentiated by. */
const detached = tf.customGrad<tf.Tensor>((x) => ({
  value: tf.clone(x as tf.Tensor),
  gradFunc: (dy) => tf.zerosLike(dy),
}));

/** Cosines of the rows of two matrices: [B]. */
const cosines = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => rowProducts(normaliseRows(a), normaliseRows(b));

/** Vectors of all users, and of all items: smoothed, and items once more as they are. */
function vectorsOf({ p, options, inputs, users: U }: Step<Bm3Options, Bm3Parameters, Bm3Inputs>): {
  users: tf.Tensor2D;
  items: tf.Tensor2D;
} {
  const { weight } = p.nodes;
  const { users, items } = usersAndItems(smoothed({ options, inputs }, weight), U);
  return { users, items: tf.add(items, tf.slice(weight, [U, 0], items.shape)) };
}

/** BM3. */
export const bm3: TrainedModel<Bm3Options, Bm3Parameters, Bm3Inputs> = {
  kind: 'trained',
  name: 'bm3',
  title: 'BM3',
  paper: 'Zhou et al.: Bootstrap latent representations for multi-modal recommendation. WWW 2023',
  options,
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'interactions', negatives: 'uniform' }),
  init: (o, { interactions, features }, random) => ({
    nodes: createNodes(interactions, o.factors, random),
    predictor: createLinear({ inputs: o.factors, outputs: o.factors, bias: true }, random.split('predictor')),
    ...createContent(features, o, random.split('content')),
  }),
  inputs: (_options, data) => graphAndFeatures(data),
  vectors: (step) => {
    const { users, items } = vectorsOf(step);
    const { weight, bias } = step.p.predictor;
    return {
      users: linear(users, weight, bias) as tf.Tensor2D,
      items: linear(items, weight, bias) as tf.Tensor2D,
    };
  },
  terms: ['graph', 'content', 'penalty'],
  loss: (step, { users, positives }) => {
    const { p, options: o, inputs, random } = step;
    const predicted = (x: tf.Tensor): tf.Tensor => linear(x, p.predictor.weight, p.predictor.bias);
    const target = (x: tf.Tensor): tf.Tensor => detached(dropped(x, o.dropout, random));
    const far = (a: tf.Tensor, b: tf.Tensor, present?: tf.Tensor): tf.Tensor => {
      const distances = tf.sub(1, cosines(a, b));
      return tf.mean(present ? tf.mul(distances, present) : distances);
    };
    const all = vectorsOf(step);
    const [u, i] = [embedding(all.users, users), embedding(all.items, positives)];
    const [copyOfUser, copyOfItem] = [target(u), target(i)];
    const graph = tf.add<tf.Scalar>(far(predicted(u), copyOfItem), far(predicted(i), copyOfUser));
    const content = tf.addN(
      (Object.keys(p.projections) as Modality[]).flatMap((modality) => {
        const { vectors, present } = contentVectors(p, inputs, modality, positives);
        const [own, has] = [predicted(vectors), tf.reshape(present, [-1])];
        return [far(own, copyOfItem, has), far(own, target(vectors), has)];
      }),
    ) as tf.Scalar;
    const norms = tf.add(tf.norm(all.users), tf.norm(all.items));
    const penalty = tf.mul<tf.Scalar>(norms, o.penalty / all.items.shape[0]);
    const loss = tf.addN([graph, tf.mul(content, o.contentWeight), penalty]) as tf.Scalar;
    return { loss, graph, content, penalty };
  },
};

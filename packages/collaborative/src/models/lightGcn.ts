/**
 * LightGCN (He et al., SIGIR 2020): vectors of users and items smoothed over the graph of who took what, and nothing
 * else.
 */
import {
  embedding,
  sparseMatrix,
  type SparseMatrix,
  sparsePolynomial,
  type RandomSource,
  type RandomStream,
  tf,
  withValues,
} from '@ferry/engine';
import { bpr, createEmbedding, type EmbeddingParameters, init, parameter } from '@ferry/nn';
import { z } from 'zod';
import type { Step, TrainedModel, TripleTensors, UserItemData, Vectors } from '../contract.ts';
import { normalisedGraph } from '../graph.ts';
import type { Interactions } from '../interactions.ts';
import { trainedOnTriples } from '../objectives.ts';
import { dropped, halfSquares, inParts, lossParts, rowProducts } from '../losses.ts';
import { featureInputs, type FeatureInputs } from '../projection.ts';
import { firstWeights } from './bprMf.ts';

/** Settings of all models that smooth over the graph. */
export const graphSettings = {
  factors: z.int().min(1).default(64).describe('D: width of the vectors'),
  layers: z
    .int()
    .min(0)
    .default(3)
    .describe('times that vectors are averaged over neighbours; the result is the mean of all layers'),
  penalty: z
    .number()
    .min(0)
    .default(1e-4)
    .describe('half of it times the squared norms of the vectors read, as a mean over the batch'),
  edgeDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe('share of the edges that a training step leaves out'),
};

/** One of them with another default. */
export function withDefault<T extends z.ZodType>(
  setting: z.ZodDefault<T>,
  value: z.util.NoUndefined<z.output<T>>,
): z.ZodDefault<T> {
  return setting.unwrap().default(value).describe(setting.description!);
}

const options = z.strictObject({
  ...graphSettings,
  init: z
    .enum(['normal', 'xavier', 'xavier-normal'])
    .default('normal')
    .describe('first weights: normal with deviation .1 (the reference code), or Xavier (the paper)'),
});

/** Settings of LightGCN. */
export type LightGcnOptions = z.output<typeof options>;

/** Weights of LightGCN. */
export type LightGcnParameters = {
  /** e^(0), [U + N, D]: users, then items. */
  readonly nodes: EmbeddingParameters;
};

/** What does not change: the graph. */
export interface GraphInputs {
  /** [U + N, U + N] */
  readonly graph: SparseMatrix;
}

/** The graph of who took what, and the features: what most models on the graph are given. */
export function graphAndFeatures({ interactions, features }: UserItemData): GraphInputs & FeatureInputs {
  return { graph: sparseMatrix(normalisedGraph(interactions)), ...featureInputs(features) };
}

/** The graph of a training step: with some edges left out, and the others scaled so that sums keep their size. */
export function droppedEdges(
  graph: SparseMatrix,
  rate: number,
  random: RandomSource | undefined,
): SparseMatrix {
  if (rate === 0 || !random) return graph;
  return withValues(graph, dropped(graph.rows.values, rate, random) as tf.Tensor1D);
}

/** First vectors of users and items, Xavier-uniform each: [U + N, D]. */
export function createNodes(
  { users, items }: Pick<Interactions, 'users' | 'items'>,
  width: number,
  random: RandomStream,
): EmbeddingParameters {
  const values = new Float32Array((users + items) * width);
  values.set(init.xavierUniform([users, width], random.split('users')));
  values.set(init.xavierUniform([items, width], random.split('items')), users * width);
  return { weight: parameter(values, [users + items, width]) };
}

/** Rows of the nodes of some triples: users, positives, negatives. Int32 [3 B]. */
export function nodeRows({ users, positives, negatives }: TripleTensors, U: number): tf.Tensor1D {
  const first = tf.scalar(U, 'int32');
  return tf.concat([users, tf.add<tf.Tensor1D>(positives, first), tf.add<tf.Tensor1D>(negatives, first)]);
}

/**
 * The mean over layers 0..L of vectors smoothed over the graph (eq. 8 and 9): of all nodes, or of some.
 *
 * @param own - e^(0), [U + N, D]
 * @returns [U + N, D], or a row for each of `rows`.
 */
export function smoothed(
  {
    options: { layers, edgeDropout = 0 },
    inputs,
    random,
  }: Pick<
    Step<{ layers: number; edgeDropout?: number }, never, GraphInputs>,
    'options' | 'inputs' | 'random'
  >,
  own: tf.Tensor,
  rows?: tf.Tensor1D,
): tf.Tensor2D {
  const ones = new Array<number>(layers + 1).fill(1);
  const sum = sparsePolynomial(droppedEdges(inputs.graph, edgeDropout, random), own, ones, rows);
  return tf.mul(sum, 1 / (layers + 1));
}

/** Vectors of all nodes as those of users and of items. */
export function usersAndItems(nodes: tf.Tensor2D, U: number): Vectors {
  const [count, width] = nodes.shape;
  return { users: tf.slice(nodes, [0, 0], [U, width]), items: tf.slice(nodes, [U, 0], [count - U, width]) };
}

/** BPR of triples whose vectors lie one after the other in [3 B, D]. */
export function triplesLoss(vectors: tf.Tensor): tf.Scalar {
  const [u, i, j] = tf.split(vectors, 3) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return tf.mean(bpr(rowProducts(u, i), rowProducts(u, j)));
}

/** LightGCN. */
export const lightGcn: TrainedModel<LightGcnOptions, LightGcnParameters, GraphInputs> = {
  kind: 'trained',
  name: 'lightgcn',
  title: 'LightGCN',
  paper:
    'He et al.: LightGCN: simplifying and powering graph convolution network for recommendation. SIGIR 2020',
  options,
  modalities: () => [],
  ...trainedOnTriples({ over: 'users', negatives: 'uniform' }),
  init: ({ factors: width, init: first }, { interactions: { users, items } }, random) => ({
    nodes: createEmbedding({ count: users + items, width, init: firstWeights[first] }, random.split('nodes')),
  }),
  inputs: (_options, { interactions }) => ({ graph: sparseMatrix(normalisedGraph(interactions)) }),
  vectors: (step) => usersAndItems(smoothed(step, step.p.nodes.weight), step.users),
  terms: lossParts,
  loss: (step, triples) => {
    const { p, options: o, users: U } = step;
    const rows = nodeRows(triples, U);
    const penalty = tf.mul(halfSquares([embedding(p.nodes.weight, rows)]), o.penalty / triples.users.size);
    return inParts(triplesLoss(smoothed(step, p.nodes.weight, rows)), penalty as tf.Scalar);
  },
};

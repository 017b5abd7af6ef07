/**
 * FREEDOM (Zhou and Shen, MM 2023): LightGCN on a graph of which each epoch sees a few edges, and the items smoothed over a
 * graph of items that is made of their features once and for all.
 */
import { sparseMatrix, type SparseMatrix, sparsePolynomial, tf, withValues } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { bpr, type EmbeddingParameters } from '@ferry/nn';
import { z } from 'zod';
import type { Step, TrainedModel } from '../contract.ts';
import { keptEdges } from '../graph.ts';
import { itemGraph } from '../itemGraph.ts';
import { rowProducts } from '../losses.ts';
import { trainedOnTriples } from '../objectives.ts';
import { type FeatureInputs, modalities } from '../projection.ts';
import { contentVectors, createContent, type ContentParameters, trainFeaturesSetting } from '../content.ts';
import {
  createNodes,
  graphAndFeatures,
  type GraphInputs,
  graphSettings,
  nodeRows,
  smoothed,
  triplesLoss,
  usersAndItems,
  withDefault,
} from './lightGcn.ts';

const options = z.strictObject({
  factors: graphSettings.factors,
  layers: withDefault(graphSettings.layers, 2),
  itemLayers: z.int().min(0).default(1).describe('times that items are averaged over the graph of items'),
  neighbours: z
    .int()
    .min(1)
    .default(10)
    .describe('k: nearest items of each in the graph of items, itself among them'),
  imageShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('what pictures count in the graph of items where there are texts as well'),
  edgeDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.8)
    .describe('share of the edges that an epoch leaves out: of those between popular nodes more'),
  contentWeight: z
    .number()
    .min(0)
    .default(1e-3)
    .describe('weight of the losses of projected features in place of the vectors of items'),
  trainFeatures: trainFeaturesSetting,
});

/** Settings of FREEDOM. */
export type FreedomOptions = z.output<typeof options>;

/** Weights of FREEDOM. */
export type FreedomParameters = ContentParameters & {
  /** e^(0), [U + N, D] */
  readonly nodes: EmbeddingParameters;
};

/** What does not change. */
export type FreedomInputs = GraphInputs &
  FeatureInputs & {
    /** [N, N] */
    readonly items: SparseMatrix;
  };

type FreedomStep = Step<FreedomOptions, FreedomParameters, FreedomInputs>;

/** What vectors of users and items are smoothed over: in training the edges of the epoch. */
const edgesOf = ({ inputs: { graph }, epoch }: FreedomStep): SparseMatrix =>
  epoch ? withValues(graph, epoch) : graph;

/** Smoothed vectors of nodes, all or some. */
const smooth = (step: FreedomStep, rows?: tf.Tensor1D): tf.Tensor2D =>
  smoothed(
    { options: { layers: step.options.layers }, inputs: { graph: edgesOf(step) } },
    step.p.nodes.weight,
    rows,
  );

/** What items add: their own vectors, averaged over the graph of items. */
function fromItems({ p, options, inputs, users: U }: FreedomStep, rows?: tf.Tensor1D): tf.Tensor2D {
  const { items } = usersAndItems(p.nodes.weight as tf.Tensor2D, U);
  const powers = [...new Array<number>(options.itemLayers).fill(0), 1];
  return sparsePolynomial(inputs.items, items, powers, rows);
}

/** FREEDOM. */
export const freedom: TrainedModel<FreedomOptions, FreedomParameters, FreedomInputs> = {
  kind: 'trained',
  name: 'freedom',
  title: 'FREEDOM',
  paper:
    'Zhou and Shen: A tale of two graphs: freezing and denoising graph structures for multimodal recommendation. MM 2023',
  options,
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'interactions', negatives: 'uniform' }),
  init: (o, { interactions, features }, random) => ({
    nodes: createNodes(interactions, o.factors, random),
    ...createContent(features, o, random.split('content')),
  }),
  inputs: (o, data) => ({ ...graphAndFeatures(data), items: sparseMatrix(itemGraph(data.features, o)) }),
  epochValues: ({ edgeDropout }, { interactions }, random) =>
    edgeDropout > 0 ? keptEdges(interactions, edgeDropout, random) : undefined,
  vectors: (step) => {
    const { users, items } = usersAndItems(smooth(step), step.users);
    return { users, items: tf.add(items, fromItems(step)) };
  },
  terms: ['bpr', 'content'],
  loss: (step, triples) => {
    const { p, options: o, inputs, users: U } = step;
    const { users, positives, negatives } = triples;
    const B = users.size;
    const found = smooth(step, nodeRows(triples, U));
    const u = tf.slice(found, [0, 0], [B, o.factors]);
    const items = tf.add(
      tf.slice(found, [B, 0], [2 * B, o.factors]),
      fromItems(step, tf.concat([positives, negatives])),
    );
    const own = triplesLoss(tf.concat([u, items], 0));
    const content = tf.addN(
      (Object.keys(p.projections) as Modality[]).map((modality) => {
        const [i, j] = [positives, negatives].map((rows) => contentVectors(p, inputs, modality, rows)) as [
          ReturnType<typeof contentVectors>,
          ReturnType<typeof contentVectors>,
        ];
        const losses = bpr(rowProducts(u, i.vectors), rowProducts(u, j.vectors));
        // Where an item lacks the modality there is nothing to rank.
        return tf.mean(tf.mul(losses, tf.reshape(tf.mul(i.present, j.present), [-1])));
      }),
    ) as tf.Scalar;
    const loss = tf.add<tf.Scalar>(own, tf.mul(content, o.contentWeight));
    return { loss, bpr: own, content };
  },
};

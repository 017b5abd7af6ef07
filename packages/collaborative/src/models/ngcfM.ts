/**
 * NGCF-M of "Ducho meets Elliot": NGCF (Wang et al., SIGIR 2019), whose layers have weights, with VBPR's second pair of
 * vectors, of users and of projected features.
 */
import { embedding, linear, sparseMatMul, sparseMatrix, tf } from '@ferry/engine';
import {
  bpr,
  createEmbedding,
  createLinear,
  type EmbeddingParameters,
  init,
  type LinearParameters,
} from '@ferry/nn';
import { z } from 'zod';
import type { Step, TrainedModel } from '../contract.ts';
import { loopedGraph, normalisedGraph } from '../graph.ts';
import { dropped, halfSquares, inParts, lossParts, normaliseRows, rowProducts } from '../losses.ts';
import { trainedOnTriples } from '../objectives.ts';
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
import {
  createNodes,
  droppedEdges,
  type GraphInputs,
  graphSettings,
  usersAndItems,
  withDefault,
} from './lightGcn.ts';

const options = z.strictObject({
  ...graphSettings,
  penalty: graphSettings.penalty
    .unwrap()
    .default(1e-5)
    .describe('l_w: half of it times the squared norms of the vectors read, as a mean over the batch'),
  edgeDropout: withDefault(graphSettings.edgeDropout, 0.1),
  messageDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe('share of the numbers of a layer that a training step leaves out'),
  combine: combineSetting,
  graph: z
    .enum(['symmetric', 'mean'])
    .default('symmetric')
    .describe(
      'how neighbours are weighed: by both numbers of neighbours (the paper), or all alike, the node itself among them ' +
        "(Elliot's code)",
    ),
});

/** Settings of NGCF-M. */
export type NgcfMOptions = z.output<typeof options>;

/** Weights of a layer, [D, D] with biases. */
export type NgcfLayer = {
  /** W1, of neighbours. */
  readonly neighbours: LinearParameters;
  /** W2, of the products of neighbours with the node itself. */
  readonly products: LinearParameters;
};

/** Weights of NGCF-M. */
export type NgcfMParameters = {
  /** e^(0), [U + N, D] */
  readonly nodes: EmbeddingParameters;
  /** θ_u, [U, D] */
  readonly tastes: EmbeddingParameters;
  /** Features to D numbers of length 1. */
  readonly projection: ProjectionParameters;
  /** Layers by their numbers. */
  readonly layers: Readonly<Record<string, NgcfLayer>>;
};

/** What does not change. */
export type NgcfMInputs = GraphInputs & FeatureInputs;

type NgcfMStep = Step<NgcfMOptions, NgcfMParameters, NgcfMInputs>;

/** The mean over layers 0..L of vectors that go through the graph (eq. 7); layers from 1 on have length 1. */
function propagated({ p, options: o, inputs, random }: NgcfMStep): tf.Tensor2D {
  const graph = droppedEdges(inputs.graph, o.edgeDropout, random);
  const all: tf.Tensor[] = [p.nodes.weight];
  for (const { neighbours, products } of Object.values(p.layers)) {
    const own = all.at(-1)!;
    const near = sparseMatMul(graph, own);
    const messages = tf.leakyRelu(
      tf.add(
        linear(near, neighbours.weight, neighbours.bias),
        linear(tf.mul(near, own), products.weight, products.bias),
      ),
      0.2,
    );
    all.push(normaliseRows(dropped(messages, o.messageDropout, random)));
  }
  return tf.div(all.length > 1 ? tf.addN(all) : all[0]!, all.length);
}

/** NGCF-M: `γ_u · γ_i + θ_u · p_i`, γ from the graph, p_i the projected features. */
export const ngcfM: TrainedModel<NgcfMOptions, NgcfMParameters, NgcfMInputs> = {
  kind: 'trained',
  name: 'ngcf-m',
  title: 'NGCF-M',
  paper:
    'Attimonelli et al.: Ducho meets Elliot: large-scale benchmarks for multimodal recommendation. 2024 (NGCF: Wang ' +
    'et al., SIGIR 2019)',
  options,
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'users', negatives: 'uniform' }),
  init: ({ factors: width, layers, combine }, { interactions, features }, random) => {
    const layer = (name: string, k: number): LinearParameters =>
      createLinear({ inputs: width, outputs: width, bias: true }, random.split(name, k));
    return {
      nodes: createNodes(interactions, width, random),
      tastes: createEmbedding(
        { count: interactions.users, width, init: init.xavierUniform },
        random.split('tastes'),
      ),
      projection: createProjection(
        { combine, width, bias: true },
        widthsOf(features),
        random.split('projection'),
      ),
      layers: Object.fromEntries(
        Array.from({ length: layers }, (_, k) => [
          String(k),
          { neighbours: layer('neighbours', k), products: layer('products', k) },
        ]),
      ),
    };
  },
  inputs: ({ graph }, { interactions, features }) => ({
    graph: sparseMatrix(graph === 'mean' ? loopedGraph(interactions, 'rows') : normalisedGraph(interactions)),
    ...featureInputs(features),
  }),
  vectors: (step) => {
    const { p, options: o, inputs, users: U } = step;
    const { users, items } = usersAndItems(propagated(step), U);
    const content = project(p.projection, inputs, { combine: o.combine, normalise: true });
    return {
      users: tf.concat([users, p.tastes.weight as tf.Tensor2D], 1),
      items: tf.concat([items, content], 1),
    };
  },
  terms: lossParts,
  loss: (step, { users, positives, negatives }) => {
    const { p, options: o, inputs, users: U } = step;
    const all = usersAndItems(propagated(step), U);
    const [u, taste] = [embedding(all.users, users), embedding(p.tastes.weight, users)];
    const item = (rows: tf.Tensor1D) => {
      const own = embedding(all.items, rows);
      const content = project(p.projection, inputs, { combine: o.combine, normalise: true }, rows);
      return { own, content, score: tf.add(rowProducts(u, own), rowProducts(taste, content)) };
    };
    const [i, j] = [item(positives), item(negatives)];
    const norms = halfSquares([u, i.own, j.own, taste, i.content, j.content]);
    const penalty = tf.mul<tf.Scalar>(norms, o.penalty / users.size);
    return inParts(tf.mean(bpr(i.score, j.score)), penalty);
  },
};

/**
 * LATTICE (Zhang et al., MM 2021), as "Formalizing multimedia recommendation through multimodal deep learning" runs it:
 * items also take the vectors of items that are near by their features. Which are near is found anew for each epoch, from
 * projected features, and mixed with what is near by the features themselves. There the learning rate falls by 4 % in 50
 * epochs: `objective.decay`.
 */
import {
  embedding,
  gatheredProducts,
  gatheredSums,
  linear,
  sparseMatrix,
  sparsePolynomial,
  tf,
} from '@ferry/engine';
import { type EmbeddingParameters, parameter } from '@ferry/nn';
import { z } from 'zod';
import { contentTables, createContent, type ContentParameters, trainFeaturesSetting } from '../content.ts';
import type { Step, TrainedModel } from '../contract.ts';
import { loopedGraph } from '../graph.ts';
import { neighbourLists, type NeighbourLists, normalisedLists, rootsOf } from '../itemLists.ts';
import { halfSquares, inParts, lossParts, normaliseRows, unread } from '../losses.ts';
import { trainedOnTriples } from '../objectives.ts';
import { featureInputs, type FeatureInputs, modalities } from '../projection.ts';
import {
  createNodes,
  type GraphInputs,
  graphSettings,
  nodeRows,
  triplesLoss,
  usersAndItems,
  withDefault,
} from './lightGcn.ts';

const options = z.strictObject({
  factors: graphSettings.factors,
  layers: withDefault(graphSettings.layers, 2),
  itemLayers: z
    .int()
    .min(1)
    .default(1)
    .describe('times that vectors of items go over to those that are near'),
  featureFactors: z.int().min(1).default(64).describe('width of the projected features'),
  neighbours: z
    .int()
    .min(1)
    .default(20)
    .describe('k: nearest items of each by a modality, itself among them'),
  rawShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('λ: what nearness by the features themselves counts, beside that by projected ones'),
  penalty: withDefault(graphSettings.penalty, 1e-5),
  trainFeatures: trainFeaturesSetting,
});

/** Settings of LATTICE. */
export type LatticeOptions = z.output<typeof options>;

/** Weights of LATTICE. */
export type LatticeParameters = ContentParameters & {
  /** e^(0), [U + N, D] */
  readonly nodes: EmbeddingParameters;
  /** [M] logits of what the modalities count, pictures first. */
  readonly shares: tf.Variable;
};

/** What does not change: the graph, and what is near by the features themselves. */
export type LatticeInputs = GraphInputs &
  FeatureInputs & {
    /** int32 [N, M k], modalities side by side. */
    readonly nearIds: tf.Tensor2D;
    /** [N, M k], of each modality by itself normalised as `D^-½ S D^-½`. */
    readonly nearValues: tf.Tensor2D;
  };

type LatticeStep = Step<LatticeOptions, LatticeParameters, LatticeInputs>;

/** What is found for an epoch. */
interface Found extends Record<string, tf.Tensor> {
  /** int32 [N, 2 M k]: near by projected features, then by the features themselves. */
  ids: tf.Tensor2D;
  /** [N, M k]: 1, and 0 where an item has fewer neighbours. */
  kept: tf.Tensor2D;
  /** [N, 2 M k]: weights of the graph of items, not differentiated by. */
  values: tf.Tensor2D;
}

/** The modalities that items have, in their order. */
const own = ({ inputs }: LatticeStep) => modalities.filter((modality) => inputs.features[modality]);

/** Projected features of length 1, [N, F'], by modality. */
const projected = ({ p, inputs }: LatticeStep, modality: (typeof modalities)[number]): tf.Tensor2D => {
  const { weight, bias } = p.projections[modality]!;
  return normaliseRows(linear(contentTables(p, inputs)[modality]!, weight, bias));
};

/**
 * Weights of the graph of items, `(1 - λ) D^-½ (Σ_m a_m S_m) D^-½ + λ Σ_m a_m R_m` with S_m the cosines of projected
 * features, R_m what is near by the features themselves and a the softmax of the shares: [N, 2 M k].
 */
function itemWeights(step: LatticeStep, { ids, kept }: Pick<Found, 'ids' | 'kept'>): tf.Tensor2D {
  const { p, options: o, inputs } = step;
  const names = own(step);
  const N = ids.shape[0];
  const all = kept.shape[1];
  const k = all / names.length;
  const shares = tf.reshape(tf.tile(tf.reshape(tf.softmax(p.shares), [-1, 1]), [1, k]), [1, all]);
  const learnedIds = tf.slice(ids, [0, 0], [N, all]);
  const cosines = tf.concat(
    names.map((modality, m) => {
      const unit = projected(step, modality);
      return gatheredProducts(unit, unit, tf.slice(learnedIds, [0, m * k], [N, k]));
    }),
    1,
  );
  const weighted = tf.mul(tf.mul(cosines, kept), shares);
  const roots = rootsOf(weighted);
  const ofNear = tf.reshape(embedding(roots, learnedIds), [N, all]);
  const learned = tf.mul(tf.mul(weighted, roots), tf.mul(ofNear, 1 - o.rawShare));
  return tf.concat([learned, tf.mul(inputs.nearValues, tf.mul(shares, o.rawShare))], 1) as tf.Tensor2D;
}

/** Which items are near by the weights as they are. Not compiled: it chooses. */
function find(step: LatticeStep): Found {
  const lists = own(step).map((modality): NeighbourLists => {
    const unit = tf.tidy(() => projected(step, modality));
    const [data, present] = [unit.dataSync<'float32'>(), step.inputs.present[modality]!.dataSync()];
    const [count, width] = unit.shape;
    unit.dispose();
    const features = {
      modality,
      encoder: 'projected',
      count,
      width,
      data,
      present: Uint8Array.from(present),
    };
    return neighbourLists(features, step.options.neighbours);
  });
  return tf.tidy(() => {
    const N = step.inputs.nearIds.shape[0];
    const side = (of: (list: NeighbourLists) => Int32Array | Float32Array, type: 'int32' | 'float32') =>
      tf.concat(
        lists.map((list) => tf.tensor2d(of(list), [N, list.ids.length / N], type)),
        1,
      );
    const ids = tf.concat([side((list) => list.ids, 'int32'), step.inputs.nearIds], 1);
    const kept = side((list) => list.kept, 'float32');
    return { ids, kept, values: itemWeights(step, { ids, kept }) };
  });
}

/**
 * The mean over layers 0..L, each but the first of length 1, of vectors that go through the graph: of all nodes, or some.
 */
function propagated({ p, options: o, inputs }: LatticeStep, rows?: tf.Tensor1D): tf.Tensor2D {
  const some = (x: tf.Tensor): tf.Tensor => (rows ? embedding(x, rows) : x);
  const layers: tf.Tensor[] = [some(p.nodes.weight)];
  let x: tf.Tensor = p.nodes.weight;
  for (let k = 1; k < o.layers; k++) {
    x = normaliseRows(sparsePolynomial(inputs.graph, x, [0, 1]));
    layers.push(some(x));
  }
  if (o.layers > 0) layers.push(normaliseRows(sparsePolynomial(inputs.graph, x, [0, 1], rows)));
  return tf.div(layers.length > 1 ? tf.addN(layers) : layers[0]!, layers.length);
}

/** What items take from those that are near, of length 1: of all items, or some. */
function fromNear(step: LatticeStep, rows?: tf.Tensor1D): tf.Tensor2D {
  const { p, options: o, users: U } = step;
  const found = step.found as Found | undefined;
  if (!found) throw new Error('lattice: what is near must be found before a step reads it');
  // The first step of an epoch moves what the graph is made of; the others take it as it was found.
  const values = step.first === true ? itemWeights(step, found) : found.values;
  let x: tf.Tensor = usersAndItems(p.nodes.weight as tf.Tensor2D, U).items;
  for (let k = 1; k < o.itemLayers; k++) x = gatheredSums(values, x, found.ids);
  const sums = rows
    ? gatheredSums(embedding(values, rows), x, tf.gather(found.ids, rows))
    : gatheredSums(values, x, found.ids);
  return normaliseRows(sums);
}

/** LATTICE. */
export const lattice: TrainedModel<LatticeOptions, LatticeParameters, LatticeInputs> = {
  kind: 'trained',
  name: 'lattice',
  title: 'LATTICE',
  paper: 'Zhang et al.: Mining latent structures for multimedia recommendation. MM 2021',
  options,
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'users', negatives: 'uniform' }),
  init: (o, { interactions, features }, random) => {
    const content = { factors: o.featureFactors, trainFeatures: o.trainFeatures };
    const count = Object.keys(features).length;
    return {
      nodes: createNodes(interactions, o.factors, random),
      ...createContent(features, content, random.split('content')),
      shares: parameter(new Float32Array(count).fill(1 / count), [count]),
    };
  },
  inputs: (o, { interactions, features }) => {
    const lists = modalities.flatMap((modality) => {
      const matrix = features[modality];
      return matrix ? [normalisedLists(neighbourLists(matrix, o.neighbours), matrix.count)] : [];
    });
    const N = interactions.items;
    const tensors = lists.map(({ ids, values }) => ({
      ids: tf.tensor2d(ids, [N, ids.length / N], 'int32'),
      values: tf.tensor2d(values, [N, ids.length / N]),
    }));
    const near = tf.tidy(() => ({
      nearIds: tf.concat(
        tensors.map(({ ids }) => ids),
        1,
      ),
      nearValues: tf.concat(
        tensors.map(({ values }) => values),
        1,
      ),
    }));
    for (const { ids, values } of tensors) tf.dispose([ids, values]);
    return { graph: sparseMatrix(loopedGraph(interactions, 'both')), ...featureInputs(features), ...near };
  },
  find,
  vectors: (step) => {
    const { users, items } = usersAndItems(propagated(step), step.users);
    return { users, items: tf.add(items, fromNear(step)) };
  },
  terms: lossParts,
  loss: (step, triples) => {
    const { p, options: o, users: U, first } = step;
    const B = triples.users.size;
    const found = propagated(step, nodeRows(triples, U));
    const near = fromNear(step, tf.concat([triples.positives, triples.negatives]));
    const vectors = tf.add(found, tf.concat([tf.zeros([B, o.factors]), near], 0));
    const penalty = tf.mul<tf.Scalar>(halfSquares([vectors]), o.penalty / B);
    const parts = inParts(triplesLoss(vectors), penalty);
    if (first === true) return parts;
    const still = [
      p.shares,
      ...Object.values(p.projections).flatMap(({ weight, bias }) => [weight, ...(bias ? [bias] : [])]),
      ...Object.values(p.features ?? {}),
    ];
    return { ...parts, loss: tf.add(parts.loss, unread(still)) };
  },
};

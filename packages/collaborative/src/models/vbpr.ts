/**
 * VBPR (He and McAuley, AAAI 2016): matrix factorisation with a second pair of vectors, of users and of projected
 * features. Two forms: `ducho`, as the code of "Ducho meets Elliot" has it, and `paper`, with biases.
 */
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

const presets = {
  ducho: {
    visualFactors: 64,
    normalise: true,
    projectionBias: true,
    biases: false,
    thetaInit: 'normal',
    reduction: 'mean',
  },
  paper: {
    visualFactors: 64,
    normalise: false,
    projectionBias: false,
    biases: true,
    thetaInit: 'xavier',
    reduction: 'sum',
  },
} as const;

const settings = z.strictObject({
  preset: z
    .enum(['ducho', 'paper'])
    .default('ducho')
    .describe(
      'whose choices the settings that are not given follow: Ducho meets Elliot, or the paper with biases',
    ),
  factors: z.int().min(1).default(64).describe('width of the vectors γ of users and items'),
  visualFactors: z
    .int()
    .min(1)
    .optional()
    .describe('width of the vectors θ of users and of projected features (64)'),
  combine: combineSetting,
  normalise: z
    .boolean()
    .optional()
    .describe('whether projected features have length 1 (ducho yes, paper no)'),
  projectionBias: z.boolean().optional().describe('whether the projection has a bias (ducho yes, paper no)'),
  biases: z
    .boolean()
    .optional()
    .describe(
      'whether items have a bias of their own and one linear in their features (ducho no, paper yes)',
    ),
  thetaInit: z
    .enum(['normal', 'xavier'])
    .optional()
    .describe(
      'first θ of users: normal with deviation 1, as a line of the ducho code leaves it by mistake, or ' +
        'Xavier-uniform (paper)',
    ),
  reduction: z
    .enum(['mean', 'sum'])
    .optional()
    .describe('of the losses and penalties of a batch (ducho mean, paper sum)'),
  penalty: z
    .number()
    .min(0)
    .default(1e-5)
    .describe('l_w: half of it times the squared norms of the vectors read'),
  biasPenalty: z.number().min(0).default(0).describe('l_b: the same of the biases of items (paper)'),
  projectionPenalty: z
    .number()
    .min(0)
    .default(0)
    .describe('l_e: half of it times the squared norm of the projection (paper)'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of VBPR. */
export type VbprOptions = { [Name in keyof Settings]-?: NonNullable<Settings[Name]> };

/** Weights of VBPR. */
export type VbprParameters = {
  /** γ_u, [U, D] */
  readonly users: EmbeddingParameters;
  /** γ_i, [N, D] */
  readonly items: EmbeddingParameters;
  /** θ_u, [U, V] */
  readonly tastes: EmbeddingParameters;
  /** E: features to V numbers. */
  readonly projection: ProjectionParameters;
  /** β_i, [N, 1] */
  readonly bias?: tf.Variable;
  /** β': features to one number. */
  readonly featureBias?: ProjectionParameters;
};

/** The projected features p_i, and the bias of features. */
function projected(
  p: VbprParameters,
  o: VbprOptions,
  inputs: FeatureInputs,
  rows?: tf.Tensor1D,
): { visual: tf.Tensor2D; bias: tf.Tensor2D | undefined } {
  const { combine, normalise } = o;
  return {
    visual: project(p.projection, inputs, { combine, normalise }, rows),
    bias: p.featureBias && project(p.featureBias, inputs, { combine, normalise: false }, rows),
  };
}

/** Vectors of items: `[γ_i; p_i]`, and the sum of their biases, for users' `[γ_u; θ_u; 1]`. */
function itemVectors(
  ids: tf.Tensor,
  visual: tf.Tensor,
  biases: readonly (tf.Tensor | undefined)[],
): tf.Tensor2D {
  const own = biases.filter((bias) => bias !== undefined);
  const sum = own.length > 1 ? [tf.addN(own)] : own;
  return tf.concat([ids, visual, ...sum], 1) as tf.Tensor2D;
}

/**
 * VBPR: `γ_u · γ_i + θ_u · p_i`, p_i the projected features, and `β_i + β'·f_i` where there are biases (eq. 2 and 4).
 */
export const vbpr: TrainedModel<VbprOptions, VbprParameters, FeatureInputs> = {
  kind: 'trained',
  name: 'vbpr',
  title: 'VBPR',
  paper: 'He and McAuley: VBPR: visual Bayesian personalized ranking from implicit feedback. AAAI 2016',
  options: settings,
  complete: (given) => {
    const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return { ...presets[(given as Settings).preset], ...stated } as VbprOptions;
  },
  modalities: () => modalities,
  ...trainedOnTriples({ over: 'users', negatives: 'uniform' }),
  init: (o, { interactions: { users, items }, features }, random) => {
    const table = (
      count: number,
      width: number,
      name: string,
      first = init.xavierUniform,
    ): EmbeddingParameters => createEmbedding({ count, width, init: first }, random.split(name));
    const theta = o.thetaInit === 'normal' ? init.normal(1) : init.xavierUniform;
    const widths = widthsOf(features);
    const { combine, visualFactors: width, projectionBias: bias } = o;
    return {
      users: table(users, o.factors, 'users'),
      items: table(items, o.factors, 'items'),
      tastes: table(users, width, 'tastes', theta),
      projection: createProjection({ combine, width, bias }, widths, random.split('projection')),
      ...(o.biases && {
        bias: parameter(new Float32Array(items), [items, 1]),
        featureBias: createProjection(
          { combine, width: 1, bias: false },
          widths,
          random.split('featureBias'),
        ),
      }),
    };
  },
  inputs: (_options, { features }) => featureInputs(features),
  vectors: ({ p, options: o, inputs }): Vectors => {
    const { visual, bias } = projected(p, o, inputs);
    const [U] = p.users.weight.shape as [number];
    const ones = p.bias ? [tf.ones([U, 1])] : [];
    return {
      users: tf.concat([p.users.weight, p.tastes.weight, ...ones], 1) as tf.Tensor2D,
      items: itemVectors(p.items.weight, visual, [p.bias, bias]),
    };
  },
  terms: lossParts,
  loss: ({ p, options: o, inputs }, { users, positives, negatives }) => {
    const [u, taste] = [embedding(p.users.weight, users), embedding(p.tastes.weight, users)];
    const item = (rows: tf.Tensor1D) => {
      const id = embedding(p.items.weight, rows);
      const { visual, bias } = projected(p, o, inputs, rows);
      const own = p.bias && embedding(p.bias, rows);
      const products = tf.add(rowProducts(u, id), rowProducts(taste, visual));
      const biases = [own, bias].flatMap((each) => (each ? [tf.reshape(each, [-1])] : []));
      return { id, visual, own, score: tf.addN([products, ...biases]) };
    };
    const [i, j] = [item(positives), item(negatives)];
    // The bound of the ducho code; it is reached by no score that means anything.
    const difference = tf.clipByValue(tf.sub(i.score, j.score), -80, 1e8);
    const losses = bpr(difference, tf.zerosLike(difference));
    // Where projections have length 1 their norms are constants, which the ducho code adds all the same.
    const visuals = o.normalise ? [i.visual, j.visual] : [];
    const vectors = tf.mul(halfSquares([u, i.id, j.id, taste, ...visuals]), o.penalty);
    const biases = [i.own, j.own].flatMap((each) => (each ? [each] : []));
    const rest = biases.length > 0 && o.biasPenalty > 0 ? [tf.mul(halfSquares(biases), o.biasPenalty)] : [];
    const ofRows = tf.addN([vectors, ...rest]);
    const mean = o.reduction === 'mean';
    const penalties = [mean ? tf.div(ofRows, users.size) : ofRows];
    if (o.projectionPenalty > 0) {
      const weights = [p.projection, p.featureBias].flatMap((each) =>
        each ? [each.joint, each.image, each.text].flatMap((layer) => (layer ? [layer.weight] : [])) : [],
      );
      penalties.push(tf.mul(halfSquares(weights), o.projectionPenalty));
    }
    return inParts(mean ? tf.mean(losses) : tf.sum(losses), tf.addN(penalties) as tf.Scalar);
  },
  newItems: ({ p, options: o }, features) => {
    const { visual, bias } = projected(p, o, featureInputs(features));
    const ids = tf.zeros([visual.shape[0], o.factors]);
    return itemVectors(ids, visual, [p.bias && tf.zeros([visual.shape[0], 1]), bias]);
  },
};

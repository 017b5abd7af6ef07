/**
 * SASRec (Kang and McAuley, ICDM 2018): a causal transformer over the items of a history; the vector of its last item
 * is compared with the vectors of all items.
 *
 * B rows of a group, L positions, R rows of all groups (or S positions that are read), V rows of the item tables (N +
 * 1, or the items of a batch; row 0 is padding), D width, H heads. Implementations differ in many small choices: each
 * is a setting here, and a preset is a set of them.
 */
import { embedding, type RandomStream, tf } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters, init } from '@ferry/nn';
import {
  binaryObjective,
  bprMaxObjective,
  type Catalogue,
  createItemTower,
  type Feed,
  inBatchObjective,
  innerProduct,
  type ItemInputs,
  itemTower,
  type ItemTowerParameters,
  itemTowerSchema,
  type ItemVectors,
  ofItems,
  pickRows,
  type Queries,
  sampledSoftmaxObjective,
  type SequenceInputs,
  type SequentialModel,
  softmaxObjective,
  type Step,
  type VectorModel,
} from '@ferry/sequential';
import { z } from 'zod';
import { causalHistories } from './causalHistories.ts';
import { createHistoryEncoder, type HistoryEncoderParameters } from './historyEncoder.ts';
import { checkHeads, ofTower, requireHeads, share, size, towerFeatures, withPreset } from './settings.ts';

/** What S3Rec and RecBole have in common. */
const postNorm = {
  width: 64,
  layers: 2,
  heads: 2,
  activation: 'gelu',
  norm: 'post',
  inputNorm: true,
  finalNorm: false,
  epsilon: 1e-12,
  scale: false,
  init: 'normal',
  innerDropout: false,
  attentionBias: true,
  dropout: 0.5,
} as const;

/** The paper's sizes (Amazon data) and its equations; where they are silent, the authors' code. */
const paper = {
  width: 50,
  layers: 2,
  heads: 1,
  activation: 'relu',
  norm: 'pre',
  inputNorm: false,
  finalNorm: true,
  epsilon: 1e-8,
  scale: true,
  padding: 'left',
  init: 'xavier',
  innerDropout: true,
  attentionBias: true,
  dropout: 0.5,
} as const;

/** The settings in which implementations differ, for each lineage. */
const presets = {
  paper,
  /** The authors' code, which is not the paper in one thing: keys, values and the residual. */
  authors: { ...paper, norm: 'query' },
  /** RecTools (0.13), which follows the authors' code, but that padding is hidden here, there it is seen. */
  rectools: {
    ...paper,
    width: 256,
    heads: 4,
    norm: 'query',
    scale: false,
    init: 'xavier-normal',
    dropout: 0.2,
  },
  /** IDvs.MoRec (Yuan et al., SIGIR 2023). */
  morec: {
    ...postNorm,
    width: 512,
    activation: 'relu',
    epsilon: 1e-6,
    padding: 'left',
    init: 'xavier-normal',
    attentionBias: false,
    dropout: 0.1,
  },
  recbole: { ...postNorm, padding: 'right' },
  s3rec: { ...postNorm, padding: 'left' },
} as const;

/** Inner width of the feed-forward parts, from the width. */
const innerOf: Record<keyof typeof presets, (width: number) => number> = {
  paper: (width) => width,
  authors: (width) => width,
  rectools: (width) => width,
  morec: (width) => 4 * width,
  recbole: () => 256,
  s3rec: () => 256,
};

const settings = z.strictObject({
  preset: z
    .enum(['s3rec', 'recbole', 'paper', 'authors', 'rectools', 'morec'])
    .default('s3rec')
    .describe('whose choices the settings that are not given follow'),
  width: size
    .optional()
    .describe(
      'D: width of item and position vectors (s3rec, recbole 64; paper, authors 50; rectools 256; morec 512)',
    ),
  layers: size.optional().describe('blocks (2)'),
  heads: size
    .optional()
    .describe(
      'attention heads; must divide the width (s3rec, recbole, morec 2; paper, authors 1; rectools 4)',
    ),
  inner: size
    .optional()
    .describe('inner width of the feed-forward parts (s3rec, recbole 256; morec 4 D; the others D)'),
  positions: size.default(50).describe('longest history; of a longer one the end is read'),
  dropout: share
    .optional()
    .describe(
      'dropout of item vectors and of the output of each part of a block (.5; rectools .2; morec .1)',
    ),
  attentionDropout: share.optional().describe('dropout of attention weights (as dropout)'),
  innerDropout: z
    .boolean()
    .optional()
    .describe('whether dropout also follows the activation (paper, authors, rectools yes; the others no)'),
  activation: z
    .enum(['gelu', 'relu'])
    .optional()
    .describe('s3rec, recbole gelu, the exact one; the others relu'),
  norm: z
    .enum(['post', 'pre', 'query'])
    .optional()
    .describe(
      'normalise after each residual sum (post), before each part (paper: pre), or before the queries and the ' +
        'residual, not keys and values, dropping no output of attention (authors, rectools: query)',
    ),
  inputNorm: z
    .boolean()
    .optional()
    .describe('whether item plus position is normalised (yes; paper, authors, rectools no)'),
  finalNorm: z
    .boolean()
    .optional()
    .describe('whether a normalisation follows the last block (no; paper, authors, rectools yes)'),
  epsilon: z
    .number()
    .gt(0)
    .optional()
    .describe('added to the variance in normalisations (s3rec, recbole 1e-12; morec 1e-6; the others 1e-8)'),
  scale: z
    .boolean()
    .optional()
    .describe('whether item vectors are multiplied by the root of the width at the input (paper, authors)'),
  padding: z
    .enum(['left', 'right'])
    .optional()
    .describe(
      'side on which short histories are padded: the last item always has the last position (left), or the ' +
        'first the first (right: recbole)',
    ),
  init: z
    .enum(['normal', 'xavier', 'xavier-normal'])
    .optional()
    .describe(
      'first weights: normal with deviation .02 (s3rec, recbole), Xavier-uniform (paper, authors) or Xavier-normal ' +
        '(morec, rectools)',
    ),
  attentionBias: z
    .boolean()
    .optional()
    .describe('whether the projections of attention have biases (yes; morec no)'),
  tied: z
    .boolean()
    .default(true)
    .describe('whether candidates have the vectors of the input; if not, a table of their own'),
  tower: itemTowerSchema.prefault({}).describe('what makes item vectors'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of SASRec. */
export type SasRecOptions = {
  [Name in keyof Settings]-?: NonNullable<Settings[Name]>;
};

/** All weights of SASRec. */
export type SasRecParameters = HistoryEncoderParameters & {
  /** The item tower. */
  readonly items: ItemTowerParameters;
  /** [N + 1, D] vectors of candidates, where they are not the input's. */
  readonly output?: EmbeddingParameters;
};

/** Item vectors at the input and, where they are others, as candidates. */
interface SasRecItems extends ItemVectors {
  /** [V, D]; absent: the same. */
  output?: tf.Tensor;
}

/** Types of {@link sasrec}. */
export interface SasRec extends VectorModel<SasRecOptions, SasRecParameters> {
  items: SasRecItems;
}

/** Settings of a recipe with what its preset says of the rest. */
function filled(given: Settings): SasRecOptions {
  const options = withPreset(presets, given) as Omit<SasRecOptions, 'inner'>;
  return {
    ...options,
    attentionDropout: given.attentionDropout ?? options.dropout,
    inner: given.inner ?? innerOf[options.preset](options.width),
  };
}

/** The same, checked. */
function complete(given: Settings): SasRecOptions {
  const options = filled(given);
  requireHeads('sasrec', options);
  return options;
}

const firstWeights = {
  normal: init.normal(0.02),
  xavier: init.xavierUniform,
  'xavier-normal': init.xavierNormal,
};

function create(options: SasRecOptions, catalogue: Catalogue, random: RandomStream): SasRecParameters {
  const { width } = options;
  const first = firstWeights[options.init];
  return {
    items: createItemTower(options.tower, catalogue, { width, init: first }, random.split('items')),
    ...createHistoryEncoder(options, first, random),
    output: options.tied
      ? undefined
      : createEmbedding(
          { count: catalogue.items + 1, width, init: first, padding: 0 },
          random.split('output'),
        ),
  };
}

/**
 * Histories of one group through the blocks: [B * L, D], or [B, D] where only the last item of each is read (section
 * III-A to III-C).
 */
function encode(
  { p, options, random }: Step<SasRec>,
  vectors: tf.Tensor,
  group: SequenceInputs,
  onlyLast: boolean,
): tf.Tensor {
  const { width, dropout: rate, padding, positions, heads, activation, epsilon } = options;
  const rows = embedding(vectors, tf.reshape(group.history, [-1]));
  const tokens = options.scale ? tf.mul(rows, Math.sqrt(width)) : rows;
  const choices = {
    ...{ padding, positions, heads, activation, epsilon, rate },
    norm: options.norm,
    attentionRate: options.attentionDropout,
    innerRate: options.innerDropout ? rate : 0,
  };
  return causalHistories(p, choices, tokens, group, { random, onlyLast });
}

/** SASRec. Scores are inner products, `softmax` and the others train it with any of the frame's objectives. */
export const sasrec: SequentialModel<SasRec> = {
  name: 'sasrec',
  title: 'SASRec',
  paper: 'Kang and McAuley: Self-attentive sequential recommendation. ICDM 2018',
  options: settings,
  complete: (given) => complete(given as Settings),
  check: (given, _facts, problem) => {
    checkHeads(filled(given as Settings), problem);
  },
  ...ofTower,
  positions: ({ positions }) => positions,
  init: create,
  items: ({ p, options, random }, inputs: ItemInputs): SasRecItems => ({
    vectors: itemTower(p.items, options.tower, inputs, random),
    output: p.output && ofItems(p.output.weight, inputs),
  }),
  queries: (step, { vectors }, { groups, read }: Feed): Queries => {
    const parts = groups.map((group) => encode(step, vectors, group, !read));
    const rows = parts.length === 1 ? parts[0]! : tf.concat(parts, 0);
    return { vectors: (read ? embedding(rows, read) : rows) as tf.Tensor2D };
  },
  candidates: (_step, { vectors, output }, which) => ({ vectors: pickRows(output ?? vectors, which) }),
  product: true,
  scores: innerProduct.scores,
  objectives: {
    bce: binaryObjective(),
    softmax: softmaxObjective(),
    'sampled-softmax': sampledSoftmaxObjective(),
    'in-batch': inBatchObjective(),
    'bpr-max': bprMaxObjective(),
  },
  objectiveOf: { pretrain: 'in-batch' },
  weights: {
    ofItems: () => ['items.ids.**', 'output.**'],
    optional: () => towerFeatures,
    // They are zeros that are never trained.
    unused: ({ attentionBias }) => (attentionBias ? [] : ['encoder.layers.*.selfAttention.*.bias']),
    tune: { efficient: { freeze: ['positions.**', 'encoder.**'] } },
  },
};

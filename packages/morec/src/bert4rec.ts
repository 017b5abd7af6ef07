/**
 * BERT4Rec (Sun et al., CIKM 2019): a transformer that sees both sides. Some items of a sequence are hidden behind a
 * mask token and found again among all items (eq. 7 and 8); to recommend, a mask token is appended to the history.
 *
 * Preset `paper` has what stands before the softmax in section 3.6, a layer with GELU and normalisation and a bias of
 * each item; `recbole` has neither, as RecBole, and pads on the right. Differences: an epoch is every sequence once,
 * its masks drawn anew, where the authors draw ten masked copies of each beforehand and slide a window over long ones;
 * `lastShare` of the sequences have their last item masked alone, where the authors add one such copy of each; first
 * weights are normal, not cut off at two deviations.
 *
 * B rows of a group, L positions, R rows of all groups (or S masked positions), V rows of the item tables, D width.
 */
import { dropout, embedding, gelu, layerNorm, linear, type RandomStream, tf } from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createLayerNorm,
  createLinear,
  type EmbeddingParameters,
  gatherPositions,
  init,
  type LayerNormParameters,
  transformerEncoder,
} from '@ferry/nn';
import {
  binaryObjective,
  bprMaxObjective,
  type Catalogue,
  createItemTower,
  type Feed,
  type FeedGroup,
  type FeedPlace,
  inBatchObjective,
  innerProduct,
  itemTower,
  type ItemTowerParameters,
  itemTowerSchema,
  type ItemVectors,
  joinRows,
  lastOnly,
  ofItems,
  plainFeed,
  type Queries,
  sampledSoftmaxObjective,
  type SequenceInputs,
  type SequentialModel,
  softmaxObjective,
  type Step,
  type VectorModel,
} from '@ferry/sequential';
import { z } from 'zod';
import { createHistoryEncoder, type HistoryEncoderParameters } from './historyEncoder.ts';
import { biasedCandidates, biasedQueries, createItemBiases } from './itemBiases.ts';
import { MASK, maskedObjective } from './maskedItems.ts';
import { positionRows } from './positionRows.ts';
import { checkHeads, ofTower, requireHeads, share, size, towerFeatures, withPreset } from './settings.ts';

/** The settings in which the lineages differ. */
const presets = {
  /** The authors' code for Amazon Beauty. */
  paper: { attentionDropout: 0.2, head: true, outputBias: true, padding: 'left' },
  recbole: { attentionDropout: 0.5, head: false, outputBias: false, padding: 'right' },
} as const;

const settings = z.strictObject({
  preset: z
    .enum(['paper', 'recbole'])
    .default('paper')
    .describe('whose choices the settings that are not given follow'),
  width: size.default(64).describe('D: width of item and position vectors'),
  layers: size.default(2).describe('blocks'),
  heads: size.default(2).describe('attention heads; must divide the width'),
  inner: size.default(256).describe('inner width of the feed-forward parts'),
  positions: size
    .min(2)
    .default(50)
    .describe(
      'longest sequence, the mask token of a recommendation included; of a longer one the end is read',
    ),
  dropout: share.default(0.5).describe('dropout of item vectors and of the output of each part of a block'),
  attentionDropout: share.optional().describe('dropout of attention weights (paper .2; recbole .5)'),
  head: z
    .boolean()
    .optional()
    .describe(
      'whether a layer with GELU and a normalisation stand before the scores (paper yes; recbole no)',
    ),
  outputBias: z.boolean().optional().describe('whether each item has a bias (paper yes; recbole no)'),
  padding: z
    .enum(['left', 'right'])
    .optional()
    .describe(
      'side on which short sequences are padded: the last item has the last position (left: paper) or not',
    ),
  epsilon: z.number().gt(0).default(1e-12).describe('added to the variance in normalisations'),
  tower: itemTowerSchema.prefault({}).describe('what makes item vectors'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of BERT4Rec. */
export type Bert4RecOptions = {
  [Name in keyof Settings]-?: NonNullable<Settings[Name]>;
};

/** All weights of BERT4Rec. */
export type Bert4RecParameters = HistoryEncoderParameters & {
  /** The item tower. */
  readonly items: ItemTowerParameters;
  /** [1, D], the vector of the mask token. */
  readonly mask: EmbeddingParameters;
  /** Normalisation of the input. */
  readonly inputNorm: LayerNormParameters;
  /** What stands before the scores. */
  readonly head?: {
    /** [D, D] */
    readonly linear: BiasedLinearParameters;
    /** After GELU. */
    readonly norm: LayerNormParameters;
  };
  /** [N + 1, 1] biases of candidates. */
  readonly outputBias?: EmbeddingParameters;
};

/** Item vectors, and the biases of candidates. */
interface Bert4RecItems extends ItemVectors {
  /** [V, 1] */
  bias?: tf.Tensor;
}

/** Types of {@link bert4rec}. */
export interface Bert4Rec extends VectorModel<Bert4RecOptions, Bert4RecParameters> {
  /** Item vectors, and candidates' biases. */
  items: Bert4RecItems;
}

function complete(given: Settings): Bert4RecOptions {
  const options = withPreset(presets, given) as Bert4RecOptions;
  requireHeads('bert4rec', options);
  return options;
}

function create(options: Bert4RecOptions, catalogue: Catalogue, random: RandomStream): Bert4RecParameters {
  const { width, head, outputBias, tower } = options;
  const first = init.normal(0.02);
  return {
    items: createItemTower(tower, catalogue, { width, init: first }, random.split('items')),
    mask: createEmbedding({ count: 1, width, init: first }, random.split('mask')),
    ...(createHistoryEncoder(options, first, random) as Required<HistoryEncoderParameters>),
    ...(head && {
      head: {
        linear: createLinear({ inputs: width, outputs: width, init: first }, random.split('head')),
        norm: createLayerNorm(width),
      },
    }),
    ...(outputBias && { outputBias: createItemBiases(catalogue, random) }),
  };
}

/** A history and the mask token behind it: what stands there is asked for. */
function appendMask({ length, history, lengths, ...rest }: FeedGroup): FeedGroup {
  const longer = new Int32Array(lengths.length * (length + 1));
  lengths.forEach((own, b) => {
    longer.set(history.subarray(b * length, b * length + own), b * (length + 1));
    longer[b * (length + 1) + own] = MASK;
  });
  return { ...rest, length: length + 1, history: longer, lengths: lengths.map((own) => own + 1) };
}

/** Sequences with masks in them, whose places are read; or histories, behind which a mask is put and read. */
function feedOf(
  _options: Bert4RecOptions,
  groups: readonly FeedGroup[],
  _state: undefined,
  { rowOf, ...place }: FeedPlace,
): Feed {
  return plainFeed(place.read ? groups : groups.map(appendMask), {
    ...place,
    ...(rowOf && { rowOf: (item) => (item === MASK ? MASK : rowOf(item)) }),
  });
}

/** Sequences of one group through the blocks: [B * L, D], or [B, D] where only the last token of each is read. */
function encode(
  { p, options, random }: Step<Bert4Rec>,
  vectors: tf.Tensor,
  group: SequenceInputs,
  onlyLast: boolean,
): tf.Tensor {
  const { width, heads, epsilon, dropout: rate, attentionDropout } = options;
  const { history, lengths } = group;
  const [B, L] = history.shape as [number, number];
  const tokens = tf.reshape(history, [-1]);
  const known = embedding(vectors, tf.maximum(tokens, tf.scalar(0, 'int32')));
  const masked = tf.less(tf.reshape(tokens, [-1, 1]), tf.scalar(0, 'int32'));
  const items = tf.where(masked, p.mask.weight, known);
  const places = embedding(p.positions.weight, tf.reshape(positionRows(options, group), [-1]));
  const input = layerNorm(tf.add(items, places), p.inputNorm.weight, p.inputNorm.bias, epsilon);
  const columns = tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]);
  const out = transformerEncoder(p.encoder, tf.reshape(dropout(input, rate, random), [B, L, width]), {
    heads,
    epsilon,
    rate,
    attentionRate: attentionDropout,
    innerRate: 0,
    random,
    hidden: tf.greaterEqual(columns, tf.reshape(lengths, [B, 1])),
    ...(onlyLast && { read: (h: tf.Tensor) => gatherPositions(h, tf.sub(lengths, tf.scalar(1, 'int32'))) }),
  });
  return tf.reshape(out, [-1, width]);
}

/** The vectors that find what is masked: of the masks that are read, or of the mask behind each history. */
function maskVectors(
  step: Step<Bert4Rec>,
  { vectors, bias }: Bert4RecItems,
  { groups, read }: Feed,
): Queries {
  const { p, options } = step;
  const all = joinRows(groups.map((group) => encode(step, vectors, group, !read)));
  const rows = read ? embedding(all, read) : all;
  const found = p.head
    ? layerNorm(
        gelu(linear(rows, p.head.linear.weight, p.head.linear.bias)),
        p.head.norm.weight,
        p.head.norm.bias,
        options.epsilon,
      )
    : rows;
  return biasedQueries(found, bias);
}

/** BERT4Rec. */
export const bert4rec: SequentialModel<Bert4Rec> = {
  name: 'bert4rec',
  title: 'BERT4Rec',
  paper:
    'Sun et al.: BERT4Rec: sequential recommendation with bidirectional encoder representations from ' +
    'transformer. CIKM 2019',
  options: settings,
  complete: (given) => complete(given as Settings),
  check: (given, _facts, problem) => {
    checkHeads(given as Settings, problem);
  },
  ...ofTower,
  positions: ({ positions }) => positions - 1,
  init: create,
  items: ({ p, options, random }, inputs): Bert4RecItems => ({
    vectors: itemTower(p.items, options.tower, inputs, random),
    ...(p.outputBias && { bias: ofItems(p.outputBias.weight, inputs) }),
  }),
  feed: feedOf,
  queries: maskVectors,
  candidates: (_step, { vectors, bias }, which) => biasedCandidates(vectors, bias, which),
  product: true,
  scores: innerProduct.scores,
  objectives: {
    masked: maskedObjective(),
    softmax: lastOnly(softmaxObjective()),
    'sampled-softmax': lastOnly(sampledSoftmaxObjective()),
    'in-batch': lastOnly(inBatchObjective()),
    bce: lastOnly(binaryObjective()),
    'bpr-max': lastOnly(bprMaxObjective()),
  },
  objectiveOf: { pretrain: 'in-batch' },
  weights: {
    ofItems: () => ['items.ids.**', 'outputBias.**'],
    optional: () => towerFeatures,
    tune: { efficient: { freeze: ['positions.**', 'encoder.**'] } },
  },
};

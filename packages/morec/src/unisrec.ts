/**
 * UniSRec (Hou et al., KDD 2022): histories of items that are known by frozen text features, made alike for all domains
 * by a mixture of whitening adapters, pre-trained on several domains by two contrasts and carried to another.
 *
 * An adapter is `Σ_e g_e (W_e (dropout(x) - b_e))` (eq. 1 and 3), `g = softmax(W_g x + ε softplus(W_n x + .01))`, ε
 * standard normal while training (eq. 2; all experts count, none is left out); the encoder is SASRec's with
 * normalisation after each part; scores are cosines over τ. With IDs (transductive) a vector of the item is added to
 * its token and to it as a candidate; without (inductive) nothing belongs to a domain.
 *
 * Differences from the authors' code: rows of the same target leave the contrast's sum, where the code counts them as
 * exp(0); a step draws one dropout and one noise for an item, as token and as candidate; features of a second modality
 * have an adapter of their own, and the two are added; a missing modality adds nothing.
 *
 * B rows of a group, L positions, R rows of all groups (or S positions that are read), V rows of the item tables, F
 * width of features, D width, E experts.
 */
import { dropout, embedding, linear, type RandomSource, type RandomStream, tf } from '@ferry/engine';
import {
  type BiasedLinearParameters,
  createEmbedding,
  createLinear,
  type EmbeddingParameters,
  init,
  normalize,
  parameter,
} from '@ferry/nn';
import {
  binaryObjective,
  bprMaxObjective,
  type Catalogue,
  type Feed,
  type FeedGroup,
  type FeedPlace,
  inBatchObjective,
  innerProduct,
  type ItemInputs,
  type ItemVectors,
  joinRows,
  modalitiesOf,
  ofItems,
  pickRows,
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
import { causalHistories } from './causalHistories.ts';
import { contrastObjective, type ViewGroup } from './contrast.ts';
import { createHistoryEncoder, type HistoryEncoderParameters } from './historyEncoder.ts';
import { checkHeads, share, size } from './settings.ts';

const settings = z.strictObject({
  width: size.default(300).describe('D: width of the model'),
  layers: size.default(2).describe('blocks'),
  heads: size.default(2).describe('attention heads; must divide the width'),
  inner: size.default(256).describe('inner width of the feed-forward parts'),
  positions: size.default(50).describe('longest history; of a longer one the end is read'),
  dropout: share.default(0.5).describe('dropout of tokens and of the output of each part of a block'),
  attentionDropout: share.default(0.5).describe('dropout of attention weights'),
  experts: size.default(8).describe('E: adapters that are mixed'),
  adapterDropout: share.default(0.2).describe('dropout of features before each adapter'),
  temperature: z.number().gt(0).default(0.07).describe('τ: divides the cosines'),
  ids: z.boolean().default(true).describe('item IDs beside the features (transductive), or not (inductive)'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of UniSRec. */
export type UniSRecOptions = { [Name in keyof Settings]: Settings[Name] };

/** A mixture of adapters of one modality. */
export type MixtureParameters = {
  /** The adapters by number, '0' first: W [D, F] and b [F]. */
  readonly experts: Readonly<Record<string, BiasedLinearParameters>>;
  /** W_g, [E, F]. */
  readonly gate: tf.Variable;
  /** W_n, [E, F]. */
  readonly noise: tf.Variable;
};

/** All weights of UniSRec. */
export type UniSRecParameters = HistoryEncoderParameters & {
  /** Adapters of text features. */
  readonly text?: MixtureParameters;
  /** Adapters of image features. */
  readonly image?: MixtureParameters;
  /** [N + 1, D] item IDs. */
  readonly ids?: EmbeddingParameters;
};

/** Item vectors, and those that word-dropped texts make. */
interface UniSRecItems extends ItemVectors {
  /** [V, D], where the step reads word-dropped text. */
  dropped?: tf.Tensor;
}

/** A group of histories, in which some items may have lost words. */
export interface UniSRecGroup extends SequenceInputs {
  /** [B, L], 1 where the word-dropped text takes the text's place. */
  replaced?: tf.Tensor;
}

/** Histories, and which items have lost words. */
export interface UniSRecFeed extends Feed {
  /** One for each group. */
  groups: readonly UniSRecGroup[];
}

/** Types of {@link unisrec}. */
export interface UniSRec extends VectorModel<UniSRecOptions, UniSRecParameters> {
  /** Item vectors. */
  items: UniSRecItems;
  /** Histories, and which items have lost words. */
  feed: UniSRecFeed;
}

function createMixture(
  { experts, width }: UniSRecOptions,
  features: number,
  random: RandomStream,
): MixtureParameters {
  const zeros = (...shape: number[]) => parameter(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  return {
    experts: Object.fromEntries(
      Array.from({ length: experts }, (_, e) => [
        String(e),
        {
          ...createLinear(
            { inputs: features, outputs: width, bias: false, init: init.normal(0.02) },
            random.split('expert', e),
          ),
          bias: zeros(features),
        },
      ]),
    ),
    gate: zeros(experts, features),
    noise: zeros(experts, features),
  };
}

function create(options: UniSRecOptions, catalogue: Catalogue, random: RandomStream): UniSRecParameters {
  const { width, ids } = options;
  const modalities = modalitiesOf(catalogue);
  if (modalities.length === 0) throw new Error('unisrec: items must have features of a modality, got none');
  const first = init.normal(0.02);
  return {
    ...Object.fromEntries(
      modalities.map((modality) => [
        modality,
        createMixture(options, catalogue.featureWidths[modality]!, random.split(modality)),
      ]),
    ),
    ...(ids && {
      ids: createEmbedding(
        { count: catalogue.items + 1, width, init: first, padding: 0 },
        random.split('ids'),
      ),
    }),
    ...createHistoryEncoder(options, first, random),
  };
}

/** Standard normal numbers by pairs of uniform ones (Box and Muller 1958). */
export function normalNumbers(random: RandomSource, shape: number[]): tf.Tensor {
  const radius = tf.sqrt(tf.mul(tf.log(tf.sub(1, random.uniform(shape))), -2));
  return tf.mul(radius, tf.cos(tf.mul(random.uniform(shape), 2 * Math.PI)));
}

/**
 * A mixture of whitening adapters (eq. 1 to 3).
 *
 * @param x - [V, F]
 * @returns [V, D]
 */
function mixture(
  p: MixtureParameters,
  { adapterDropout: rate }: UniSRecOptions,
  x: tf.Tensor,
  random: RandomSource | undefined,
): tf.Tensor {
  const experts = Object.values(p.experts);
  const clean = linear(x, p.gate);
  const logits = random
    ? tf.add(clean, tf.mul(normalNumbers(random, clean.shape), tf.add(tf.softplus(linear(x, p.noise)), 0.01)))
    : clean;
  const gates = tf.split(tf.softmax(logits), experts.length, 1); // E of [V, 1]
  return experts
    .map(({ weight, bias }, e) => tf.mul(linear(tf.sub(dropout(x, rate, random), bias), weight), gates[e]!))
    .reduce((a, b) => tf.add(a, b));
}

/** Item vectors, the same as token and as candidate before it is normalised: [V, D]. */
function itemVectors({ p, options, random }: Step<UniSRec>, inputs: ItemInputs): UniSRecItems {
  const adapted = (modality: 'text' | 'image', features: tf.Tensor | undefined): tf.Tensor[] => {
    const own = p[modality];
    if (!own) return [];
    if (!features) throw new Error(`unisrec: features of ${modality} must be given, got none`);
    return [tf.mul(mixture(own, options, features, random), inputs.present[modality]!)];
  };
  const rest = [
    ...adapted('image', inputs.features.image),
    ...(p.ids ? [ofItems(p.ids.weight, inputs)] : []),
  ];
  const sum = (text: tf.Tensor[]): tf.Tensor => [...text, ...rest].reduce((a, b) => tf.add(a, b));
  return {
    vectors: sum(adapted('text', inputs.features.text)),
    ...(inputs.words && { dropped: sum(adapted('text', inputs.words)) }),
  };
}

/** The plain feed, and which items have lost words. */
function feedOf(
  _options: UniSRecOptions,
  groups: readonly (FeedGroup & Pick<ViewGroup, 'replaced'>)[],
  _state: undefined,
  place: FeedPlace,
): UniSRec['feed'] {
  const feed = plainFeed(groups, place);
  return {
    ...feed,
    groups: feed.groups.map((group, g): UniSRecGroup => {
      const { replaced, length } = groups[g]!;
      return replaced
        ? { ...group, replaced: tf.tensor2d(replaced, [replaced.length / length, length]) }
        : group;
    }),
  };
}

/** Histories of one group: [B * L, D], or [B, D] where only the last item of each is read. */
function encode(
  { p, options, random }: Step<UniSRec>,
  { vectors, dropped }: UniSRecItems,
  group: UniSRecGroup,
  onlyLast: boolean,
): tf.Tensor {
  const { positions, heads, dropout: rate, attentionDropout } = options;
  const rows = tf.reshape(group.history, [-1]);
  const whole = embedding(vectors, rows);
  const tokens =
    dropped && group.replaced
      ? tf.where(tf.cast(tf.reshape(group.replaced, [-1, 1]), 'bool'), embedding(dropped, rows), whole)
      : whole;
  const choices = {
    ...{ positions, heads, rate },
    padding: 'right' as const,
    epsilon: 1e-12,
    attentionRate: attentionDropout,
    innerRate: 0,
  };
  return causalHistories(p, choices, tokens, group, { random, onlyLast });
}

/** Directions of histories over τ, so that inner products with normalised items are cosines over τ. */
function historyVectors(
  step: Step<UniSRec>,
  items: UniSRecItems,
  { groups, read }: UniSRec['feed'],
): Queries {
  const all = joinRows(groups.map((group) => encode(step, items, group, !read)));
  const rows = read ? embedding(all, read) : all;
  return { vectors: tf.div(normalize(rows), step.options.temperature) };
}

/** UniSRec. */
export const unisrec: SequentialModel<UniSRec> = {
  name: 'unisrec',
  title: 'UniSRec',
  paper: 'Hou et al.: Towards universal sequence representation learning for recommender systems. KDD 2022',
  options: settings,
  check: (given, _facts, problem) => {
    checkHeads(given as UniSRecOptions, problem);
  },
  idsAt: 'ids',
  positions: ({ positions }) => positions,
  modalities: () => ['text', 'image'],
  init: create,
  items: itemVectors,
  feed: feedOf,
  queries: historyVectors,
  candidates: (_step, { vectors }, which) => ({ vectors: normalize(pickRows(vectors, which)) }),
  product: true,
  scores: innerProduct.scores,
  objectives: {
    softmax: softmaxObjective('last'),
    contrast: contrastObjective(),
    'in-batch': inBatchObjective(),
    'sampled-softmax': sampledSoftmaxObjective(),
    bce: binaryObjective(),
    'bpr-max': bprMaxObjective(),
  },
  objectiveOf: { pretrain: 'contrast' },
  weights: {
    ofItems: () => ['ids.**'],
    optional: () => ['text.**', 'image.**'],
    // Section 3.3: the encoder keeps what it has learned; adapters, the normalisation of tokens and IDs are trained.
    tune: { efficient: { freeze: ['positions.**', 'encoder.**'] } },
  },
};

/**
 * DSSM, two towers (Huang et al., CIKM 2013; in the form of IDvs.MoRec, Yuan et al., SIGIR 2023, the DSSM of its
 * tables): a vector of the user, a vector of the item, and their inner product.
 *
 * `u = MLP_k(UserEmb[user])`, `v = MLP_k(ItemEmb[item])` or the features' tower without an MLP, score `u · v`; `MLP_k`
 * is k times dropout, linear, GELU. Trained on every pair of a user and an item of training. Differences: the authors'
 * loss is `bce`, the mean over positives and negatives together and so half of ours; `in-batch` (Yi et al., RecSys
 * 2019) is the default. With `user: history` the user's vector is the mean of the vectors of the items before, so that
 * users are served whom training never saw; the authors have no such form.
 *
 * B rows of a group, L positions, R rows of all groups, V rows of the item tables, D width, U users.
 */
import { embedding, type RandomStream, tf } from '@ferry/engine';
import { createEmbedding, type EmbeddingParameters, init } from '@ferry/nn';
import {
  type AdapterParameters,
  binaryObjective,
  bprMaxObjective,
  type Catalogue,
  createItemTower,
  createMlp,
  type Examples,
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
  mlp,
  type ObjectiveDefinition,
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
import { ofTower, share, size, towerFeatures } from './settings.ts';

const settings = z.strictObject({
  width: size.default(64).describe('D: width of user and item vectors'),
  user: z
    .enum(['id', 'history'])
    .default('id')
    .describe(
      'a user is a vector of its own (id), or the mean of the vectors of the items before (history: also for ' +
        'users whom training never saw)',
    ),
  layers: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'k: layers of dropout, linear, GELU on user vectors, and on item vectors that are IDs alone (best in the paper: 0)',
    ),
  positions: size
    .default(50)
    .describe('user: history: items it is the mean of; of a longer one the end is read'),
  dropout: share.default(0.1).describe('before each of these layers'),
  tower: itemTowerSchema.prefault({}).describe('what makes item vectors'),
});

type Settings = z.output<typeof settings>;

/** Complete settings of DSSM. */
export type DssmOptions = { [Name in keyof Settings]: Settings[Name] };

/** All weights of DSSM. */
export type DssmParameters = {
  /** The item tower. */
  readonly items: ItemTowerParameters;
  /** [U, D] vectors of users, where a user is an ID. */
  readonly users?: EmbeddingParameters;
  /** MLP of user vectors. */
  readonly userMlp: AdapterParameters;
};

/** Whose histories a feed holds. */
interface DssmFeed extends Feed {
  /** int32 [R], where a user is an ID. */
  users?: tf.Tensor;
}

/** Types of {@link dssm}. */
export interface Dssm extends VectorModel<DssmOptions, DssmParameters> {
  feed: DssmFeed;
}

function create(options: DssmOptions, catalogue: Catalogue, random: RandomStream): DssmParameters {
  const { width, layers, user } = options;
  if (user === 'id' && catalogue.users === 0)
    throw new Error(
      'dssm: user: id needs one domain whose users are known, got none; user: history works without',
    );
  const first = { width, init: init.xavierNormal };
  return {
    items: createItemTower(options.tower, catalogue, first, random.split('items')),
    ...(user === 'id' && {
      users: createEmbedding({ count: catalogue.users, ...first }, random.split('users')),
    }),
    userMlp: createMlp({ layers, ...first }, random.split('userMlp')),
  };
}

/** The users alone, or the histories. */
function feedOf(
  { user }: DssmOptions,
  groups: readonly FeedGroup[],
  _state: undefined,
  place: FeedPlace,
): DssmFeed {
  if (user === 'history') return plainFeed(groups, place);
  const users = groups.flatMap((group) => {
    if (!group.users)
      throw new Error(
        'dssm: with user: id only users of the training have a vector, and none was named: train with user: ' +
          'history to serve a history',
      );
    return Array.from(group.users);
  });
  return { groups: [], users: tf.tensor1d(users, 'int32') };
}

/** The mean of each history's item vectors, [B, D]. */
function meanOf(vectors: tf.Tensor, { history, lengths }: SequenceInputs): tf.Tensor {
  const [B, L] = history.shape as [number, number];
  const columns = tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]);
  const inside = tf.cast(tf.less(columns, tf.reshape(lengths, [B, 1])), 'float32');
  const shares = tf.div(inside, tf.reshape(tf.cast(lengths, 'float32'), [B, 1]));
  return tf.reshape(tf.matMul(tf.reshape(shares, [B, 1, L]), embedding(vectors, history)), [B, -1]);
}

/** User vectors, [R, D]. */
function userVectors(
  { p, options, random }: Step<Dssm>,
  { vectors }: ItemVectors,
  { groups, users }: DssmFeed,
): Queries {
  const own = users
    ? embedding(p.users!.weight, users)
    : joinRows(groups.map((group) => meanOf(vectors, group)));
  return { vectors: mlp(p.userMlp, options.dropout, own, random) };
}

/** An objective over pairs of a user and an item; where a user is an ID, the first item of each is such a pair too. */
function ofPairs(definition: ObjectiveDefinition<Dssm>): ObjectiveDefinition<Dssm> {
  const last = lastOnly(definition);
  return {
    ...last,
    create: (given, options) => {
      const objective = last.create(given, options);
      if (options.user === 'history') return objective;
      return {
        ...objective,
        examples: 'interactions',
        prepare: (examples, preparation) => objective.prepare(withoutHistories(examples), preparation),
      };
    },
  };
}

/** The same examples as nothing but users and targets. */
function withoutHistories({ lengths: { length: B }, targets, users }: Examples): Examples {
  return { history: new Int32Array(B), lengths: new Int32Array(B), targets, users };
}

/** DSSM. */
export const dssm: SequentialModel<Dssm> = {
  name: 'dssm',
  title: 'DSSM',
  paper:
    'Huang et al.: Learning deep structured semantic models for web search using clickthrough data. CIKM ' +
    '2013; as in Yuan et al.: Where to go next for recommender systems? ID- vs. modality-based recommender ' +
    'models revisited. SIGIR 2023',
  options: settings,
  complete: (given) => {
    const options = given as DssmOptions;
    const { tower, layers } = options;
    return tower.features || layers === 0 || tower.mlp > 0
      ? options
      : { ...options, tower: { ...tower, mlp: layers, dropout: options.dropout } };
  },
  ...ofTower,
  check: (given, { task }, problem) => {
    if (task === 'pretrain' && (given as DssmOptions).user === 'id')
      problem(['user'], 'must be history in pre-training: sources share no users, got id');
  },
  positions: ({ positions }) => positions,
  init: create,
  items: ({ p, options, random }, inputs) => ({
    vectors: itemTower(p.items, options.tower, inputs, random),
  }),
  feed: feedOf,
  queries: userVectors,
  ...innerProduct,
  objectives: {
    'in-batch': ofPairs(inBatchObjective()),
    bce: ofPairs(binaryObjective()),
    'sampled-softmax': ofPairs(sampledSoftmaxObjective()),
    softmax: ofPairs(softmaxObjective()),
    'bpr-max': ofPairs(bprMaxObjective()),
  },
  objectiveOf: { pretrain: 'in-batch' },
  weights: {
    ofItems: () => ['items.ids.**'],
    ofUsers: () => ['users.**'],
    optional: () => towerFeatures,
    tune: { efficient: { freeze: ['userMlp.**'] } },
  },
};

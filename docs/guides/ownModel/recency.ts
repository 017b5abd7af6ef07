// Recency: a recommender of our own. A history is the sum of its items, each weighted by how long ago it was: one
// weight for every distance from the end, learned. What is trained, ranked, saved and compared with it is all Ferry's.
//
// B rows of a group of histories, L positions, R rows of all groups (or the positions that are read), V items, D width.
import { embedding, linear, tf } from '@ferry/engine';
import { createLinear, init, type LinearParameters } from '@ferry/nn';
import {
  createItemTower,
  type Feed,
  innerProduct,
  itemTower,
  type ItemTowerParameters,
  itemTowerSchema,
  type ItemVectors,
  type Queries,
  sampledSoftmaxObjective,
  type SequenceInputs,
  type SequentialModel,
  softmaxObjective,
  type VectorModel,
} from '@ferry/sequential';
import { z } from 'zod';

// 1. Settings: the section `model` of a recipe. They are checked, explained by `ferry models ./recency.ts`, and have
// defaults.
const options = z.strictObject({
  width: z.int().min(1).default(64).describe('D: width of item vectors'),
  positions: z.int().min(1).default(20).describe('longest history; of a longer one the end is read'),
  tower: itemTowerSchema.prefault({}).describe('what makes item vectors: IDs, features, or both'),
});
type Options = z.output<typeof options>;

// 2. Weights: a tree of variables. Names of the leaves are those of its keys, such as `recency` and `project.weight`.
type Weights = {
  /** The item tower. */
  readonly items: ItemTowerParameters;
  /** [positions, 1]: of distance 0 (the last item), 1, 2 … */
  readonly recency: tf.Variable;
  /** [D, D] and [D] */
  readonly project: LinearParameters;
};

type Recency = VectorModel<Options, Weights>;

// 3. The mathematics: histories to vectors.
/** Weighted sums of one group's items: [B * L, D] after each position, or [B, D] after the last item of each row alone. */
function sums(p: Weights, vectors: tf.Tensor, { history, lengths }: SequenceInputs, all: boolean): tf.Tensor {
  const [B, L] = history.shape as [number, number];
  const items = embedding(vectors, history); // [B, L, D]; histories are right-padded with 0, whose vector is 0
  const last = tf.reshape(tf.sub(lengths, tf.scalar(1, 'int32')), [B, 1]);
  const ends = all ? tf.tile(tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]), [B, 1]) : last; // [B, E]
  // How far each position lies before each end: [B, E, L]; what lies behind it does not count.
  const distance = tf.sub(tf.expandDims(ends, 2), tf.reshape(tf.range(0, L, 1, 'int32'), [1, 1, L]));
  const before = tf.greaterEqual(distance, tf.scalar(0, 'int32'));
  const rows = tf.where(before, distance, tf.zerosLike(distance));
  const weights = tf.squeeze(embedding(p.recency, rows), [3]); // [B, E, L]
  const counted = tf.where(before, weights, tf.zerosLike(weights));
  return tf.reshape(tf.matMul(counted, items), [-1, vectors.shape[1]!]);
}

// 4. The model: one value, exported by default.
const recency: SequentialModel<Recency> = {
  name: 'recency',
  title: 'Recency',
  paper: 'the guide to a model of your own',
  options,
  positions: ({ positions }) => positions,
  modalities: ({ tower }) => (tower.features ? ['text', 'image'] : []),
  // Every part draws from a random stream of its own name, so that adding one changes no other.
  init: ({ width, positions, tower }, catalogue, random) => ({
    items: createItemTower(tower, catalogue, { width, init: init.normal(0.1) }, random.split('items')),
    recency: tf.variable(tf.fill([positions, 1], 1 / positions)),
    project: createLinear({ inputs: width, outputs: width }, random.split('project')),
  }),
  // The towers: what items are, once a step.
  items: ({ p, options: { tower }, random }, inputs): ItemVectors => ({
    vectors: itemTower(p.items, tower, inputs, random),
  }),
  queries: ({ p }, { vectors }, { groups, read }: Feed): Queries => {
    const parts = groups.map((group) => sums(p, vectors, group, read !== undefined));
    const rows = parts.length === 1 ? parts[0]! : tf.concat(parts);
    const summed = read ? embedding(rows, read) : rows; // [R, D]
    const more = linear(tf.tanh(summed), p.project.weight, p.project.bias);
    return { vectors: tf.add<tf.Tensor2D>(summed, more) };
  },
  // Scores are inner products of queries and item vectors: `candidates`, `scores` and what follows from it.
  ...innerProduct,
  objectives: { softmax: softmaxObjective(), 'sampled-softmax': sampledSoftmaxObjective() },
  // What stays behind when weights are carried to another domain.
  weights: { ofItems: () => ['items.ids.**'], tune: {} },
};

export default recency;

import { embedding, tf } from '@ferry/engine';
import { init } from '@ferry/nn';
import { z } from 'zod';
import {
  binaryObjective,
  bprMaxObjective,
  createItemTower,
  inBatchObjective,
  innerProduct,
  itemTower,
  itemTowerSchema,
  type ItemTowerParameters,
  sampledSoftmaxObjective,
  type SequentialModel,
  softmaxObjective,
  type VectorModel,
} from '../src/index.ts';

const options = z.strictObject({
  width: z.int().min(1).default(8).describe('D'),
  positions: z.int().min(1).default(8).describe('longest history'),
  items: itemTowerSchema.prefault({}).describe('what items are known by'),
});

/** Types of {@link meanModel}. */
export type MeanModel = VectorModel<z.output<typeof options>, { readonly items: ItemTowerParameters }>;

/** The simplest sequential recommender: a history is the mean of its items. */
export const meanModel: SequentialModel<MeanModel> = {
  name: 'mean',
  title: 'Mean of the history',
  paper: 'none',
  options,
  positions: ({ positions }) => positions,
  modalities: ({ items }) => (items.features ? ['text', 'image'] : []),
  init: ({ width, items }, catalogue, random) => ({
    items: createItemTower(items, catalogue, { width, init: init.normal(0.1) }, random),
  }),
  items: ({ p, options: { items }, random }, inputs) => ({
    vectors: itemTower(p.items, items, inputs, random),
  }),
  queries: (_step, { vectors }, { groups, read }) => {
    const means = groups.map(({ history, lengths }) => {
      const [B, L] = history.shape as [number, number];
      // Row i of the triangle is the mean of positions 0..i.
      const triangle = Float32Array.from({ length: L * L }, (_, at) => {
        const i = Math.floor(at / L);
        return at % L <= i ? 1 / (i + 1) : 0;
      });
      const all = tf.matMul(
        tf.tile(tf.tensor3d(triangle, [1, L, L]), [B, 1, 1]),
        embedding(vectors, history),
      ); // [B, L, D]
      const flat = tf.reshape(all, [B * L, -1]);
      if (read) return flat;
      const last = tf.add(tf.range(0, B * L, L, 'int32'), tf.sub(lengths, tf.scalar(1, 'int32')));
      return embedding(flat, last);
    });
    const rows = means.length === 1 ? means[0]! : tf.concat(means, 0);
    return { vectors: (read ? embedding(rows, read) : rows) as tf.Tensor2D };
  },
  ...innerProduct,
  objectives: {
    softmax: softmaxObjective(),
    binary: binaryObjective(),
    'sampled-softmax': sampledSoftmaxObjective(),
    'in-batch': inBatchObjective(),
    'bpr-max': bprMaxObjective(),
  },
  weights: { ofItems: () => ['items.ids.**'], tune: { adapters: { freeze: ['items.ids.**'] } } },
};

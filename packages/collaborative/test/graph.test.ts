import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { keptEdges, loopedGraph, normalisedGraph } from '../src/graph.ts';
import { itemGraph, nearestByFeatures } from '../src/itemGraph.ts';
import {
  createUserItemRecommender,
  createUserItemTraining,
  freedom,
  interactionsOf,
  lattice,
  type Interactions,
} from '../src/index.ts';
import { N, U, world, worldFeatures } from './world.ts';

/** User 0 has all four items, users 1 and 2 one each. */
const interactions: Interactions = {
  users: 3,
  items: 4,
  starts: Int32Array.of(0, 4, 5, 6),
  columns: Int32Array.of(0, 1, 2, 3, 0, 1),
};

describe('edges of an epoch', () => {
  it('are as many as asked for, the same both ways, and normalised by what is left', () => {
    const { starts, columns } = normalisedGraph(interactions);
    const values = keptEdges(interactions, 0.5, RandomStream.fromSeed(3));
    expect(values).toHaveLength(12);
    const kept = [...values.keys()].filter((e) => values[e]! > 0);
    expect(kept).toHaveLength(6);
    const owner = (e: number): number => starts.findIndex((_, row) => e < starts[row + 1]!);
    const degree = (node: number): number => kept.filter((e) => owner(e) === node).length;
    for (const e of kept) {
      const back = kept.filter((other) => owner(other) === columns[e] && columns[other] === owner(e));
      expect(back).toHaveLength(1);
      expect(values[e]).toBe(values[back[0]!]);
      expect(values[e]).toBeCloseTo(1 / Math.sqrt(degree(owner(e)) * degree(columns[e]!)), 6);
    }
  });

  it('are drawn in proportion to 1 / √(d e), without replacement', () => {
    // Degrees: users 4, 1, 1; items 2, 2, 1, 1.
    const weights = [8, 8, 4, 4, 2, 2].map((product) => 1 / Math.sqrt(product));
    const total = weights.reduce((sum, w) => sum + w, 0);
    const counts = new Array<number>(6).fill(0);
    const draws = 4000;
    for (let seed = 0; seed < draws; seed++) {
      const values = keptEdges(interactions, 0.8, RandomStream.fromSeed(seed));
      counts[values.findIndex((value) => value > 0)]!++;
    }
    counts.forEach((count, e) => {
      const share = weights[e]! / total;
      expect(Math.abs(count / draws - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / draws));
    });
  });
});

describe('the graph of nodes that are their own neighbours', () => {
  it('weighs an edge by the neighbours of both its ends, the ends themselves among them', () => {
    const { shape, starts, columns, values } = loopedGraph(interactions, 'both');
    expect(shape).toEqual([7, 7]);
    expect([...starts]).toEqual([0, 5, 7, 9, 12, 15, 17, 19]);
    expect([...columns.subarray(0, 7)]).toEqual([0, 3, 4, 5, 6, 1, 3]);
    expect([...columns.subarray(9)]).toEqual([0, 1, 3, 0, 2, 4, 0, 5, 0, 6]);
    // User 0 has four items and itself, item 0 two users and itself.
    expect(values[0]).toBeCloseTo(1 / 25, 6);
    expect(values[1]).toBeCloseTo(1 / 15, 6);
    expect(values[9]).toBe(values[1]);
  });

  it('averages over the neighbours of a node and the node itself', () => {
    const { starts, columns, values } = loopedGraph(interactions, 'rows');
    expect([...columns]).toEqual([...loopedGraph(interactions, 'both').columns]);
    for (let node = 0; node < 7; node++) {
      const own = values.subarray(starts[node], starts[node + 1]);
      for (const value of own) expect(value).toBeCloseTo(1 / own.length, 6);
    }
  });
});

describe('the graph of items', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('finds the nearest of more items than are compared at once', () => {
    const [count, missing] = [3000, 2900];
    const around = Float64Array.from({ length: count }, (_, item) => (2 * Math.PI * item) / count);
    const text = {
      modality: 'text' as const,
      encoder: 'angles',
      count,
      width: 2,
      data: Float32Array.from([...around].flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
      present: Uint8Array.from(around, (_, item) => Number(item !== missing)),
    };
    const { starts, columns } = nearestByFeatures({ text }, 3, { self: true, above: -Infinity });
    const near = (item: number): number[] => [...columns.subarray(starts[item], starts[item + 1])];
    expect(near(missing)).toEqual([]);
    const places = [...around.keys()].filter((item) => Math.abs(item - missing) > 1);
    const wanted = (item: number): number[] => [-1, 0, 1].map((step) => (item + step + count) % count);
    for (const item of places) {
      expect(near(item)[0]).toBe(item);
      expect(new Set(near(item))).toEqual(new Set(wanted(item)));
    }
  });
  const matrix = (modality: 'image' | 'text', rows: number[][], present: number[]) => ({
    ...{ modality, encoder: 'x', count: rows.length, width: 2 },
    data: Float32Array.from(rows.flat()),
    present: Uint8Array.from(present),
  });

  it('weighs the nearest by numbers of neighbours, and leaves out items without features', () => {
    // Item 2 has no picture; 3 points away from the others, and is a neighbour all the same.
    const image = matrix(
      'image',
      [
        [1, 0],
        [1, 0.1],
        [0, 0],
        [-1, 0.5],
      ],
      [1, 1, 0, 1],
    );
    const { starts, columns, values } = itemGraph({ image }, { neighbours: 3, imageShare: 0.1 });
    expect([...starts]).toEqual([0, 3, 6, 6, 9]);
    expect([...columns]).toEqual([0, 1, 3, 0, 1, 3, 0, 1, 3]);
    for (const value of values) expect(value).toBeCloseTo(1 / 3, 6);
  });

  it('takes modalities by their shares', () => {
    const image = matrix(
      'image',
      [
        [1, 0],
        [0, 1],
      ],
      [1, 1],
    );
    const text = matrix(
      'text',
      [
        [1, 0],
        [1, 0.2],
      ],
      [1, 1],
    );
    const { columns, values } = itemGraph({ image, text }, { neighbours: 1, imageShare: 0.1 });
    expect([...columns]).toEqual([0, 1]);
    for (const value of values) expect(value).toBeCloseTo(1, 6);
    const two = itemGraph({ image, text }, { neighbours: 2, imageShare: 0.1 });
    expect([...two.values].map((value) => value.toFixed(3))).toEqual(['0.500', '0.500', '0.500', '0.500']);
  });
});

describe('a training step of FREEDOM', () => {
  it('reads the edges of its epoch, and an epoch has its own', async () => {
    await selectBackend('cpu');
    const recommender = createUserItemRecommender(freedom, {
      options: freedom.options.parse({ factors: 4, neighbours: 3, edgeDropout: 0.5 }) as object,
      data: { interactions: interactionsOf(world.training, N), features: { text: worldFeatures('text') } },
      seed: 1,
    });
    const training = createUserItemTraining({ recommender, domain: world, batchSize: 64 });
    const random = RandomStream.fromSeed(1);
    const [first, second] = [...training.batches(0, random.split('batches', 0))];
    const [next] = [...training.batches(1, random.split('batches', 1))];
    expect(second!.epoch).toBe(first!.epoch);
    expect(next!.epoch).not.toEqual(first!.epoch);
    const { p, inputs } = recommender.trained!;
    const { users, positives, negatives, epoch } = first!;
    const triples = { users, positives, negatives };
    const loss = (own: { epoch?: tf.Tensor1D }): number => {
      const tensors = Object.fromEntries(
        Object.entries(triples).map(([name, ids]) => [name, tf.tensor1d(ids, 'int32')]),
      ) as Record<'users' | 'positives' | 'negatives', tf.Tensor1D>;
      const step = { p, inputs, options: recommender.options, users: U, ...own };
      return recommender.trained!.model.loss(step, tensors).loss.dataSync()[0]!;
    };
    const [whole, kept] = [loss({}), loss({ epoch: tf.tensor1d(epoch!) })];
    expect(whole).not.toBeCloseTo(kept, 5);
    const found = await training.trainStep(first, { step: 0, epoch: 0, random });
    expect(found.loss).toBeCloseTo(kept, 6);
    training.dispose();
    recommender.dispose();
  });
});

describe('a training of LATTICE', () => {
  it('goes on from the middle of an epoch with the graph that was found at its start', async () => {
    await selectBackend('cpu');
    const make = (seed: number) => {
      const recommender = createUserItemRecommender(lattice, {
        options: lattice.options.parse({ factors: 4, featureFactors: 4, neighbours: 3 }) as object,
        data: { interactions: interactionsOf(world.training, N), features: { text: worldFeatures('text') } },
        seed,
      });
      return createUserItemTraining({ recommender, domain: world, batchSize: 64, learningRate: 0.5 });
    };
    const random = RandomStream.fromSeed(1);
    const [training, resumed] = [make(1), make(2)];
    const batches = [...training.batches(0, random.split('batches', 0))];
    const losses = async (of: typeof training, from: number, to: number): Promise<number[]> => {
      const found: number[] = [];
      for (let step = from; step < to; step++)
        found.push((await of.trainStep(batches[step], { step, epoch: 0, random })).loss);
      return found;
    };
    await training.beforeEpoch!(0, random);
    await losses(training, 0, 2);
    for (const parts of ['parameters', 'optimizerState'] as const) {
      const from = training[parts]();
      for (const [name, variable] of resumed[parts]()) variable.assign(from.get(name)!.clone());
    }
    await resumed.restoreBuffers!(training.buffers!());
    expect([...resumed.buffers!().keys()]).toEqual(['found.ids', 'found.kept', 'found.values']);
    const goneOn = await losses(resumed, 2, 4);
    expect(goneOn).toEqual(await losses(training, 2, 4));
    // The graph of the moved weights is another: what was found had to be saved.
    const values = training.recommender.found()!['values']!.dataSync().slice();
    training.recommender.find();
    expect(training.recommender.found()!['values']!.dataSync()).not.toEqual(values);
  });
});

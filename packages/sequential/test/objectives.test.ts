import { blocksPay, RandomStream, selectBackend, tf } from '@ferry/engine';
import type { Rows } from '@ferry/data';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createCatalogue,
  createRecommender,
  createTraining,
  latestItems,
  wholeSequences,
  type Recommender,
  type RecommenderTraining,
} from '../src/index.ts';
import { meanModel, type MeanModel } from './meanModel.ts';

/**
 * Objectives against slow literal versions: everything is computed on the host from the weights, example by example,
 * item by item.
 */
const N = 15;

/** So many items that scores of the positions below are made in blocks. */
const large = 100_000;

/** Prefixes of sequences with repeated items. */
function prefixes(users: number, seed: number): Rows {
  const random = RandomStream.fromSeed(seed);
  const rows = {
    users: [] as number[],
    targets: [] as number[],
    starts: [] as number[],
    ends: [] as number[],
  };
  const items: number[] = [];
  for (let user = 0; user < users; user++) {
    const start = items.length;
    const length = 2 + random.integer(9);
    for (let l = 0; l < length; l++) items.push(1 + random.integer(N));
    for (let end = start + 1; end < items.length; end++) {
      rows.users.push(user);
      rows.starts.push(start);
      rows.ends.push(end);
      rows.targets.push(items[end]!);
    }
  }
  const ints = (values: number[]) => Int32Array.from(values);
  return {
    users: ints(rows.users),
    targets: ints(rows.targets),
    starts: ints(rows.starts),
    ends: ints(rows.ends),
    items: ints(items),
  };
}

const train = prefixes(12, 3);

/** Scores of all items after a history, on the host. */
function scorer(recommender: Recommender<MeanModel>, items = N) {
  const { width } = recommender.options;
  const table = recommender.parameters.items.ids!.weight.dataSync();
  return (history: number[]): number[] => {
    const query = Array.from(
      { length: width },
      (_, d) => history.reduce((sum, item) => sum + table[item * width + d]!, 0) / history.length,
    );
    return Array.from({ length: items + 1 }, (_, item) =>
      query.reduce((sum, x, d) => sum + x * table[item * width + d]!, 0),
    );
  };
}

/** Histories of a split as lists, cut to what the model reads. */
function lists(rows: Rows, positions: number): { history: number[]; target: number }[] {
  const { starts, ends, items, targets } = latestItems(rows, positions);
  return Array.from(targets, (target, r) => ({ history: [...items.subarray(starts[r], ends[r])], target }));
}

/** Each history up to each of its positions, and what follows. */
function positionsOf(
  rows: Rows,
  positions: number,
): { history: number[]; target: number; example: number }[] {
  return lists(rows, positions).flatMap(({ history, target }, example) =>
    history.map((_, l) => ({ history: history.slice(0, l + 1), target: history[l + 1] ?? target, example })),
  );
}

const logSum = (logits: number[]): number => {
  const most = Math.max(...logits);
  return most + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
};
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

async function firstLoss(training: RecommenderTraining<MeanModel>): Promise<number> {
  const root = RandomStream.fromSeed(5);
  for (const batch of training.batches(0, root.split('batches')))
    return (await training.trainStep(batch, { step: 0, epoch: 0, random: root.split('steps') })).loss;
  throw new Error('no batch');
}

function make(
  objective: string,
  settings: object,
  { positions = 6, items = N, test }: { positions?: number; items?: number; test?: Rows } = {},
) {
  const options = meanModel.options.parse({ positions }) as MeanModel['options'];
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items }]);
  const recommender = createRecommender(meanModel, { options, catalogue, seed: 4 });
  const definition = meanModel.objectives[objective]!;
  const training = createTraining({
    recommender,
    objective: definition.create(definition.options.parse(settings) as object, options),
    train,
    test,
    batchSize: 1000,
    learningRate: 1e-3,
  });
  return { recommender, training, score: scorer(recommender, items), positions };
}

describe.each(['cpu', 'ort'] as const)('objectives on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  it.each(['all', 'last'])('softmax over the catalogue, targets %s', async (targets) => {
    const { training, score, positions } = make('softmax', { targets, temperature: 0.5 });
    const rows = targets === 'all' ? positionsOf(wholeSequences(train), positions) : lists(train, positions);
    const want = mean(
      rows.map(({ history, target }) => {
        const logits = score(history).map((x) => x / 0.5);
        return logSum(logits.slice(1)) - logits[target]!;
      }),
    );
    expect(await firstLoss(training)).toBeCloseTo(want, 4);
  });

  it.runIf(backend === 'ort')(
    'softmax over a catalogue so large that scores are made in blocks',
    async () => {
      const { training, score, positions } = make('softmax', {}, { items: large });
      const rows = positionsOf(wholeSequences(train), positions);
      expect(blocksPay('softmax', rows.length, large)).toBe(true);
      const want = mean(
        rows.map(({ history, target }) => {
          const logits = score(history);
          return Math.log(logits.slice(1).reduce((sum, x) => sum + Math.exp(x), 0)) - logits[target]!;
        }),
      );
      expect(await firstLoss(training)).toBeCloseTo(want, 4);
    },
  );

  /** log((n + 1) / Σ (n + 1)) of every item, by counting the whole sequences. */
  const logShares = (items: number): number[] => {
    const whole = wholeSequences(train);
    const taken = Array.from(whole.users, (_, r) => [
      ...whole.items.subarray(whole.starts[r], whole.ends[r]),
      whole.targets[r]!,
    ]).flat();
    const of = (item: number) => taken.filter((other) => other === item).length + 1;
    return Array.from({ length: items + 1 }, (_, item) => Math.log(of(item) / (taken.length + items)));
  };

  it.runIf(backend === 'ort').each([
    [N, 0.7],
    [large, 1],
  ])('softmax over %i items, adjusted by their frequency, times %f', async (items, weight) => {
    const settings = { logitAdjustment: weight, temperature: 0.5 };
    const { training, score, positions } = make('softmax', settings, { items });
    const shares = logShares(items);
    const want = mean(
      positionsOf(wholeSequences(train), positions).map(({ history, target }) => {
        const logits = score(history).map((x, item) => x / 0.5 + weight * shares[item]!);
        return logSum(logits.slice(1)) - logits[target]!;
      }),
    );
    expect(await firstLoss(training)).toBeCloseTo(want, 4);
    const plain = make('softmax', { temperature: 0.5 }, { items });
    expect(Math.abs((await firstLoss(plain.training)) - want)).toBeGreaterThan(0.01);
  });

  it.each([
    ['all', true],
    ['all', false],
    ['last', true],
  ] as const)(
    'in-batch softmax, targets %s, debiased %s: repeats, own items and shares as written down',
    async (targets, debiased) => {
      const { training, score, positions } = make('in-batch', { targets, debiased });
      const whole = lists(wholeSequences(train), 1000).map(({ history, target }) => [...history, target]);
      const users = wholeSequences(train).users;
      const itemsOf = new Map(whole.map((sequence, u) => [users[u]!, new Set(sequence)]));
      const counts = new Array<number>(N + 1).fill(0);
      for (const item of whole.flat()) counts[item]!++;
      const total = counts.reduce((a, b) => a + b, 0);
      // Each example: its user, what it brings into the batch, and what is read at which of its columns.
      const examples =
        targets === 'all'
          ? lists(wholeSequences(train), positions).map(({ history, target }, u) => ({
              user: users[u]!,
              columns: [...history, target],
              read: history.map((_, l) => ({ history: history.slice(0, l + 1), at: l + 1 })),
            }))
          : lists(train, positions).map(({ history, target }, r) => ({
              user: train.users[r]!,
              columns: [target],
              read: [{ history, at: 0 }],
            }));
      const columns = examples.flatMap(({ columns }, example) =>
        columns.map((item, at) => ({ item, example, at })),
      );
      const losses = examples.flatMap(({ user, read }, example) =>
        read.map(({ history, at }) => {
          const all = score(history);
          let positive = NaN;
          const logits = columns.flatMap((column) => {
            const z = all[column.item]! - (debiased ? Math.log(counts[column.item]! / total) : 0);
            const isTarget = column.example === example && column.at === at;
            if (isTarget) positive = z;
            return isTarget || !itemsOf.get(user)!.has(column.item) ? [z] : [];
          });
          return logSum(logits) - positive;
        }),
      );
      // Some history is longer than what is read: its first items are its user's own as well.
      expect(Math.max(...whole.map(({ length }) => length))).toBeGreaterThan(positions + 1);
      expect(await firstLoss(training)).toBeCloseTo(mean(losses), 4);
    },
  );

  it.each([true, false])('BPR-max by its negatives alone, those of the batch %s', async (batch) => {
    // Every item is drawn many times, by its count to the power, so that the draw is near its expectation.
    const K = 3000;
    const { training, recommender, positions } = make('bpr-max', {
      negatives: K,
      power: 0.5,
      regulariser: 0.2,
      batch,
    });
    // Scores far apart, so that it matters which items are drawn.
    const { weight } = recommender.parameters.items.ids!;
    weight.assign(tf.mul(weight, 10));
    const score = scorer(recommender);
    const whole = lists(wholeSequences(train), 1000).flatMap(({ history, target }) => [...history, target]);
    const counts = Array.from({ length: N + 1 }, (_, item) => whole.filter((other) => other === item).length);
    const mass = counts.map((count, item) => (item === 0 ? 0 : count ** 0.5));
    const total = mass.reduce((a, b) => a + b, 0);
    const rows = positionsOf(wholeSequences(train), positions);
    const times = mass.map(
      (share, item) =>
        (K * share) / total + (batch ? rows.filter(({ target }) => target === item).length : 0),
    );
    const want = mean(
      rows.map(({ history, target }) => {
        const all = score(history);
        const kept = all.flatMap((r, item) => (item > 0 && item !== target ? [{ r, n: times[item]! }] : []));
        const sum = kept.reduce((s, { r, n }) => s + n * Math.exp(r), 0);
        const expected = (f: (r: number) => number) =>
          kept.reduce((s, { r, n }) => s + ((n * Math.exp(r)) / sum) * f(r), 0);
        const won = expected((r) => 1 / (1 + Math.exp(r - all[target]!)));
        return 0.2 * expected((r) => r * r) - Math.log(won);
      }),
    );
    expect(Math.abs((await firstLoss(training)) - want)).toBeLessThan(0.02);
  });

  it('binary cross-entropy with negatives the user lacks', async () => {
    const { training, score, positions } = make('binary', { negatives: 2 });
    const whole = wholeSequences(train);
    const losses = positionsOf(whole, positions).map(({ history, target, example }) => {
      const all = score(history);
      const [start, end] = [whole.starts[example]!, whole.ends[example]!];
      const own = new Set([...whole.items.subarray(start, end), whole.targets[example]!]);
      const free = all.flatMap((x, item) => (item > 0 && !own.has(item) ? [softplus(x)] : []));
      return softplus(-all[target]!) + 2 * mean(free);
    });
    // Scores are small at first, so that the mean over the possible negatives is near the draw.
    expect(Math.abs((await firstLoss(training)) - mean(losses))).toBeLessThan(0.01);
  });

  it('negatives keep clear of what is held out only where they are told to', async () => {
    // Everybody's test item is 16, and 17 to 20 are nobody's.
    const { users } = wholeSequences(train);
    const test = { ...wholeSequences(train), targets: Int32Array.from(users, () => N + 1) };
    for (const [avoid, drawn] of [
      ['seen', true],
      ['sequence', false],
    ] as const) {
      const { training, recommender } = make('binary', { negatives: 50, avoid }, { items: N + 5, test });
      const { width } = recommender.options;
      const rowOf = (item: number): number[] =>
        Array.from(recommender.parameters.items.ids!.weight.dataSync()).slice(
          item * width,
          (item + 1) * width,
        );
      const before = [rowOf(N + 1), rowOf(N + 2)];
      await firstLoss(training);
      expect(rowOf(N + 2)).not.toEqual(before[1]);
      if (drawn) expect(rowOf(N + 1)).not.toEqual(before[0]);
      else expect(rowOf(N + 1)).toEqual(before[0]);
    }
  });

  it('sampled softmax draws every item of the catalogue, and the padding row never', async () => {
    // Items 16 to 18 are in no sequence, so only as negatives do they learn anything.
    const { training, recommender } = make('sampled-softmax', { negatives: 400 }, { items: N + 3 });
    const { width } = recommender.options;
    const table = () => recommender.parameters.items.ids!.weight.dataSync().slice();
    const before = table();
    await firstLoss(training);
    const after = table();
    const moved = Array.from({ length: N + 4 }, (_, item) => item).filter((item) =>
      after.subarray(item * width, (item + 1) * width).some((value, d) => value !== before[item * width + d]),
    );
    expect(moved).toEqual(Array.from({ length: N + 3 }, (_, i) => i + 1));
  });

  it('sampled softmax with every item drawn many times is near the full softmax', async () => {
    const { training, score, positions } = make('sampled-softmax', { negatives: 400 });
    const rows = positionsOf(wholeSequences(train), positions);
    // K uniform negatives stand for N items, those that hit the target taken out.
    const want = mean(
      rows.map(({ history, target }) => {
        const all = score(history);
        const rest = all.flatMap((x, item) => (item > 0 && item !== target ? [x + Math.log(400 / N)] : []));
        return logSum([all[target]!, ...rest]) - all[target]!;
      }),
    );
    expect(Math.abs((await firstLoss(training)) - want)).toBeLessThan(0.01);
  });

  it.each(Object.keys(meanModel.objectives))('%s learns and leaks no tensor', async (objective) => {
    const few = ['sampled-softmax', 'bpr-max'].includes(objective) ? { negatives: 8 } : {};
    const { training, recommender } = make(objective, few);
    const first = await firstLoss(training);
    const tensors = tf.memory().numTensors;
    let last = first;
    const root = RandomStream.fromSeed(8);
    for (let step = 1; step < 12; step++)
      for (const batch of training.batches(step, root.split('batches')))
        last = (await training.trainStep(batch, { step, epoch: step, random: root })).loss;
    expect(tf.memory().numTensors).toBe(tensors);
    expect(last).toBeLessThan(first);
    training.dispose();
    recommender.dispose();
  });
});

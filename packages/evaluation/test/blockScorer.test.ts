import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBlockScorer, exclusionLists, targetPlaces, topK, type QueryBatch } from '../src/index.ts';

const [B, N, D] = [24, 1500, 64];
type Q = { vectors: tf.Tensor2D };
type C = { rows: tf.Tensor2D; scale: { of: tf.Tensor2D } };

/** Item rows of which every seventh has a twin far away: ties across blocks. */
function itemRows(): Float32Array {
  const random = RandomStream.fromSeed(3);
  const rows = Float32Array.from({ length: (N + 1) * D }, () => random.normal());
  for (let item = 1; item + 700 <= N; item += 7)
    rows.set(rows.subarray(item * D, (item + 1) * D), (item + 700) * D);
  return rows;
}

describe.each(['cpu', 'ort'] as const)('createBlockScorer on %s', (backend) => {
  const rows = itemRows();
  const random = RandomStream.fromSeed(5);
  const vectors = [0, 1].map(() => Float32Array.from({ length: B * D }, () => random.normal()));
  const targets = vectors.map(() =>
    Int32Array.from({ length: B }, (_, b) => 1 + 7 * random.integer(100) + (b % 2) * 700),
  );
  // Histories longer than a block is wide, and empty ones.
  const lists = vectors.map(() =>
    Array.from({ length: B }, (_, b) =>
      Int32Array.from({ length: b % 3 === 0 ? 0 : 40 * b }, () => 1 + random.integer(N)),
    ),
  );
  const all = Int32Array.from({ length: N }, (_, i) => i + 1);
  const scoresOf = ({ vectors: u }: Q, { rows: v, scale }: C): tf.Tensor2D =>
    tf.mul(tf.matMul(u, v, false, true), tf.transpose(scale.of));
  const candidates = (items: Int32Array): C => {
    const picked = new Float32Array(items.length * D);
    items.forEach((item, i) => {
      picked.set(rows.subarray(item * D, (item + 1) * D), i * D);
    });
    return {
      rows: tf.tensor2d(picked, [items.length, D]),
      scale: {
        of: tf.tensor2d(
          Float32Array.from(items, (item) => 1 + (item % 7)),
          [items.length, 1],
        ),
      },
    };
  };
  const batchesOf = (mask: boolean): QueryBatch<Q>[] =>
    vectors.map((values, i) => ({
      queries: { vectors: tf.tensor2d(values, [B, D]) },
      targets: targets[i]!,
      masked: mask ? exclusionLists(lists[i]!, targets[i]!, N) : undefined,
    }));
  /** [B, N + 1] of all items at once. */
  const whole = ({ vectors: u }: Q): tf.Tensor2D => {
    const every = candidates(Int32Array.from({ length: N + 1 }, (_, i) => i));
    const run = compile((a: Q, b: C) => scoresOf(a, b));
    const scores = run({ vectors: u }, every);
    run.dispose();
    return scores;
  };

  beforeAll(() => selectBackend(backend));
  afterAll(() => {
    tf.disposeVariables();
  });

  it.each([256, 512, 4096])('places targets as the whole matrix does, blocks of %i', async (width) => {
    for (const mask of [false, true]) {
      const scorer = createBlockScorer(scoresOf, { width });
      const batches = batchesOf(mask);
      const before = tf.memory().numTensors;
      const found = await scorer.places(batches, { items: all, candidates });
      expect(tf.memory().numTensors).toBe(before);
      for (const [i, { queries, targets: own, masked }] of batches.entries()) {
        const labels = tf.tensor1d(own, 'int32');
        const hidden = masked && tf.tensor2d(masked, [B, masked.length / B], 'int32');
        const want = targetPlaces(whole(queries), labels, hidden).dataSync();
        expect([...found[i]!]).toEqual([...want]);
        // the test has ties: every target has a twin
        expect([...want.subarray(B)].some((tied) => tied === 1)).toBe(true);
      }
      scorer.dispose();
    }
  });

  it('takes the best as the whole matrix does', async () => {
    for (const mask of [false, true]) {
      const scorer = createBlockScorer(scoresOf, { width: 256 });
      const batches = batchesOf(mask);
      for (const k of [1, 10, 300]) {
        const found = await scorer.topItems(batches, { items: all, candidates }, k);
        for (const [i, { queries, masked }] of batches.entries()) {
          const scores = whole(queries).dataSync() as Float32Array;
          const X = (masked?.length ?? 0) / B;
          found[i]!.forEach((own, b) => {
            const exclude = masked ? [...masked.subarray(b * X, (b + 1) * X)] : [];
            const want = topK(scores.subarray(b * (N + 1), (b + 1) * (N + 1)), { k, exclude });
            expect(own.items).toEqual(want.items);
            expect(own.scores).toEqual(want.scores);
          });
        }
      }
      scorer.dispose();
    }
  });

  it('ranks among some items only; a target need not be one of them', async () => {
    const some = all.filter((item) => item % 5 === 0);
    const scorer = createBlockScorer(scoresOf, { width: 64 });
    const [batch] = batchesOf(true) as [QueryBatch<Q>];
    const [found] = await scorer.places([batch], { items: some, candidates });
    const scores = whole(batch.queries).dataSync();
    const X = batch.masked!.length / B;
    for (let b = 0; b < B; b++) {
      const hidden = new Set(batch.masked!.subarray(b * X, (b + 1) * X));
      const own = scores[b * (N + 1) + batch.targets[b]!]!;
      const others = [...some].filter((item) => item !== batch.targets[b] && !hidden.has(item));
      const better = others.filter((item) => scores[b * (N + 1) + item]! > own).length;
      const tied = others.filter((item) => scores[b * (N + 1) + item]! === own).length;
      expect([found![b], found![B + b]]).toEqual([better, tied]);
    }
    scorer.dispose();
  });

  it('gives NaN where a score is none, and refuses candidates out of order', async () => {
    const scorer = createBlockScorer(scoresOf, { width: 256 });
    const [batch] = batchesOf(false) as [QueryBatch<Q>];
    const spoilt = (items: Int32Array): C => {
      const made = candidates(items);
      const at = items.indexOf(777);
      if (at < 0) return made;
      const values = made.rows.dataSync().slice();
      values[at * D] = NaN;
      return { ...made, rows: tf.tensor2d(values, [items.length, D]) };
    };
    const [found] = await scorer.places([batch], { items: all, candidates: spoilt });
    expect([...found!].every(Number.isNaN)).toBe(true);
    await expect(scorer.places([batch], { items: Int32Array.of(1, 3, 2), candidates })).rejects.toThrow(
      /candidates must be ascending item numbers from 1, got 2 at place 2/,
    );
    await expect(scorer.topItems([batch], { items: all, candidates }, 0)).rejects.toThrow(
      /k must be a positive integer, got 0/,
    );
    scorer.dispose();
  });
});

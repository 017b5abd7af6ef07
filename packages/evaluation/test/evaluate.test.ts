import type { Batch } from '@ferry/data';
import { selectBackend, tf } from '@ferry/engine';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluateRanking, rankingMetrics, ranksOf, targetPlaces } from '../src/index.ts';
import { rowsOf } from './helpers.ts';

const N = 6;
const rows = rowsOf([
  [[1, 2, 3], 4],
  [[5], 1],
  [[2, 2, 6, 1, 3], 5],
  [[6, 5], 6],
  [[4], 2],
]);

/** Item i scores (i * 5 + last item) mod 7: different for every item, different by history. */
function scores(batch: Batch): Float32Array {
  return Float32Array.from({ length: batch.size * (N + 1) }, (_, at) => {
    const b = Math.floor(at / (N + 1));
    const last = batch.history[b * batch.length + batch.lengths[b]! - 1]!;
    return ((at % (N + 1)) * 5 + last) % 7;
  });
}
/** Ranks by sorting, row by row. */
function expected(history: 'keep' | 'mask', order = [0, 1, 2, 3, 4]): number[] {
  return order.map((r) => {
    const past = [...rows.items.subarray(rows.starts[r], rows.ends[r])];
    const target = rows.targets[r]!;
    const score = (item: number): number => (item * 5 + past[past.length - 1]!) % 7;
    const candidates = [1, 2, 3, 4, 5, 6].filter(
      (item) => history === 'keep' || item === target || !past.includes(item),
    );
    return 1 + candidates.filter((item) => score(item) > score(target)).length;
  });
}

describe.each(['cpu', 'ort'] as const)('evaluateRanking on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  const tensorScores = (batch: Batch): tf.Tensor2D => tf.tensor2d(scores(batch), [batch.size, N + 1]);

  it.each(['keep', 'mask'] as const)(
    'ranks every row in its place whatever the batches, history: %s',
    async (history) => {
      for (const batchSize of [1, 2, 3, 5, 8]) {
        const options = { rows, count: N, batchSize, history, k: [1, 3] };
        const arrays = await evaluateRanking({ ...options, scores });
        expect([...arrays.ranks]).toEqual(expected(history));
        expect(arrays.metrics).toEqual(rankingMetrics(expected(history), [1, 3]));
        expect(await evaluateRanking({ ...options, scores: tensorScores })).toEqual(arrays);
      }
    },
  );

  it('takes counts that a model makes itself', async () => {
    const result = await evaluateRanking({
      rows,
      count: N,
      batchSize: 2,
      history: 'mask',
      places: (batch, masked) =>
        tf.tidy(() =>
          targetPlaces(
            tensorScores(batch),
            tf.tensor1d(batch.targets, 'int32'),
            tf.tensor2d(masked!, [batch.size, masked!.length / batch.size], 'int32'),
          ).dataSync(),
        ),
    });
    expect([...result.ranks]).toEqual(expected('mask'));
  });

  it('masks whole histories where the rows have them cut', async () => {
    const cut = { ...rows, starts: rows.ends.map((end) => end - 1) };
    for (const how of [scores, tensorScores]) {
      const options = { rows: cut, count: N, batchSize: 2, history: 'mask' as const, scores: how };
      const { ranks } = await evaluateRanking({ ...options, whole: rows });
      expect([...ranks]).toEqual(expected('mask'));
      expect([...(await evaluateRanking(options)).ranks]).not.toEqual(expected('mask'));
    }
  });

  it('keeps what each tie rule needs', async () => {
    const flat = (batch: Batch): Float32Array => new Float32Array(batch.size * (N + 1));
    const options = { rows, count: N, scores: flat, k: [3] };
    const middle = await evaluateRanking(options);
    expect([...middle.better, ...middle.tied]).toEqual([0, 0, 0, 0, 0, 5, 5, 5, 5, 5]);
    expect(middle.ranks[0]).toBe(3.5);
    expect(middle.metrics['recall@3']).toBe(0.5);
    const [first, last] = await Promise.all(
      (['optimistic', 'pessimistic'] as const).map((ties) => evaluateRanking({ ...options, ties })),
    );
    expect([first!.metrics['recall@3'], last!.metrics['recall@3']]).toEqual([1, 0]);
    expect(last!.ranks).toEqual(ranksOf(middle, 'pessimistic'));
  });

  it('ranks a selection in its own order', async () => {
    const order = Int32Array.of(4, 0, 2);
    const { ranks } = await evaluateRanking({ rows, count: N, order, batchSize: 2, scores });
    expect([...ranks]).toEqual(expected('keep', [4, 0, 2]));
  });

  it('does not count filling rows, whatever is scored for them', async () => {
    let filled = 0;
    const { ranks } = await evaluateRanking({
      rows,
      count: N,
      batchSize: 4,
      scores: (batch) => {
        filled += batch.size - batch.valid;
        const all = scores(batch);
        // All zeros for filling rows: rank 3.5, were it counted.
        return all.fill(0, batch.valid * (N + 1));
      },
    });
    expect(filled).toBe(3);
    expect([...ranks]).toEqual(expected('keep'));
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await evaluateRanking({ rows, count: N, batchSize: 2, history: 'mask', scores: tensorScores });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps masked ranks at or before unmasked ones', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 0, max: 3 })), async (stream) => {
        const values = Array.from({ length: 5 * (N + 1) }, () => stream.next().value as number);
        const random = (batch: Batch): Float32Array =>
          Float32Array.from({ length: batch.size * (N + 1) }, (_, at) => {
            const row = batch.rows[Math.floor(at / (N + 1))]!;
            return values[row * (N + 1) + (at % (N + 1))]!;
          });
        const kept = await evaluateRanking({ rows, count: N, scores: random });
        const masked = await evaluateRanking({ rows, count: N, scores: random, history: 'mask' });
        masked.ranks.forEach((rank, r) => {
          expect(rank).toBeGreaterThanOrEqual(1);
          expect(rank).toBeLessThanOrEqual(kept.ranks[r]!);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('refuses scores of a wrong shape and scores that are not numbers', async () => {
    const run = (make: (batch: Batch) => Float32Array | tf.Tensor2D): Promise<unknown> =>
      evaluateRanking({ rows, count: N, batchSize: 5, scores: make });
    await expect(run(() => new Float32Array(3))).rejects.toThrow(/B\*\(N\+1\)=35 values, got 3/);
    await expect(run(() => tf.zeros([5, N]))).rejects.toThrow(/\[5,7\], got \[5,6\]/);
    await expect(run((batch) => scores(batch).fill(NaN, 8, 9))).rejects.toThrow(/NaN in row 1/);
    await expect(
      run((batch) => tf.tensor2d(scores(batch).fill(NaN, 8, 9), [batch.size, N + 1])),
    ).rejects.toThrow(/its scores hold NaN/);
    await expect(evaluateRanking({ rows, count: N, places: () => [1] })).rejects.toThrow(
      /2\*B=512 counts, got 1/,
    );
    await expect(
      evaluateRanking({ rows, count: N, batchSize: 5, places: () => [0, 1, 2, 3, 6, 0, 0, 0, 0, 0] }),
    ).rejects.toThrow(/1..6, got 7/);
  });
});

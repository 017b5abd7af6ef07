import { RandomStream, selectBackend } from '@ferry/engine';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { kMeans } from '../src/index.ts';
import { expectClose, hashPoints, row, squared } from './helpers.ts';

beforeAll(async () => {
  await selectBackend('cpu');
});

/** Sum of squared distances to the assigned centres. */
function inertia(
  points: Float32Array,
  found: { width: number; centres: Float32Array; assignment: Int32Array },
): number {
  return found.assignment.reduce(
    (sum, c, t) => sum + squared(row(points, t, found.width), row(found.centres, c, found.width)),
    0,
  );
}

/** Six blobs of 50 points around distant corners. */
function blobs(): Float32Array {
  const points = hashPoints(300, 4);
  for (let t = 0; t < 300; t++) {
    const corner = Math.floor(t / 50);
    for (let d = 0; d < 4; d++) points[t * 4 + d]! += corner === 5 ? 12 : d === corner ? 9 : 0;
  }
  return points;
}

describe.each(['full', 'miniBatch'] as const)('kMeans %s', (algorithm) => {
  const random = (): RandomStream => RandomStream.fromSeed(5);

  it('recovers six blobs and their means', async () => {
    const points = blobs();
    // Random starting points may miss a blob, k-means++ hardly: the mini-batch path gets more centres than blobs.
    const clusters = algorithm === 'full' ? 6 : 24;
    const found = await kMeans(points, { width: 4, clusters, random: random(), algorithm, batchSize: 64 });
    for (let c = 0; c < found.count; c++) {
      const members = [...found.assignment.keys()].filter((t) => found.assignment[t] === c);
      expect(members.length).toBeGreaterThan(0);
      expect(new Set(members.map((t) => Math.floor(t / 50))).size).toBe(1);
      if (algorithm === 'full')
        for (let d = 0; d < 4; d++) {
          const mean = members.reduce((sum, t) => sum + points[t * 4 + d]!, 0) / members.length;
          expect(found.centres[c * 4 + d]).toBeCloseTo(mean, 4);
        }
    }
  });

  it('repeats itself with the same stream and not with another', async () => {
    const points = hashPoints(200, 5);
    const options = { width: 5, clusters: 20, algorithm, batchSize: 50 };
    const once = await kMeans(points, { ...options, random: random() });
    expect(await kMeans(points, { ...options, random: random() })).toEqual(once);
    const other = await kMeans(points, { ...options, random: RandomStream.fromSeed(6) });
    expect(other.centres).not.toEqual(once.centres);
  });

  it('assigns each point to its nearest centre and leaves no centre empty', async () => {
    await fc.assert(
      fc.asyncProperty(
        // Small whole numbers: many copies, many ties.
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 1000 }),
        async (values, clusters, seed) => {
          const points = Float32Array.from(values.slice(0, values.length - (values.length % 2)));
          const distinct = new Set(
            Array.from({ length: points.length / 2 }, (_, t) => `${points[2 * t]!},${points[2 * t + 1]!}`),
          ).size;
          const found = await kMeans(points, {
            width: 2,
            clusters,
            random: RandomStream.fromSeed(seed),
            algorithm,
            batchSize: 7,
          });
          expect(found.count).toBe(Math.min(clusters, distinct));
          expect(new Set(found.assignment).size).toBe(found.count);
          found.assignment.forEach((own, t) => {
            const distances = Array.from({ length: found.count }, (_, c) =>
              squared(row(points, t, 2), row(found.centres, c, 2)),
            );
            expect(distances[own]).toBeLessThanOrEqual(Math.min(...distances) + 1e-6);
          });
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });

  it('leaves points out', async () => {
    const points = Float32Array.of(0, 0, 50, 50, 1, 1, 2, 2);
    const found = await kMeans(points, {
      width: 2,
      clusters: 1,
      include: Uint8Array.of(1, 0, 1, 1),
      random: random(),
      algorithm,
    });
    expect([...found.assignment]).toEqual([0, -1, 0, 0]);
    expectClose(found.centres, [1, 1], 1e-5);
  });
});

describe('kMeans', () => {
  it('gets close to full k-means with mini-batches', async () => {
    const points = hashPoints(600, 3);
    const options = { width: 3, clusters: 12 };
    const full = await kMeans(points, { ...options, random: RandomStream.fromSeed(1), algorithm: 'full' });
    const mini = await kMeans(points, {
      ...options,
      random: RandomStream.fromSeed(1),
      algorithm: 'miniBatch',
      batchSize: 100,
    });
    expect(inertia(points, mini)).toBeLessThan(1.15 * inertia(points, full));
    // One centre more than the mean alone would explain: both are far below the variance.
    const one = await kMeans(points, { ...options, clusters: 1, random: RandomStream.fromSeed(1) });
    expect(inertia(points, full)).toBeLessThan(0.5 * inertia(points, one));
  });

  it('weighs every point equally: one centre over several batches is the mean', async () => {
    const points = hashPoints(101, 2);
    const found = await kMeans(points, {
      width: 2,
      clusters: 1,
      random: RandomStream.fromSeed(3),
      algorithm: 'miniBatch',
      batchSize: 10,
      iterations: 1,
    });
    const mean = [0, 1].map(
      (d) => points.filter((_, i) => i % 2 === d).reduce((sum, value) => sum + value, 0) / 101,
    );
    expectClose(found.centres, mean, 1e-6);
  });

  it('refuses impossible options', async () => {
    const random = RandomStream.fromSeed(1);
    await expect(kMeans(new Float32Array(4), { width: 2, clusters: 0, random })).rejects.toThrow(
      /clusters must be a positive integer, got 0/,
    );
    await expect(
      kMeans(new Float32Array(4), { width: 2, clusters: 1, random, algorithm: 'miniBatch', batchSize: 0 }),
    ).rejects.toThrow(/batchSize must be a positive integer, got 0/);
  });
});

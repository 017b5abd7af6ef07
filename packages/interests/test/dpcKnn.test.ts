import { selectBackend, tf } from '@ferry/engine';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { dpcKnn, type DistanceMethod } from '../src/index.ts';
import { expectClose, hashPoints, naiveDpc } from './helpers.ts';
import { reference } from './reference.ts';

const line = Float32Array.of(0, 1, 2, 10, 11, 12);

describe.each<[DistanceMethod, 'cpu' | 'ort']>([
  ['loops', 'cpu'],
  ['tensor', 'cpu'],
  ['tensor', 'ort'],
])('dpcKnn with %s on %s', (method, backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });
  // Properties draw a new shape each time, which a compiling backend would compile each time.
  const anyShape = it.skipIf(backend === 'ort');

  it('finds the two groups of a line, with densities and separations worked out by hand', async () => {
    // Three nearest of 0: 0, 1, 2, so the mean of squares is 5/3; of 1: 0, 1, 1, so 2/3; likewise around 11.
    const found = await dpcKnn(line, { width: 1, clusters: 2, neighbours: 3, method });
    expect(found.count).toBe(2);
    expect([...found.peaks]).toEqual([1, 4]);
    expect([...found.assignment]).toEqual([0, 0, 0, 1, 1, 1]);
    expectClose(found.centres, [1, 11]);
    const edge = Math.exp(-5 / 3);
    const middle = Math.exp(-2 / 3);
    expectClose(found.density, [edge, middle, edge, edge, middle, edge]);
    // The densest point (1, the first of the two middles) gets the largest distance, 12; 11 is 10 away from it.
    expectClose(found.separation, [1, 12, 1, 1, 10, 1]);
  });

  it('takes the smaller number as denser among equals, where the released function sees no denser point', async () => {
    // Two nearest: every point has the mean (0 + 1) / 2.
    const byIndex = await dpcKnn(line, { width: 1, clusters: 2, neighbours: 2, method });
    expectClose(byIndex.separation, [12, 1, 1, 8, 1, 1]);
    expect([...byIndex.peaks]).toEqual([0, 3]);
    expectClose(byIndex.centres, [1, 11]);

    const strict = await dpcKnn(line, { width: 1, clusters: 2, neighbours: 2, ties: 'strict', method });
    expectClose(strict.separation, [12, 12, 12, 12, 12, 12]);
    expect([...strict.peaks]).toEqual([0, 1]);
    expect([...strict.assignment]).toEqual([0, 1, 1, 1, 1, 1]);
    expectClose(strict.centres, [0, 36 / 5.0001], 1e-6);
  });

  it('separates two blobs', async () => {
    const points = hashPoints(60, 8);
    points.forEach((value, i) => (points[i] = value + (i < 25 * 8 ? 4 : -4)));
    const { assignment, peaks } = await dpcKnn(points, { width: 8, clusters: 2, neighbours: 6, method });
    const first = assignment[0]!;
    assignment.forEach((own, t) => {
      expect(own).toBe(t < 25 ? first : 1 - first);
    });
    expect(peaks.filter((peak) => peak < 25)).toHaveLength(1);
  });

  it('gives the densities, separations, peaks and centroids of PyTorch under strict ties', async () => {
    const points = hashPoints(24, 6);
    for (const copy of [20, 21]) points.set(points.subarray(2 * 6, 3 * 6), copy * 6);
    const { dpc } = reference;
    const found = await dpcKnn(points, { width: 6, clusters: 5, neighbours: 4, ties: 'strict', method });
    expectClose(found.density, dpc.density, 1e-6);
    expectClose(found.separation, dpc.separation, 2e-6);
    expect([...found.peaks]).toEqual(dpc.peaks);
    expect([...found.assignment]).toEqual(dpc.assignment);
    expectClose(found.centres, dpc.centres, 1e-6);
  });

  anyShape('equals the definition on random points', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        async (total, width, salt, clusters, neighbours) => {
          const points = hashPoints(total, width, salt);
          const options = { width, clusters, neighbours };
          const found = await dpcKnn(points, { ...options, method });
          const expected = naiveDpc(points, options);
          expectClose(found.density, expected.density, 1e-5);
          expectClose(found.separation, expected.separation, 1e-3);
          expect(found.count).toBe(Math.min(clusters, total));
          expect([...found.peaks]).toEqual(expected.peaks);
          expect([...found.assignment]).toEqual(expected.assignment);
        },
      ),
      // Random points come near ties that single precision decides differently: the tensor path gets fixed cases.
      { numRuns: 40, seed: 7 },
    );
  });

  it('does not let copies become centres, which strict ties do', async () => {
    const points = hashPoints(40, 4);
    // 15 missing pictures, all the same point far from the others.
    for (let t = 25; t < 40; t++) points.fill(2, t * 4, (t + 1) * 4);
    const options = { width: 4, clusters: 10, neighbours: 5, method };
    const byIndex = await dpcKnn(points, options);
    expect(byIndex.peaks.filter((peak) => peak >= 25)).toHaveLength(1);
    expect(new Set(byIndex.assignment.subarray(25)).size).toBe(1);
    const strict = await dpcKnn(points, { ...options, ties: 'strict' });
    expect(strict.peaks.filter((peak) => peak >= 25)).toHaveLength(10);
  });

  it('finds copies at distance 0, whatever rounding their products have', async () => {
    const width = 37;
    const points = hashPoints(60, width).map((value) => 3 * value + 1);
    // Twenty points with a copy each: the rounding of some is above zero, of others below.
    for (let t = 0; t < 20; t++) points.copyWithin((40 + t) * width, t * width, (t + 1) * width);
    const { separation, peaks } = await dpcKnn(points, { width, clusters: 60, neighbours: 4, method });
    expect([...separation.subarray(40)]).toEqual(Array.from({ length: 20 }, () => 0));
    expect(peaks).toHaveLength(40);
  });

  it('clusters copies as one point when asked to, and still counts each in the mean', async () => {
    const points = Float32Array.of(0, 1, 1, 1, 11, 12);
    const merged = await dpcKnn(points, {
      width: 1,
      clusters: 2,
      neighbours: 2,
      duplicates: 'merge',
      method,
    });
    const distinct = await dpcKnn(Float32Array.of(0, 1, 11, 12), {
      width: 1,
      clusters: 2,
      neighbours: 2,
      method,
    });
    expectClose(
      merged.density,
      [0, 1, 1, 1, 2, 3].map((owner) => distinct.density[owner]!),
    );
    expect([...merged.assignment]).toEqual([0, 0, 0, 0, 1, 1]);
    expectClose(merged.centres, [0.75, 11.5]);
  });

  it('leaves points out as if they were not there', async () => {
    const points = hashPoints(30, 5);
    const include = Uint8Array.from({ length: 30 }, (_, t) => (t % 3 === 1 ? 0 : 1));
    const kept = Array.from(include.keys()).filter((t) => include[t] === 1);
    const alone = Float32Array.from(kept.flatMap((t) => [...points.subarray(t * 5, (t + 1) * 5)]));
    const options = { width: 5, clusters: 4, neighbours: 3, method };
    points.fill(NaN, 5, 10); // what is left out need not even be a number
    const masked = await dpcKnn(points, { ...options, include });
    const subset = await dpcKnn(alone, options);
    expect([...masked.peaks]).toEqual([...subset.peaks].map((peak) => kept[peak]));
    expect([...masked.assignment].filter((own) => own >= 0)).toEqual([...subset.assignment]);
    expect([...masked.centres]).toEqual([...subset.centres]);
    expect(masked.assignment.filter((_, t) => include[t] === 0).every((own) => own === -1)).toBe(true);
    expect(Number.isNaN(masked.density[1])).toBe(true);
  });

  it('gives one interest where all points are equal', async () => {
    const found = await dpcKnn(new Float32Array(12).fill(3), {
      width: 2,
      clusters: 4,
      neighbours: 2,
      method,
    });
    expect(found.count).toBe(1);
    expect([...found.centres]).toEqual([3, 3]);
    expect([...found.assignment]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('does not depend on where the points lie, and repeats itself exactly', async () => {
    const points = hashPoints(50, 6);
    const options = { width: 6, clusters: 6, neighbours: 5, method };
    const here = await dpcKnn(points, options);
    const far = await dpcKnn(
      points.map((value, i) => value + 8 * (i % 6)),
      options,
    );
    expect([...far.assignment]).toEqual([...here.assignment]);
    expect(await dpcKnn(points, options)).toEqual(here);
  });

  anyShape('makes every centre belong to itself, whatever the points', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 40 }),
        fc.constantFrom('index' as const, 'strict' as const),
        async (values, ties) => {
          const points = Float32Array.from(values.slice(0, values.length - (values.length % 2)));
          const { count, peaks, assignment } = await dpcKnn(points, {
            width: 2,
            clusters: 3,
            neighbours: 2,
            ties,
            method,
          });
          expect([...peaks].map((peak) => assignment[peak])).toEqual([...peaks.keys()]);
          expect(assignment.every((own) => own >= 0 && own < count)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe.each(['cpu', 'ort'] as const)('dpcKnn in blocks on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });

  // Coordinates are multiples of 1/64, so distances have no rounding and both ways must agree to the last tie.
  const grid = (total: number): Float32Array =>
    hashPoints(total, 2).map((value) => Math.round(value * 1024) / 64);

  it('equals the kept matrix over several tensor blocks, the last one padded', async () => {
    const points = grid(1100);
    const options = { width: 2, clusters: 7, neighbours: 20 };
    const loops = await dpcKnn(points, { ...options, method: 'loops' });
    const tensor = await dpcKnn(points, { ...options, method: 'tensor' });
    expectClose(tensor.density, loops.density, 1e-4);
    expectClose(tensor.separation, loops.separation, 1e-3);
    expect(tensor.peaks).toEqual(loops.peaks);
    expect(tensor.assignment).toEqual(loops.assignment);
  });

  it('equals the definition for sets too large to keep the matrix', async () => {
    const total = 4200;
    const points = grid(total);
    const found = await dpcKnn(points, { width: 2, clusters: 7, neighbours: 20, method: 'loops' });
    // Densest first, by the definition: the mean of squares is recomputed for a handful of points.
    for (const i of [0, 1, 63, 64, 4095, 4096, 4199]) {
      const squares = Array.from({ length: total }, (_, j) =>
        [0, 1].reduce((sum, d) => sum + (points[2 * i + d]! - points[2 * j + d]!) ** 2, 0),
      );
      const smallest = squares.toSorted((a, b) => a - b).slice(0, 20);
      const mean = smallest.reduce((sum, x) => sum + x, 0) / 20;
      expect(found.density[i]).toBeCloseTo(Math.exp(-mean / 2), 10);
      const nearest = squares.reduce(
        (best, x, j) =>
          found.density[j]! > found.density[i]! || (found.density[j] === found.density[i] && j < i)
            ? Math.min(best, x)
            : best,
        Infinity,
      );
      if (nearest < Infinity) expect(found.separation[i]).toBeCloseTo(Math.sqrt(nearest / 2), 10);
    }
  });

  it('frees every tensor', async () => {
    const points = hashPoints(150, 3);
    const options = { width: 3, clusters: 4, neighbours: 5, method: 'tensor' as const };
    await dpcKnn(points, options);
    const before = tf.memory().numTensors;
    await dpcKnn(points, options);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('dpcKnn refuses', () => {
  it.each([
    ['clusters of 0', { clusters: 0 }, /clusters must be a positive integer, got 0/],
    ['a fraction of a neighbour', { neighbours: 1.5 }, /neighbours must be a positive integer, got 1.5/],
    ['a wrong width', { width: 4 }, /rows of 4 values, got 6 values/],
    ['a short mask', { include: new Uint8Array(2) }, /one entry per point \(6\), got 2/],
    ['an empty selection', { include: new Uint8Array(6) }, /at least one point must be included/],
  ])('%s', async (_, change, message) => {
    await expect(dpcKnn(line, { width: 1, clusters: 2, neighbours: 2, ...change })).rejects.toThrow(message);
  });

  it('values that are not finite, by row', async () => {
    await expect(
      dpcKnn(Float32Array.of(0, 1, Infinity, 2), { width: 2, clusters: 1, neighbours: 1 }),
    ).rejects.toThrow(/finite, got Infinity in row 1/);
  });
});

import { compile, RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  candidatesOf,
  encodeSequences,
  foldedCandidates,
  foldedScores,
  fusedScores,
  itemTables,
  type MissRecOptions,
} from '../src/index.ts';
import { createMissRecParameters } from '../src/parameters.ts';
import { backends } from './backends.ts';
import { worldOptions } from './world.ts';

const N = 10;

describe.each(backends)('laws of the model on %s', (backend) => {
  beforeAll(async () => {
    await selectBackend(backend);
  });
  beforeEach(() => {
    tf.engine().startScope();
  });
  afterEach(() => {
    tf.disposeVariables();
    tf.engine().endScope();
  });

  /** Values without a pattern, the same at every call. */
  const noise = (shape: number[], seed: number): tf.Tensor => {
    const random = RandomStream.fromSeed(seed);
    return tf.tensor(
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
      shape,
    );
  };

  function setUp(more: Parameters<typeof worldOptions>[0] = {}) {
    const options = worldOptions(more);
    const p = createMissRecParameters(options, N, RandomStream.fromSeed(3));
    // Weights large enough that every path shows.
    for (const variable of flattenParameters(p).values())
      if (variable.rank === 2) variable.assign(noise(variable.shape, variable.size));
    const images = Array.from({ length: N + 1 }, (_, i) => (i === 0 || i === 4 ? 0 : 1));
    const items = {
      features: {
        text: noise([N + 1, 6], 1),
        image: tf.mul(noise([N + 1, 6], 2), tf.tensor2d(images, [N + 1, 1])),
      },
      present: {
        text: tf.tensor2d(
          Array.from({ length: N + 1 }, (_, i) => Math.min(i, 1)),
          [N + 1, 1],
        ),
        image: tf.tensor2d(images, [N + 1, 1]),
      },
    };
    return { options, p, items, table: noise([5, 8], 4) };
  }

  type World = ReturnType<typeof setUp>;
  function encode(
    { options, p, items, table }: World,
    history: number[],
    length: number,
    interests: number[],
    mask: number[],
  ): number[] {
    const forward = compile(() => {
      const tables = itemTables(p, options, items);
      const group = {
        history: tf.tensor2d(history, [1, history.length], 'int32'),
        lengths: tf.tensor1d([length], 'int32'),
        interests: tf.tensor2d(interests, [1, interests.length], 'int32'),
        interestMask: tf.tensor2d(mask, [1, mask.length]),
      };
      return encodeSequences(p, options, tables, table, { groups: [group] }, undefined).vectors;
    });
    const values = [...forward().dataSync()];
    forward.dispose();
    return values;
  }
  const far = (a: number[], b: number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

  it.each(['add', 'contextual'] as const)(
    '%s: padding tokens and padding interests are never seen',
    (sequenceFusion) => {
      const world = setUp({ sequenceFusion });
      const base = encode(world, [3, 5, 2], 3, [1, 3], [1, 1]);
      expect(Math.hypot(...base)).toBeCloseTo(1, 5);
      expect(far(encode(world, [3, 5, 2, 0, 0], 3, [1, 3, 0, 0, 0], [1, 1, 0, 0, 0]), base)).toBeLessThan(
        1e-5,
      );
      // what stands in a masked slot does not matter
      expect(far(encode(world, [3, 5, 2, 0], 3, [1, 3, 2], [1, 1, 0]), base)).toBeLessThan(1e-5);
      // nor does the vector of the padding row of the features
      const first = tf.tensor2d(
        Array.from({ length: N + 1 }, (_, i) => (i === 0 ? 50 : 0)),
        [N + 1, 1],
      );
      const features = { ...world.items.features, text: tf.add(world.items.features.text, first) };
      const changed = { ...world, items: { ...world.items, features } };
      expect(far(encode(changed, [3, 5, 2, 0, 0], 3, [1, 3, 0], [1, 1, 0]), base)).toBeLessThan(1e-5);
    },
  );

  it.each(['add', 'contextual'] as const)(
    '%s: interests are a set, the history is a sequence',
    (sequenceFusion) => {
      const world = setUp({ sequenceFusion });
      const base = encode(world, [3, 5, 2], 3, [1, 3, 4], [1, 1, 1]);
      expect(far(encode(world, [3, 5, 2], 3, [4, 1, 3], [1, 1, 1]), base)).toBeLessThan(1e-5);
      expect(far(encode(world, [5, 3, 2], 3, [1, 3, 4], [1, 1, 1]), base)).toBeGreaterThan(1e-3);
      expect(far(encode(world, [3, 5, 2], 3, [1, 3, 2], [1, 1, 1]), base)).toBeGreaterThan(1e-4);
    },
  );

  it('missing image, paper: its feature row is not read at all; released: it counts', () => {
    const shifted = (world: World): World => {
      const fourth = tf.tensor2d(
        Array.from({ length: N + 1 }, (_, i) => (i === 4 ? 3 : 0)),
        [N + 1, 1],
      );
      const image = tf.add(world.items.features.image, fourth);
      return { ...world, items: { ...world.items, features: { ...world.items.features, image } } };
    };
    const run = (world: World) => encode(world, [3, 4], 2, [1, 2], [1, 1]);
    const paper = setUp();
    expect(far(run(shifted(paper)), run(paper))).toBe(0);
    const released = setUp({ missing: 'bias' });
    expect(far(run(shifted(released)), run(released))).toBeGreaterThan(1e-4);
  });

  /** Cosines and fused scores of one sequence vector for all items, with a given α. */
  function fuse(options: MissRecOptions, world: World, alpha: number) {
    if (world.p.fusionFactor) world.p.fusionFactor.assign(tf.scalar(alpha));
    const tables = itemTables(world.p, options, world.items);
    const candidates = candidatesOf(options, tables, 'all');
    const u = noise([1, 8], 9);
    const unit = tf.div(u, tf.norm(u));
    const cosine = (modality: 'text' | 'image') =>
      tf.matMul(unit, candidates.content[modality]!, false, true).dataSync();
    return {
      text: cosine('text'),
      image: cosine('image'),
      fused: fusedScores(options, unit, candidates).dataSync(),
    };
  }

  it('fusion: α = 0 is the mean, α = 500 the maximum, α = -500 the minimum, of the modalities there are', () => {
    const world = setUp({ ids: false });
    for (const [alpha, of] of [
      [0, (a: number, b: number) => (a + b) / 2],
      [500, Math.max],
      [-500, Math.min],
    ] as const) {
      const { text, image, fused } = fuse(world.options, world, alpha);
      for (let item = 1; item <= N; item++) {
        const want = item === 4 ? text[item]! : of(text[item]!, image[item]!);
        expect(fused[item], `item ${item}`).toBeCloseTo(want, 2);
      }
    }
    // in between it is the softmax of the definition
    const { text, image, fused } = fuse(world.options, world, 2);
    const [a, b] = [text[7]!, image[7]!];
    const weight = Math.exp(2 * a) / (Math.exp(2 * a) + Math.exp(2 * b));
    expect(fused[7]).toBeCloseTo(weight * a + (1 - weight) * b, 5);
  });

  it('IDs are a third of the score; for an item without content, all of it', () => {
    const world = setUp({ ids: true });
    const bare = {
      ...world.items.present,
      text: tf.mul(world.items.present.text, 0),
      image: tf.mul(world.items.present.image, 0),
    };
    const u = tf.tensor2d([1, 0, 0, 0, 0, 0, 0, 0], [1, 8]);
    const score = (present: typeof bare) => {
      const tables = itemTables(world.p, world.options, { ...world.items, present });
      const candidates = candidatesOf(world.options, tables, 'all');
      const own = tf.matMul(u, candidates.ids!, false, true).dataSync();
      const text = tf.matMul(u, candidates.content.text!, false, true).dataSync();
      return { own, text, scores: fusedScores(world.options, u, candidates).dataSync() };
    };
    const full = score(world.items.present);
    expect(full.scores[4]).toBeCloseTo((full.own[4]! + 2 * full.text[4]!) / 3, 5); // item 4 has text only
    const none = score(bare);
    expect(none.scores[4]).toBeCloseTo(none.own[4]!, 5);
  });

  it.each([
    {},
    { ids: true },
    { missing: 'bias', ids: true },
    { itemFusion: 'per-item', ids: true },
    { itemFusion: 'static' },
    { featureWidths: { image: 6 }, ids: true },
    { featureWidths: { image: 6 }, ids: true, singleModality: 'summed' },
    { featureWidths: {}, ids: true, interestMethod: 'none' },
  ] as Parameters<typeof worldOptions>[0][])('what is folded into rows scores alike: %o', (more) => {
    const { p, options, items } = setUp(more);
    const factor = p.fusionFactor;
    if (factor) factor.assign(tf.mul(noise(factor.shape, 6), 3));
    const candidates = candidatesOf(options, itemTables(p, options, items), 'all');
    const u = noise([3, 8], 9);
    const unit = tf.div(u, tf.norm(u, 2, 1, true));
    const want = fusedScores(options, unit, candidates).dataSync();
    const folded = foldedScores(unit, foldedCandidates(options, candidates)).dataSync();
    // Row 0 is padding, which is no candidate.
    for (const [at, score] of want.entries())
      if (at % (N + 1) > 0) expect(folded[at], `score ${at}`).toBeCloseTo(score, 6);
    expect(new Set(want).size).toBeGreaterThan(N);
  });
});

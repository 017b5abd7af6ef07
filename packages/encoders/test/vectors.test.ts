/** One vector of each text: all poolings by hand from the tokens' vectors, and the chain entered in the middle. */
import { compile, randomKey, randomSource, RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEncoder, poolings } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';
import { families } from './families.ts';

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
});

describe('pooling', () => {
  const byHand: Record<(typeof poolings)[number], (rows: number[][], pooled: number[]) => number[]> = {
    cls: (rows) => rows[0]!,
    mean: (rows) => rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length),
    max: (rows) => rows[0]!.map((_, d) => Math.max(...rows.map((row) => row[d]!))),
    last: (rows) => rows.at(-1)!,
    pooled: (_, pooled) => pooled,
  };

  it.each(poolings)('%s', async (pooling) => {
    const encoder = await loadEncoder(fixture('bert'), { pooling });
    const expected = await readExpected('bert');
    const inputs = expected.inputs(0)!;
    const got = encoder.vectors(encoder.parameters, inputs).arraySync();
    const [B, T] = inputs.ids!.shape as [number, number];
    const hidden = tf.tensor(expected.values('0.hidden')!, [B, T, 8]).arraySync() as number[][][];
    const pooled = tf.tensor(expected.values('0.pooled')!, [B, 8]).arraySync() as number[][];
    const lengths = [5, 7, 2];
    for (const [b, row] of got.entries())
      close(row, byHand[pooling](hidden[b]!.slice(0, lengths[b]), pooled[b]!), 1e-5, `row ${b}`);
    // Without a mask every token counts.
    const single = expected.inputs(1)!;
    const alone = encoder.vectors(encoder.parameters, { ids: single.ids! });
    close(alone.dataSync(), encoder.vectors(encoder.parameters, single).dataSync(), 1e-6, 'without a mask');
    encoder.dispose();
  });

  it('is scaled to length 1 where asked, and finite for a row without tokens', async () => {
    for (const pooling of ['mean', 'last', 'max'] as const) {
      const encoder = await loadEncoder(fixture('bert'), { pooling, normalise: true });
      const ids = tf.tensor2d([4, 5, 0, 0], [2, 2], 'int32');
      const mask = tf.tensor2d([1, 1, 0, 0], [2, 2]);
      const [first, empty] = encoder.vectors(encoder.parameters, { ids, mask }).arraySync();
      expect(first!.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 5);
      expect(empty!.every(Number.isFinite)).toBe(true);
      encoder.dispose();
    }
  });
});

describe('what is dropped', () => {
  // Of Swin whole blocks, of the others single numbers.
  it.each(['bert', 'mpnet', 'opt', 'swin'])(
    'of %s is drawn from the random source, and without one nothing is',
    async (name) => {
      const encoder = await loadEncoder(fixture(name));
      const inputs = (await readExpected(name)).inputs(0)!;
      const key = (step: number) => randomSource(randomKey(RandomStream.fromSeed(3), step));
      const [plain, again, first, same, other] = [undefined, undefined, key(0), key(0), key(1)].map(
        (random) => encoder.vectors(encoder.parameters, inputs, random).dataSync(),
      );
      expect(again).toEqual(plain);
      expect(first).not.toEqual(plain);
      expect(same).toEqual(first);
      expect(other).not.toEqual(first);
      expect(first!.every(Number.isFinite)).toBe(true);
      encoder.dispose();
    },
  );
});

describe.each(families)('$name', ({ name, folder = name, modality }) => {
  it('goes on from any layer with the same result', async () => {
    const encoder = await loadEncoder(fixture(folder), modality && { modality });
    const inputs = (await readExpected(folder, modality)).inputs(0)!;
    const whole = compile(() => encoder.vectors(encoder.parameters, inputs))();
    for (let layers = 0; layers <= encoder.layers; layers++) {
      const hidden = encoder.lower(encoder.parameters, inputs, layers);
      const rest = encoder.vectors(encoder.parameters, inputs, undefined, { from: { layers, hidden } });
      close(rest.dataSync(), whole.dataSync(), 1e-5, `from layer ${layers}`);
    }
    encoder.dispose();
  });
});

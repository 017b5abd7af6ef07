/** What is trained of an encoder, and what of it is computed once. */
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { encoderTower, loadEncoder, type Tuning } from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';

const random = RandomStream.fromSeed(1);

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
});

/** A tower of the BERT fixture and the items of its first case. */
async function towerOf(tuning: Tuning) {
  const encoder = await loadEncoder(fixture('bert'));
  const inputs = (await readExpected('bert')).inputs(0)!;
  const tower = encoderTower(encoder, { tuning }, random);
  const { ids, mask } = inputs;
  const content = tower.content({
    ids: { shape: ids!.shape, data: ids!.dataSync() as Int32Array },
    mask: { shape: mask!.shape, data: Float32Array.from(mask!.dataSync()) },
  });
  const tensors = Object.fromEntries(
    Object.entries(content).map(([name, { shape, data }]) => [
      name,
      tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  );
  return { encoder, inputs, tower, content: tensors };
}

describe('a tuning', () => {
  it.each<{ tuning: Tuning; frozen: number; trained: RegExp; count: number }>([
    // Words, positions, types, a normalisation of two, and 16 weights in each of two layers; no pooler.
    { tuning: 'all', frozen: 0, trained: /^weights\./, count: 5 + 32 },
    { tuning: 'none', frozen: 2, trained: /^$/, count: 0 },
    { tuning: 'bitfit', frozen: 0, trained: /\.bias$/, count: 1 + 16 },
    { tuning: { layers: 1 }, frozen: 1, trained: /^weights\.layers\.1\./, count: 16 },
    { tuning: { layers: 2 }, frozen: 0, trained: /^weights\.layers\./, count: 32 },
    { tuning: { lora: { rank: 2 } }, frozen: 0, trained: /^lora\.layers\..*(query|value)\.[ab]$/, count: 8 },
    {
      tuning: { lora: { rank: 2, targets: ['layers.1.**.weight'] } },
      frozen: 1,
      trained: /^lora\.layers\.1\./,
      count: 12,
    },
    { tuning: { match: ['words', 'layers.1.norm2.**'] }, frozen: 0, trained: /words|norm2/, count: 3 },
  ])(
    '$tuning trains $count weights above $frozen frozen layers',
    async ({ tuning, frozen, trained, count }) => {
      const { tower, content, encoder, inputs } = await towerOf(tuning);
      expect(tower.trained).toHaveLength(count);
      for (const name of tower.trained) expect(name).toMatch(trained);
      expect(tower.frozenLayers).toBe(frozen);
      expect('hidden' in content).toBe(frozen > 0);
      // What was kept of frozen layers changes nothing.
      const vectors = tower.vectors(tower.parameters, content).dataSync();
      close(vectors, encoder.vectors(encoder.parameters, inputs).dataSync(), 1e-5, 'vectors');
      encoder.dispose();
    },
  );

  it('is refused where it means nothing', async () => {
    const encoder = await loadEncoder(fixture('bert'));
    for (const layers of [0, 3, 1.5])
      expect(() => encoderTower(encoder, { tuning: { layers } }, random)).toThrow('layers must be in 1..2');
    expect(() => encoderTower(encoder, { tuning: { match: ['pooler.**'] } }, random)).toThrow(
      'got "pooler.**" among',
    );
    encoder.dispose();
  });
});

/** What is trained of an encoder, and what of it is computed once. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream, selectBackend, tf } from '@ferry/engine';
import { flattenParameters } from '@ferry/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encoderTower,
  type ItemArray,
  type ItemContent,
  type ItemFile,
  type KeepOptions,
  loadEncoder,
  type Tuning,
} from '../src/index.ts';
import { close, fixture, readExpected } from './expected.ts';

const random = RandomStream.fromSeed(1);

beforeAll(async () => {
  await selectBackend('ort', { threads: 1, log: () => undefined });
});

/** All rows of what a catalogue holds. */
function tensorOf(table: ItemArray | ItemFile): tf.Tensor {
  const { shape } = table;
  const data = 'read' in table ? table.read(Int32Array.from({ length: shape[0]! }, (_, i) => i)) : table.data;
  return tf.tensor(data, [...shape], data instanceof Int32Array ? 'int32' : 'float32');
}

/** A tower of the BERT fixture and the items of its first case. */
async function towerOf(tuning: Tuning) {
  const encoder = await loadEncoder(fixture('bert'));
  const inputs = (await readExpected('bert')).inputs(0)!;
  const tower = encoderTower(encoder, { tuning }, random);
  const { ids, mask } = inputs;
  const content = await tower.content({
    ids: { shape: ids!.shape, data: ids!.dataSync() as Int32Array },
    mask: { shape: mask!.shape, data: Float32Array.from(mask!.dataSync()) },
  });
  const tensors = Object.fromEntries(Object.entries(content).map(([name, table]) => [name, tensorOf(table)]));
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
      expect(Object.keys(content).sort()).toEqual(
        count === 0 ? ['vectors'] : frozen > 0 ? ['hidden', 'ids', 'mask'] : ['ids', 'mask'],
      );
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

describe('what frozen layers made', () => {
  it('is found again in its file, whole or row by row, for the same weights and items alone', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ferry-layers-'));
    const encoder = await loadEncoder(fixture('bert'));
    const { ids, mask } = (await readExpected('bert')).inputs(0)!;
    const items = {
      ids: { shape: ids!.shape, data: ids!.dataSync() as Int32Array },
      mask: { shape: mask!.shape, data: Float32Array.from(mask!.dataSync()) },
    };
    const made = async (layers: number, keep: KeepOptions = {}, given: ItemContent = items) => {
      const tower = encoderTower(encoder, { tuning: { layers } }, random);
      return (await tower.content(given, keep))['hidden']!;
    };
    const plain = tensorOf(await made(1)).dataSync();
    for (const memory of [0, 1e9, 0]) {
      const kept = await made(1, { directory, memory });
      expect('read' in kept).toBe(memory === 0);
      expect(tensorOf(kept).dataSync()).toEqual(plain);
      expect(await readdir(directory)).toHaveLength(1);
    }
    const file = (await made(1, { directory, memory: 0 })) as ItemFile;
    const row = plain.length / ids!.shape[0];
    expect(file.read(Int32Array.of(2, 0))).toEqual(
      Float32Array.from([...plain.subarray(2 * row, 3 * row), ...plain.subarray(0, row)]),
    );
    // Other items, and other weights below; those above are not asked for.
    const other = { ...items, ids: { ...items.ids, data: items.ids.data.map((id) => (id % 7) + 5) } };
    await made(1, { directory }, other);
    expect(await readdir(directory)).toHaveLength(2);
    for (const [name, files] of [
      ['layers.1.up.bias', 2],
      ['words', 3],
    ] as const) {
      const weight = flattenParameters(encoder.parameters).get(name)!;
      weight.assign(tf.add(weight, 1));
      await made(1, { directory });
      expect(await readdir(directory)).toHaveLength(files);
    }
    await rm(directory, { recursive: true });
    encoder.dispose();
  });
});

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import type { PthTensor } from '@ferry/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createMissRecModel,
  createRanking,
  evaluateModel,
  importReleased,
  loadMissRec,
  restoreMissRec,
  saveMissRec,
} from '../src/index.ts';
import { matchRows } from '../src/import/rowMap.ts';
import { ints, type Packed, unpack } from './twin.ts';

const read = (name: string): Uint8Array => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const answer = JSON.parse(new TextDecoder().decode(read('released.json'))) as Record<
  'text' | 'image' | 'order' | 'history' | 'lengths' | 'targets' | 'ranks',
  Packed
>;

function matrix(modality: 'text' | 'image'): FeatureMatrix {
  const [count, width] = answer[modality].shape as [number, number];
  const data = unpack(answer[modality]) as Float32Array;
  const present = Uint8Array.from({ length: count }, (_, i) =>
    data.subarray(i * width, (i + 1) * width).some((value) => value !== 0) ? 1 : 0,
  );
  return { modality, encoder: 'twin', count, width, data, present };
}

const features = { text: matrix('text'), image: matrix('image') };

describe('items with equal features', () => {
  const text: FeatureMatrix = {
    ...{ modality: 'text', encoder: 'hand', count: 4, width: 1 },
    data: Float32Array.of(7, 7, 8, 7),
    present: Uint8Array.of(1, 1, 1, 1),
  };
  const table: PthTensor = { dtype: 'float32', shape: [5, 1], data: Float32Array.of(0, 7, 8, 7, 7) };

  it('take their rows in the order given, the rest behind', () => {
    const tensors = new Map([['plm_embedding.weight', table]]);
    expect(matchRows(tensors, { text })).toEqual({ rowOf: Int32Array.of(0, 1, 3, 2, 4), ambiguous: 3 });
    expect(matchRows(tensors, { text, order: Int32Array.of(4, 3, 1) })).toEqual({
      rowOf: Int32Array.of(0, 3, 4, 2, 1),
      ambiguous: 3,
    });
  });
});

describe('a checkpoint of the PyTorch twin', () => {
  beforeAll(async () => {
    await selectBackend('cpu');
  });

  it('finds the rows of the items, equal text rows by their images', () => {
    const imported = importReleased(read('released.pth'), { file: 'released.pth', domain: features });
    const order = ints(answer.order); // checkpoint row r + 1 is item order[r] + 1
    order.forEach((item, row) => {
      expect(imported.rows!.rowOf[item + 1]).toBe(row + 1);
    });
    expect(imported.rows!.ambiguous).toBe(0);
    expect(imported.ignored.sort()).toEqual([
      'img_embedding.weight',
      'img_embedding_empty_mask',
      'plm_embedding.weight',
      'plm_embedding_empty_mask',
    ]);
    // a token list says the same
    const ids = Array.from({ length: order.length }, (_, i) => `item ${i}`);
    const tokens = Array.from(order, (item) => `item ${item}`);
    const listed = importReleased(read('released.pth'), { file: 'released.pth', domain: { ids, tokens } });
    expect(listed.rows!.rowOf).toEqual(imported.rows!.rowOf);
    expect(listed.tensors).toEqual(imported.tensors);
  });

  it('gives the same ranks, also after a round trip through a Ferry checkpoint', async () => {
    const imported = importReleased(read('released.pth'), { file: 'released.pth', domain: features });
    const path = join(mkdtempSync(join(tmpdir(), 'ferry-import-')), 'model.safetensors');
    await saveMissRec(path, imported);
    const stored = await loadMissRec(path);
    expect(stored.options).toEqual(imported.options);
    const model = createMissRecModel({ options: stored.options, features, seed: 1 });
    await restoreMissRec(model, stored, path);
    const lengths = ints(answer.lengths);
    const history = ints(answer.history);
    const stride = history.length / lengths.length;
    const rows = {
      users: lengths.map((_, r) => r),
      targets: ints(answer.targets),
      items: history,
      starts: lengths.map((_, r) => r * stride),
      ends: lengths.map((length, r) => r * stride + length),
    };
    const functions = createRanking(model);
    const { ranks } = await evaluateModel(functions, model, rows, { batchSize: 4 });
    expect([...ranks]).toEqual([...unpack(answer.ranks)]);
    functions.dispose();
    model.dispose();
  });

  it('says which item has no row when the features are others', () => {
    const text = { ...features.text, data: features.text.data.slice() };
    text.data[6 * 7]! += 1e-3;
    expect(() =>
      importReleased(read('released.pth'), { file: 'released.pth', domain: { ...features, text } }),
    ).toThrow(/got none for 1 of 12 items, the first of them item number 8/);
  });

  it('takes over what is not tied to items without a domain', () => {
    const imported = importReleased(read('released.pth'), { file: 'released.pth' });
    expect(imported.options.ids).toBe(false);
    expect(imported.items).toBe(0);
    expect(imported.tensors.has('itemEmbedding.weight')).toBe(false);
    expect(imported.tensors.has('decoder.layers.0.crossAttention.inProjection.weight')).toBe(true);
    expect(imported.ignored).toContain('item_embedding.weight');
  });
});

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@ferry/engine';
import type { FeatureMatrix } from '@ferry/features';
import { type PthTensor, readStateDict } from '@ferry/torch';
import {
  createRanking,
  evaluateRecommender,
  loadRecommender,
  restoreRecommender,
  saveRecommender,
} from '@ferry/sequential';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMissRec, importReleased, type MissRecOptions } from '../src/index.ts';
import { matchRows } from '../src/import/rowMap.ts';
import { torchFile } from './torchFile.ts';
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
    await saveRecommender(path, imported);
    const stored = await loadRecommender(path, 'missrec');
    expect(stored.options).toEqual(imported.options);
    const model = createMissRec({ options: stored.options as MissRecOptions, features, seed: 1 });
    await restoreRecommender(model, stored.tensors, path);
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
    const { ranks } = await evaluateRecommender(functions, model, rows, { batchSize: 4 });
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

  describe('as others save it', () => {
    const file = 'other.pth';
    const state = readStateDict(read('released.pth'), 'released.pth');
    const whole = importReleased(read('released.pth'), { file, domain: features });
    const without = (...names: string[]) => new Map([...state].filter(([name]) => !names.includes(name)));

    it('a bare state dict under DataParallel, in single and in double precision, is the same model', () => {
      for (const precision of ['float32', 'float64'] as const) {
        const bytes = torchFile(state, { precision, prefix: 'module.' });
        expect(importReleased(bytes, { file, domain: features })).toEqual(whole);
      }
    });

    it.each(['float16', 'bfloat16'] as const)('%s finds the same rows, with weights rounded', (precision) => {
      const imported = importReleased(torchFile(state, { precision }), { file, domain: features });
      expect(imported.rows).toEqual(whole.rows);
      for (const [name, tensor] of whole.tensors) {
        const rounded = imported.tensors.get(name)!.data as Float32Array;
        (tensor.data as Float32Array).forEach((value, i) => {
          expect(Math.abs(rounded[i]! - value)).toBeLessThanOrEqual(2 ** -8 * Math.abs(value) + 1e-7);
        });
      }
    });

    it.each(['interest_embeddings', 'plm_interest_lookup_table', 'img_interest_lookup_table'])(
      'without %s it has no interests, and the rest of it',
      (name) => {
        const { tensors } = importReleased(torchFile(without(name)), { file, domain: features });
        const rest = [...whole.tensors].filter(([own]) => !own.startsWith('interests.'));
        expect([...tensors]).toEqual(rest);
      },
    );

    it('without frozen features the items cannot be found, and the message says whose are missing', () => {
      const bare = torchFile(without('plm_embedding.weight', 'img_embedding.weight'));
      expect(() => importReleased(bare, { file, domain: features })).toThrow(
        /the checkpoint has none, the domain has text features and image features; give the token list/,
      );
      expect(() => importReleased(torchFile(state), { file, domain: {} })).toThrow(
        /the checkpoint has plm_embedding\.weight and img_embedding\.weight, the domain has none/,
      );
    });

    it('of 200,000 items is read', () => {
      const items = 200_000;
      const width = 6;
      const values = Float32Array.from({ length: (items + 1) * width }, (_, i) =>
        i < width ? 0 : Math.fround(Math.sin(i)),
      );
      const many = new Map(state);
      for (const [name, { shape, data }] of state)
        if (shape[0] === 13) {
          const size = shape.slice(1).reduce((a, b) => a * b, 1);
          many.set(name, {
            ...state.get(name)!,
            shape: [items + 1, ...shape.slice(1)],
            data:
              data instanceof BigInt64Array
                ? new BigInt64Array(items + 1).fill(1n, 1)
                : name === 'plm_embedding.weight'
                  ? values
                  : new Float32Array((items + 1) * size),
          });
        }
      const text = {
        ...features.text,
        count: items,
        data: values.slice(width),
        present: new Uint8Array(items).fill(1),
      };
      const imported = importReleased(torchFile(many), { file, domain: { text } });
      expect(imported.items).toBe(items);
      expect(imported.rows!.rowOf.every((row, item) => row === item)).toBe(true);
    });
  });
});

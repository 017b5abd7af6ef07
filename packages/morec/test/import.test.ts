import { readFileSync } from 'node:fs';
import { selectBackend } from '@ferry/engine';
import { createCatalogue, createRecommender, plainFeed, restoreRecommender } from '@ferry/sequential';
import { beforeAll, expect, it } from 'vitest';
import { importSasrec, sasrec } from '../src/index.ts';

/**
 * Files of tools/parity/sasrec_twin.py --checkpoints: one small model under the names of both lineages, in both forms
 * of torch.save.
 */
const file = (name: string): Uint8Array => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const { vectors, histories } = JSON.parse(
  readFileSync(new URL('fixtures/checkpoints.json', import.meta.url), 'utf8'),
) as Record<'s3rec' | 'recbole', unknown> & { vectors: Record<string, number[][]>; histories: number[][] };

beforeAll(async () => {
  await selectBackend('cpu');
});

async function lastVectors(bytes: Uint8Array, ids: string[], tokens?: string[]): Promise<number[][]> {
  const { options, tensors } = importSasrec(bytes, { file: 'x.pt', ids, tokens, heads: 2 });
  const catalogue = createCatalogue({ featureWidths: {} }, [{ items: ids.length }]);
  const recommender = createRecommender(sasrec, { options, catalogue, seed: 1 });
  await restoreRecommender(recommender, tensors, 'x.pt');
  const step = { p: recommender.parameters, options, held: {}, random: undefined };
  const items = sasrec.items(step, recommender.catalogue.inputs);
  const found = histories.map((history) => {
    const numbers = Int32Array.from(
      history,
      (row) => ids.indexOf(tokens ? tokens[row - 1]! : String(row)) + 1,
    );
    const group = { length: numbers.length, history: numbers, lengths: Int32Array.of(numbers.length) };
    return Array.from(sasrec.queries(step, items, plainFeed([group], { longest: 6 })).vectors.dataSync());
  });
  recommender.dispose();
  return found;
}

const expectVectors = (got: number[][], lineage: string): void => {
  got.forEach((row, b) => {
    row.forEach((x, d) => {
      expect(x).toBeCloseTo(vectors[lineage]![b]![d]!, 5);
    });
  });
};

it.each(['s3rec.pt', 's3rec-legacy.pt'])(
  '%s: vectors as in PyTorch, whatever the order of the items',
  async (name) => {
    const ids = ['7', '3', '1', '2', '4', '5', '6', '8'];
    expectVectors(await lastVectors(file(name), ids), 's3rec');
  },
);

it('RecBole: right-padded, wrapped in a record, rows by a token list', async () => {
  const tokens = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  expectVectors(await lastVectors(file('recbole.pth'), [...tokens].reverse(), tokens), 'recbole');
});

it('says what is wrong', () => {
  const bytes = file('s3rec.pt');
  expect(() => importSasrec(bytes, { file: 'x.pt', ids: ['1', 'b7'] })).toThrow(
    /x\.pt: ids of items must be row numbers 1\.\.9 .* got "b7"/,
  );
  expect(() => importSasrec(bytes, { file: 'x.pt', ids: ['10'] })).toThrow('got "10"');
  expect(() => importSasrec(bytes, { file: 'x.pt', ids: ['z'], tokens: ['a'] })).toThrow('"z"');
  expect(() => importSasrec(bytes, { file: 'x.pt', ids: ['1'], heads: 3 })).toThrow('heads must divide');
  expect(() => importSasrec(file('other.pt'), { file: 'x.pt', ids: ['1'] })).toThrow(
    /no SASRec checkpoint .* got w/,
  );
});

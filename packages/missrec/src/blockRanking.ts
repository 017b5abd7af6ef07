import { compile, tf } from '@ferry/engine';
import { createBlockScorer, type MaskedBatch } from '@ferry/evaluation';
import { type ItemInputs, type ItemSource, roundedUp } from '@ferry/sequential';
import { disposeFeed, feedOf } from './feeds.ts';
import { type Candidates, candidatesOf, fusedScores } from './fusion.ts';
import type { InterestState } from './interests.ts';
import {
  encodeSequences,
  itemTables,
  type ItemTables,
  type PackedSlots,
  type SequenceInputs,
} from './model.ts';
import { defined, disposeNest } from './nests.ts';
import type { MissRecModel } from './session.ts';

/** Ranks with items that are encoded a block at a time, and never kept. */
export interface BlockRanking {
  /**
   * Where the targets of batches stand; see `evaluateRanking`.
   *
   * @param source - The items, all of which are candidates.
   * @param interests - The present interests; none with interests `none`.
   * @param batches - Rows of the split.
   */
  places(
    source: ItemSource,
    interests: InterestState | undefined,
    batches: readonly MaskedBatch[],
  ): Promise<Float32Array[]>;
  /** Frees what was compiled. */
  dispose(): void;
}

/** What is scored: sequence vectors. */
type Queries = { sequence: tf.Tensor2D };

/**
 * Compiles the ranking of a model over a large catalogue: sequence vectors first, each from the features of its own history, then
 * the catalogue block by block, each block for all of them. The numbers are those of the whole score matrix.
 *
 * @param model - Its present weights are used at every call.
 */
export function createBlockRanking(model: MissRecModel): BlockRanking {
  const { options, parameters } = model;
  const encodeItems = compile(
    (items: ItemInputs) => defined(candidatesOf(options, itemTables(parameters, options, items), 'all')),
    { name: 'missrec.encodeBlock' },
  );
  const encodeHistories = compile((items: ItemInputs) => defined(itemTables(parameters, options, items)), {
    name: 'missrec.encodeHistories',
  });
  const encodeQueries = compile(
    (
      tables: ItemTables,
      group: SequenceInputs,
      rest: { table?: tf.Tensor; packed?: PackedSlots },
    ): Queries => {
      const { table, packed } = rest;
      const { sequence } = encodeSequences(parameters, options, tables, table, [group], undefined, packed);
      return { sequence };
    },
    { name: 'missrec.encodeSequences' },
  );
  const scorer = createBlockScorer(
    ({ sequence }: Queries, candidates: Candidates) => fusedScores(options, sequence, candidates),
    { name: 'missrec.rankBlock' },
  );

  /** Sequence vectors of batches whose histories hold few enough items to encode these together. */
  const encodeBatches = (
    source: ItemSource,
    interests: InterestState | undefined,
    batches: readonly MaskedBatch[],
  ): Queries[] => {
    const rowOf = new Map([[0, 0]]);
    for (const { batch } of batches)
      for (const item of batch.history) if (!rowOf.has(item)) rowOf.set(item, rowOf.size);
    const numbers = new Int32Array(roundedUp(rowOf.size));
    numbers.set([...rowOf.keys()]);
    const items = source.read(numbers);
    const tables = encodeHistories(items);
    disposeItems(items);
    const table = model.interestTable();
    const queries = batches.map(({ batch }) => {
      const feed = feedOf(options, [batch], interests, {
        longest: options.positions,
        rowOf: (item) => rowOf.get(item)!,
      });
      const rest = { ...(table && { table }), ...(feed.packed && { packed: feed.packed }) };
      const encoded = encodeQueries(tables, feed.groups[0]!, rest);
      disposeFeed(feed);
      return encoded;
    });
    disposeNest(tables);
    return queries;
  };

  return {
    places: async (source, interests, batches) => {
      const encoded = byItems(batches).flatMap((some) => encodeBatches(source, interests, some));
      const queries = batches.map(({ batch, masked }, i) => ({
        queries: encoded[i]!,
        targets: batch.targets,
        masked,
      }));
      try {
        return await scorer.places(queries, {
          items: Int32Array.from({ length: source.count }, (_, i) => i + 1),
          candidates: (block) => {
            const items = source.read(block);
            const made = encodeItems(items);
            disposeItems(items);
            return made;
          },
        });
      } finally {
        tf.dispose(encoded.map(({ sequence }) => sequence));
      }
    },
    dispose: () => {
      for (const program of [encodeItems, encodeHistories, encodeQueries, scorer]) program.dispose();
    },
  };
}

/** Items of histories that are encoded together: their vectors of width 300 have 79 MB a table. */
const ITEMS_TOGETHER = 65_536;

/** Batches in runs whose histories together hold at most so many places, or one batch. */
function byItems(batches: readonly MaskedBatch[]): MaskedBatch[][] {
  const runs: MaskedBatch[][] = [];
  let places = Infinity;
  for (const one of batches) {
    const { length } = one.batch.history;
    if (places + length > ITEMS_TOGETHER) {
      runs.push([]);
      places = 0;
    }
    runs.at(-1)!.push(one);
    places += length;
  }
  return runs;
}

function disposeItems({ features, present, numbers }: ItemInputs): void {
  tf.dispose([...Object.values(features), ...Object.values(present)]);
  numbers?.dispose();
}

import { compile, disposeNest } from '@ferry/engine';
import { createBlockScorer, type MaskedBatch } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import type { ItemInputs } from './catalogue.ts';
import { roundedUp } from './groups.ts';
import type { ItemSource } from './itemSource.ts';
import { feedOf, type Recommender, stateWithout } from './recommender.ts';
import type { ModelTypes, Queries, Step } from './types.ts';

/** Ranks with items that are encoded a block at a time, and never kept. */
export interface BlockRanking {
  /**
   * Where the targets of batches stand; see `evaluateRanking`.
   *
   * @param source - The items, all of which are candidates.
   * @param batches - Rows of the split.
   * @param without - Modalities that no item has.
   */
  places(
    source: ItemSource,
    batches: readonly MaskedBatch[],
    without?: readonly Modality[],
  ): Promise<Float32Array[]>;
  /** Frees what was compiled. */
  dispose(): void;
}

/**
 * Compiles the ranking of a recommender over a large catalogue: query vectors first, each from the items of its own
 * history, then the catalogue block by block, each block for all of them. The numbers are those of the whole score
 * matrix.
 *
 * @param recommender - Its present weights are used at every call.
 */
export function createBlockRanking<T extends ModelTypes>(recommender: Recommender<T>): BlockRanking {
  const { model, options, parameters } = recommender;
  const longest = model.positions(options);
  const step = (held: T['held']): Step<T> => ({ p: parameters, options, held, random: undefined });
  const encodeItems = compile((items: ItemInputs) => model.items(step({}), items), {
    name: `${model.name}.encodeHistories`,
  });
  const encodeCandidates = compile(
    (items: ItemInputs) => model.candidates(step({}), model.items(step({}), items), 'all'),
    { name: `${model.name}.encodeBlock` },
  );
  const encodeQueries = compile(
    (items: T['items'], feed: T['feed'], held: T['held']): Queries => ({
      vectors: model.queries(step(held), items, feed).vectors,
    }),
    { name: `${model.name}.encodeQueries` },
  );
  const scorer = createBlockScorer(
    (queries: Queries, candidates: T['candidates']) => model.scores(step({}), queries, candidates),
    { name: `${model.name}.rankBlock` },
  );

  /** Query vectors of batches whose histories hold few enough items to encode these together. */
  const encodeBatches = (
    source: ItemSource,
    batches: readonly MaskedBatch[],
    state: T['state'] | undefined,
  ): Queries[] => {
    const rows = new Map([[0, 0]]);
    for (const { batch } of batches)
      for (const item of batch.history) if (!rows.has(item)) rows.set(item, rows.size);
    const numbers = new Int32Array(roundedUp(rows.size));
    numbers.set([...rows.keys()]);
    const raw = source.read(numbers);
    const items = encodeItems(raw);
    disposeNest(raw);
    const queries = batches.map(({ batch }) => {
      const place = { longest, rowOf: (item: number) => rows.get(item)!, fitted: true };
      const feed = feedOf(recommender, [batch], state, place);
      const encoded = encodeQueries(items, feed, recommender.held());
      disposeNest(feed);
      return encoded;
    });
    disposeNest(items);
    return queries;
  };

  return {
    places: async (source, batches, without) => {
      const state = stateWithout(recommender, without ?? []);
      const encoded = byItems(batches).flatMap((some) => encodeBatches(source, some, state));
      const queries = batches.map(({ batch, masked }, i) => ({
        queries: encoded[i]!,
        targets: batch.targets,
        masked,
      }));
      try {
        return await scorer.places(queries, {
          items: Int32Array.from({ length: source.count }, (_, i) => i + 1),
          candidates: (block) => {
            const raw = source.read(block);
            const made = encodeCandidates(raw);
            disposeNest(raw);
            return made;
          },
        });
      } finally {
        disposeNest(encoded);
      }
    },
    dispose: () => {
      for (const program of [encodeItems, encodeCandidates, encodeQueries, scorer]) program.dispose();
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

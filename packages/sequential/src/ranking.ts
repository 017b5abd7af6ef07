import type { Batch, Rows } from '@ferry/data';
import { blocksPay, compile, disposeNest, tf } from '@ferry/engine';
import { evaluateRanking, type RankingOptions, type RankingResult, targetPlaces } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import { type Catalogue, type ItemInputs, withoutModalities } from './catalogue.ts';
import { type BlockRanking, createBlockRanking } from './blockRanking.ts';
import { createEncodedCatalogue, type EncodedCatalogue } from './itemEncoders.ts';
import { blockSource, catalogueSource, type ItemSource } from './itemSource.ts';
import { feedOf, type Recommender, stateWithout } from './recommender.ts';
import { latestItems } from './rows.ts';
import type { FeedGroup, ModelTypes, Step } from './types.ts';

/** Settings of an evaluation. */
export interface EvaluateOptions extends Pick<
  RankingOptions,
  'batchSize' | 'k' | 'metrics' | 'history' | 'ties' | 'order' | 'sampled'
> {
  /** Modalities that no item has at test time. Default none. */
  without?: readonly Modality[];
  /**
   * Whether items are encoded and scored block by block; the numbers are the same. Default: where that is faster
   * (`blocksPay`), and always where features stay in their files.
   */
  inBlocks?: boolean;
}

/** Scores of some histories. */
export interface Scored<T extends ModelTypes> {
  /** [B, N + 1]; column 0 (padding) means nothing. */
  scores: tf.Tensor2D;
  /** What the histories became. */
  queries: T['queries'];
  /** The histories as tensors. */
  feed: T['feed'];
  /** Frees all of it. */
  dispose(): void;
}

/** Items encoded once, for many histories. */
export interface CatalogueRanker<T extends ModelTypes = ModelTypes> {
  /** Where a batch's targets stand in the whole catalogue; see `evaluateRanking`. */
  places(batch: Batch, masked?: Int32Array): Promise<Float32Array>;
  /**
   * Scores of some histories, each of which is cut to what the model reads.
   *
   * @param users - Whose they are, for models that know users: index into the domain's users.
   * @throws RangeError if a history is empty or holds an unknown item.
   */
  score(histories: readonly (readonly number[])[], users?: readonly number[]): Scored<T>;
  /** What was found between epochs, as it is used. */
  state: T['state'] | undefined;
  /** Frees the encoded items. */
  dispose(): void;
}

/** Compiled functions that rank with a recommender; made once, used for every evaluation. */
export interface Ranking<T extends ModelTypes = ModelTypes> {
  /** Encodes the catalogue as it is now, or as it were without some modalities. */
  ranker(without?: readonly Modality[]): CatalogueRanker<T>;
  /** Ranks a catalogue block by block: for one whose scores are too large to be made at once. */
  blocks: BlockRanking;
  /** The catalogue with features of its encoders as they are now. */
  items: EncodedCatalogue;
  /** Frees what was compiled. */
  dispose(): void;
}

/**
 * Compiles the ranking of a recommender: items are encoded once per {@link Ranking.ranker}, and only counts leave the
 * graph.
 *
 * @param recommender - Its present weights are used at every call.
 */
export function createRanking<T extends ModelTypes>(recommender: Recommender<T>): Ranking<T> {
  const { model, options, parameters, catalogue } = recommender;
  const positions = model.positions(options);
  const items = createEncodedCatalogue(catalogue, parameters);
  type Encoded = { items: T['items']; candidates: T['candidates'] };
  const step = (held: T['held']): Step<T> => ({ p: parameters, options, held, random: undefined });
  const encode = compile(
    (inputs: ItemInputs, held: T['held']): Encoded => {
      const encoded = model.items(step(held), inputs);
      return { items: encoded, candidates: model.candidates(step(held), encoded, 'all') };
    },
    { name: `${model.name}.encodeItems` },
  );
  const scoreOf = ({ items, candidates }: Encoded, feed: T['feed'], held: T['held']) => {
    const queries = model.queries(step(held), items, feed);
    return { queries, scores: model.scores(step(held), queries, candidates) };
  };
  const rank = compile(
    (encoded: Encoded, feed: T['feed'], held: T['held'], targets: tf.Tensor1D, masked?: tf.Tensor2D) =>
      targetPlaces(scoreOf(encoded, feed, held).scores, targets, masked),
    { name: `${model.name}.rank` },
  );
  const score = compile(scoreOf, { name: `${model.name}.score` });

  const ranker = (without: readonly Modality[] = []): CatalogueRanker<T> => {
    const made = items.make();
    const view = withoutModalities({ ...catalogue, inputs: made.inputs }, without);
    const held = recommender.held();
    const encoded = encode(view.inputs, held);
    view.dispose();
    made.dispose();
    const state = stateWithout(recommender, without);
    const feedFor = (group: FeedGroup, fitted = false): T['feed'] =>
      feedOf(recommender, [group], state, { longest: positions, fitted });
    return {
      state,
      places: async (batch, masked) => {
        const feed = feedFor(batch, true);
        const targets = tf.tensor1d(batch.targets, 'int32');
        const hidden = masked && tf.tensor2d(masked, [batch.size, masked.length / batch.size], 'int32');
        const result = hidden
          ? rank(encoded, feed, held, targets, hidden)
          : rank(encoded, feed, held, targets);
        disposeNest([feed, targets, hidden]);
        const counts = (await result.data()) as Float32Array;
        result.dispose();
        return counts;
      },
      score: (histories, users) => {
        const feed = feedFor({
          ...groupOf(histories, positions, catalogue.items),
          ...(users && { users: Int32Array.from(users) }),
        });
        const { scores, queries } = score(encoded, feed, held);
        return {
          scores,
          queries,
          feed,
          dispose: () => {
            disposeNest([scores, queries, feed]);
          },
        };
      },
      dispose: () => {
        disposeNest(encoded);
      },
    };
  };
  const blocks = createBlockRanking(recommender);
  return {
    ranker,
    blocks,
    items,
    dispose: () => {
      for (const made of [encode, rank, score, blocks, items]) made.dispose();
    },
  };
}

/** Histories cut to their latest items, as one group. */
function groupOf(histories: readonly (readonly number[])[], positions: number, items: number): FeedGroup {
  const latest = histories.map((history) => checkedHistory(history, items).slice(-positions));
  const length = latest.reduce((most, own) => Math.max(most, own.length), 1);
  const history = new Int32Array(latest.length * length);
  latest.forEach((own, b) => {
    history.set(own, b * length);
  });
  return { length, history, lengths: Int32Array.from(latest, (own) => own.length) };
}

function checkedHistory(history: readonly number[], items: number): readonly number[] {
  if (history.length === 0) throw new RangeError('score: a history must have at least one item, got none');
  const wrong = history.find((item) => !Number.isInteger(item) || item < 1 || item > items);
  if (wrong !== undefined) throw new RangeError(`score: items must be 1..${items}, got ${wrong}`);
  return history;
}

/** The items to rank, read as they are needed: from their files, or from the catalogue in memory. */
function sourceOf(
  { items }: Pick<Ranking, 'items'>,
  catalogue: Catalogue,
  without: readonly Modality[],
): { source: ItemSource; dispose: () => void } {
  if (catalogue.blocks) return { source: blockSource(catalogue, without), dispose: () => undefined };
  const made = items.make();
  return {
    source: catalogueSource({ ...catalogue, inputs: made.inputs, content: undefined }, without),
    dispose: () => {
      made.dispose();
    },
  };
}

/** Padded lengths of evaluation batches, of which the last holds the longest history. */
function edgesFor(positions: number): number[] {
  return [...[4, 8, 12, 20, 35].filter((edge) => edge < positions), positions];
}

/** Scores of a batch on the host; [B * (N + 1)]. */
export async function scoresOf<T extends ModelTypes>(
  ranker: CatalogueRanker<T>,
  batch: Batch,
): Promise<Float32Array> {
  const { size, length, lengths, history } = batch;
  const histories = Array.from({ length: size }, (_, b) =>
    Array.from(history.subarray(b * length, b * length + lengths[b]!)),
  );
  const scored = ranker.score(histories, Array.from(batch.users));
  const scores = (await scored.scores.data()) as Float32Array;
  scored.dispose();
  return scores;
}

/**
 * Full ranking of a split: every item of the catalogue is a candidate, padding is none.
 *
 * @param ranking - From {@link createRanking}.
 * @param recommender - The same recommender.
 * @param rows - A split of the domain it was made for.
 * @param options - Cutoffs, masking, ties, modalities to leave out.
 */
export async function evaluateRecommender<T extends ModelTypes>(
  ranking: Ranking<T>,
  { model, options: settings, catalogue }: Recommender<T>,
  rows: Rows,
  options: EvaluateOptions = {},
): Promise<RankingResult> {
  const { without = [], inBlocks, ...rest } = options;
  const positions = model.positions(settings);
  const shared = {
    ...rest,
    rows: latestItems(rows, positions),
    whole: rows,
    count: catalogue.items,
    edges: edgesFor(positions),
  };
  if (rest.sampled) {
    const ranker = ranking.ranker(without);
    try {
      return await evaluateRanking({ ...shared, scores: (batch) => scoresOf(ranker, batch) });
    } finally {
      ranker.dispose();
    }
  }
  if (
    inBlocks ??
    (catalogue.blocks !== undefined || blocksPay('ranking', rest.batchSize ?? 256, catalogue.items))
  ) {
    const { source, dispose } = sourceOf(ranking, catalogue, without);
    try {
      return await evaluateRanking({
        ...shared,
        placesOfAll: (batches) => ranking.blocks.places(source, batches, without),
      });
    } finally {
      dispose();
    }
  }
  const ranker = ranking.ranker(without);
  try {
    return await evaluateRanking({
      ...shared,
      places: (batch, masked) => ranker.places(batch, masked),
    });
  } finally {
    ranker.dispose();
  }
}

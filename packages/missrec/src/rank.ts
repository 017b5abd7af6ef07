import type { Batch, Rows } from '@ferry/data';
import { blocksPay, compile, tf } from '@ferry/engine';
import { evaluateRanking, type RankingResult, targetPlaces, type TieRule } from '@ferry/evaluation';
import type { Modality } from '@ferry/features';
import {
  catalogueSource,
  disposeView,
  type ItemInputs,
  latestItems,
  withoutModality,
} from '@ferry/sequential';
import { type BlockRanking, createBlockRanking } from './blockRanking.ts';
import { disposeFeed, feedOf } from './feeds.ts';
import { candidatesOf, type Candidates, fusedScores } from './fusion.ts';
import { type InterestState, interestsWithout } from './interests.ts';
import {
  encodeSequences,
  itemTables,
  type ItemTables,
  type PackedSlots,
  type SequenceInputs,
} from './model.ts';
import { defined, disposeNest } from './nests.ts';
import type { MissRecModel } from './session.ts';

/** Settings of an evaluation. */
export interface EvaluateOptions {
  /** Rows ranked at once. Default 256: more is slower, because the scores leave the cache. */
  batchSize?: number | undefined;
  /** Cutoffs. Default 10 and 50. */
  k?: readonly number[] | undefined;
  /** Whether items of the history, also those cut off, stay candidates. Default `keep`, the protocol of the paper (spec 6). */
  history?: 'keep' | 'mask' | undefined;
  /** What a tie means. Default `mid-rank`. */
  ties?: TieRule | undefined;
  /** Modalities that no item has at test time. Default none. */
  without?: readonly Modality[] | undefined;
  /** Which rows, in any order. Default: all. Int32 [R]. */
  order?: Int32Array | undefined;
  /** Whether items are encoded and scored block by block; the numbers are the same. Default: where that is faster (`blocksPay`). */
  inBlocks?: boolean | undefined;
}

/** Scores of sequences and what they attend to. */
export interface ScoredSequences {
  /** [B, N + 1], the cosines of the adaptive fusion; column 0 (padding) means nothing. */
  scores: tf.Tensor2D;
  /** [B, Q] attention to the interests, mean of the heads; absent with interests `none`. */
  attended?: tf.Tensor2D | undefined;
}

/** Items encoded once, and interests, for many sequences. */
export interface Ranker {
  /** Where a batch's targets stand in the whole catalogue; see `evaluateRanking`. */
  places(batch: Batch, masked?: Int32Array): Promise<Float32Array>;
  /** Scores of some sequences; the caller disposes them. */
  score(
    histories: readonly (readonly number[])[],
  ): ScoredSequences & { interests: Int32Array; slots: number };
  /** The interests in use. */
  interests: InterestState | undefined;
  /** Frees the encoded items. */
  dispose(): void;
}

/** Compiled functions that rank with a model; made once, used for every evaluation. */
export interface RankingFunctions {
  /** Encodes the catalogue as it is now, or as it were without some modalities. */
  ranker(without?: readonly Modality[]): Ranker;
  /** Ranks a catalogue block by block: for one whose scores are too large to be made at once. */
  blocks: BlockRanking;
  /** Frees what was compiled. */
  dispose(): void;
}

/**
 * Compiles the ranking of a model: items are encoded once per {@link RankingFunctions.ranker}, and only ranks leave the graph.
 *
 * @param model - The model; its present weights are used at every call.
 */
export function createRanking(model: MissRecModel): RankingFunctions {
  const { options, parameters, catalogue } = model;
  const encodeItems = compile(
    (items: ItemInputs): { tables: ItemTables; candidates: Candidates } => {
      const tables = itemTables(parameters, options, items);
      return { tables: defined(tables), candidates: defined(candidatesOf(options, tables, 'all')) };
    },
    { name: 'missrec.encodeItems' },
  );
  const scoreGroup = (
    tables: ItemTables,
    candidates: Candidates,
    group: SequenceInputs,
    { table, packed }: { table?: tf.Tensor; packed?: PackedSlots },
  ) => {
    const encoded = encodeSequences(parameters, options, tables, table, [group], undefined, packed);
    return { encoded, scores: fusedScores(options, encoded.sequence, candidates) };
  };
  const rank = compile(
    (
      tables: ItemTables,
      candidates: Candidates,
      group: SequenceInputs,
      targets: tf.Tensor1D,
      rest: { table?: tf.Tensor; packed?: PackedSlots; masked?: tf.Tensor2D },
    ) => targetPlaces(scoreGroup(tables, candidates, group, rest).scores, targets, rest.masked),
    { name: 'missrec.rank' },
  );
  const score = compile(
    (
      tables: ItemTables,
      candidates: Candidates,
      group: SequenceInputs,
      rest: { table?: tf.Tensor; packed?: PackedSlots },
    ): ScoredSequences => {
      const { encoded, scores } = scoreGroup(tables, candidates, group, rest);
      const [attended] = encoded.attended;
      return attended ? { scores, attended: tf.mean<tf.Tensor2D>(attended, 1) } : { scores };
    },
    { name: 'missrec.score' },
  );

  const ranker = (without: readonly Modality[] = []): Ranker => {
    const { inputs } = catalogue;
    const [features, present] = [{ ...inputs.features }, { ...inputs.present }];
    const views = new Map(without.map((modality) => [modality, withoutModality(catalogue, modality)]));
    for (const [modality, view] of views) {
      features[modality] = view.features[modality]!;
      present[modality] = view.present[modality]!;
    }
    const { tables, candidates } = encodeItems({ features, present });
    for (const [modality, view] of views) disposeView(view, modality);
    const interests = presentInterests(model, without);
    const table = model.interestTable();
    const shared = table ? { table } : {};
    const { positions } = options;
    return {
      interests,
      places: async (batch, masked) => {
        const feed = feedOf(options, [batch], interests, { longest: positions });
        const targets = tf.tensor1d(batch.targets, 'int32');
        const hidden = masked && tf.tensor2d(masked, [batch.size, masked.length / batch.size], 'int32');
        const rest = {
          ...shared,
          ...(feed.packed && { packed: feed.packed }),
          ...(hidden && { masked: hidden }),
        };
        const result = rank(tables, candidates, feed.groups[0]!, targets, rest);
        disposeFeed(feed);
        tf.dispose([targets]);
        hidden?.dispose();
        const counts = (await result.data()) as Float32Array;
        result.dispose();
        return counts;
      },
      score: (histories) => {
        const latest = histories.map((history) => checkedHistory(history, catalogue.items).slice(-positions));
        const length = latest.reduce((most, history) => Math.max(most, history.length), 1);
        const history = new Int32Array(latest.length * length);
        latest.forEach((items, b) => {
          history.set(items, b * length);
        });
        const lengths = Int32Array.from(latest, (items) => items.length);
        const feed = feedOf(options, [{ length, history, lengths }], interests, { longest: positions });
        const group = feed.groups[0]!;
        const found = score(tables, candidates, group, {
          ...shared,
          ...(feed.packed && { packed: feed.packed }),
        });
        const ids = group.interests ? (group.interests.dataSync() as Int32Array).slice() : new Int32Array(0);
        const slots = group.interests?.shape[1] ?? 0;
        disposeFeed(feed);
        return { ...found, interests: ids, slots };
      },
      dispose: () => {
        disposeNest(tables);
        disposeNest(candidates);
      },
    };
  };
  const blocks = createBlockRanking(model);
  return {
    ranker,
    blocks,
    dispose: () => {
      blocks.dispose();
      encodeItems.dispose();
      rank.dispose();
      score.dispose();
    },
  };
}

function checkedHistory(history: readonly number[], items: number): readonly number[] {
  if (history.length === 0) throw new RangeError('score: a history must have at least one item, got none');
  const wrong = history.find((item) => !Number.isInteger(item) || item < 1 || item > items);
  if (wrong !== undefined) throw new RangeError(`score: items must be 1..${items}, got ${wrong}`);
  return history;
}

/** The interests as they are, or as they were without a modality. */
function presentInterests(model: MissRecModel, without: readonly Modality[]): InterestState | undefined {
  let state = model.interests();
  for (const modality of without)
    state &&= interestsWithout(state, model.options, modality, biasOf(model, modality));
  return state;
}

function biasOf(model: MissRecModel, modality: Modality): Float32Array {
  const adapter = modality === 'text' ? model.parameters.textAdapter : model.parameters.imageAdapter;
  return adapter!.bias.dataSync() as Float32Array;
}

/** Padded lengths of evaluation batches, of which the last holds the longest history. */
function edgesFor(positions: number): number[] {
  return [...[4, 8, 12, 20, 35].filter((edge) => edge < positions), positions];
}

/**
 * Full ranking of a split (spec 6): every item of the catalogue is a candidate, padding is none, ties count by their expectation.
 *
 * @param functions - From {@link createRanking}.
 * @param model - The same model.
 * @param rows - A split of the domain the model was made for.
 * @param options - Cutoffs, masking, a modality to leave out.
 */
export async function evaluateModel(
  functions: RankingFunctions,
  model: MissRecModel,
  rows: Rows,
  options: EvaluateOptions = {},
): Promise<RankingResult> {
  const { batchSize = 256, k, history, ties, without = [], order, inBlocks } = options;
  const { catalogue } = model;
  const settings = {
    rows: latestItems(rows, model.options.positions),
    count: catalogue.items,
    batchSize,
    k,
    history,
    order,
    edges: edgesFor(model.options.positions),
    whole: rows,
    ties,
  };
  if (inBlocks ?? blocksPay('ranking', batchSize, catalogue.items)) {
    const source = catalogueSource(catalogue, without);
    const interests = presentInterests(model, without);
    return await evaluateRanking({
      ...settings,
      placesOfAll: (batches) => functions.blocks.places(source, interests, batches),
    });
  }
  const ranker = functions.ranker(without);
  try {
    return await evaluateRanking({
      ...settings,
      places: (batch, masked) => ranker.places(batch, masked),
    });
  } finally {
    ranker.dispose();
  }
}

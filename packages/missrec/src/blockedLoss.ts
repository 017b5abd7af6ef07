/**
 * The loss over a large catalogue without what is as long as it: the scores of B rows and C candidates are made in
 * blocks of candidates, each from the features of its own items, and histories adapt the features of their own items
 * alone.
 */
import { blockedCrossEntropy, type BlockInputs, tf } from '@ferry/engine';
import { adjust, type Adjusted, type ItemInputs, modalitiesOf } from '@ferry/sequential';
import { candidatesOf, foldedCandidates, foldedScores } from './fusion.ts';
import type { MissRecGroup } from './feeds.ts';
import { itemTables, type ItemTables, type ItemWeights } from './items.ts';
import type { MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/**
 * Histories that point to their own items: the item of each place, one place after the other through all groups,
 * padding (0) first.
 *
 * @param groups - Histories of item numbers.
 * @returns The groups with histories of places.
 */
export function localHistories(groups: readonly MissRecGroup[]): MissRecGroup[] {
  let places = 1;
  return groups.map((group) => {
    const { history } = group;
    const own = tf.reshape(tf.range(places, places + history.size, 1, 'int32'), history.shape);
    places += history.size;
    const isItem = tf.greater(history, tf.scalar(0, 'int32'));
    return { ...group, history: tf.where(isItem, own, tf.zerosLike(own)) };
  });
}

/**
 * The items of histories alone, for histories that {@link localHistories} made.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param items - The whole catalogue in order.
 * @param groups - Histories of item numbers.
 */
export function historyTables(
  p: MissRecParameters,
  options: MissRecOptions,
  items: ItemInputs,
  groups: readonly MissRecGroup[],
): ItemTables {
  const numbers = tf.concat([
    tf.zeros<tf.Rank.R1>([1], 'int32'),
    ...groups.map(({ history }) => tf.reshape<tf.Rank.R1>(history, [-1])),
  ]);
  const pick = (of: ItemInputs['features']): ItemInputs['features'] =>
    Object.fromEntries(Object.entries(of).map(([modality, table]) => [modality, tf.gather(table, numbers)]));
  return itemTables(p, options, { features: pick(items.features), present: pick(items.present), numbers });
}

/**
 * {@link catalogueLoss} in blocks: the same to rounding.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param inputs - Sequences [B, D], the whole catalogue in order, targets int32 [B] (item numbers 1..N), what is added to
 *   the logits of each item, and the items of a block.
 * @returns [B]
 */
export function blockedCatalogueLoss(
  p: MissRecParameters,
  options: MissRecOptions,
  inputs: { sequences: tf.Tensor2D; items: ItemInputs; targets: tf.Tensor; width?: number } & Adjusted,
): tf.Tensor1D {
  const { sequences, items, targets, adjustment, width } = inputs;
  const modalities = modalitiesOf(options);
  const { itemEmbedding, fusionFactor } = p;
  const perItem = fusionFactor?.rank === 1;
  const adapters = modalities.map((modality) => (modality === 'text' ? p.textAdapter! : p.imageAdapter!));
  const logits = (queries: tf.Tensor2D, block: BlockInputs): tf.Tensor2D => {
    const [tables, shared, constants] = [
      block.tables.values(),
      block.shared.values(),
      block.constants.values(),
    ];
    const { keep } = block;
    const next = (list: Iterator<tf.Tensor>): tf.Tensor => list.next().value as tf.Tensor;
    const linear = () => ({ weight: next(shared), bias: next(shared) });
    const own: ItemWeights = {
      textAdapter: p.textAdapter && linear(),
      imageAdapter: p.imageAdapter && linear(),
      itemEmbedding: itemEmbedding && { weight: next(tables) },
      fusionFactor: fusionFactor && (perItem ? tf.reshape(next(tables), [-1]) : next(shared)),
    };
    const rows: ItemInputs = { features: {}, present: {} };
    for (const modality of modalities) {
      rows.features[modality] = next(constants);
      rows.present[modality] = next(constants);
    }
    const encoded = itemTables(own, options, rows);
    const { adapted } = encoded;
    for (const modality of modalities) adapted[modality] = keep(adapted[modality]!);
    const candidates = foldedCandidates(
      options,
      candidatesOf(options, encoded, 'all'),
      1 / options.temperature,
    );
    const scores = foldedScores(queries, candidates, keep);
    return adjustment ? adjust(scores, next(constants)) : scores;
  };
  return blockedCrossEntropy(sequences, {
    tables: [
      ...(itemEmbedding ? [itemEmbedding.weight] : []),
      ...(perItem ? [tf.reshape(fusionFactor, [-1, 1])] : []),
    ],
    shared: [
      ...adapters.flatMap(({ weight, bias }) => [weight, bias]),
      ...(fusionFactor && !perItem ? [fusionFactor] : []),
    ],
    constants: [
      ...modalities.flatMap((modality) => [items.features[modality]!, items.present[modality]!]),
      ...(adjustment ? [adjustment] : []),
    ],
    labels: targets,
    logits,
    first: options.paddingInSoftmax ? 0 : 1,
    width,
  });
}

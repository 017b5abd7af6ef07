import { embedding, linear, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { type ItemInputs, modalitiesOf } from '@ferry/sequential';
import type { MissRecOptions } from './options.ts';
import type { ReadyProjections } from './ready.ts';

/** Items in the space of the model. */
export interface ItemTables {
  /** [V, D] adapted features, missing ones included. */
  adapted: Partial<Record<Modality, tf.Tensor>>;
  /** [V, D] adapted word-dropped text. */
  words?: tf.Tensor;
  /** [V, 1] as given. */
  present: Partial<Record<Modality, tf.Tensor>>;
  /**
   * [V, D] what stands for an item in a history, with `sequenceFusion: 'add'`: here, for rankings make it once and read
   * it often.
   */
  tokens?: tf.Tensor;
  /** [V, D] ID embeddings. */
  ids?: tf.Tensor;
  /** [] or [V] α. */
  factor?: tf.Tensor;
  /** What depends on weights and interests alone: made once for many histories, where nothing is dropped. */
  ready?: ReadyProjections;
}

/** What {@link itemTables} reads of a model's weights. */
export interface ItemWeights {
  /** Weight [D, F] and bias [D]. */
  readonly textAdapter?: { readonly weight: tf.Tensor; readonly bias: tf.Tensor };
  /** The same of images. */
  readonly imageAdapter?: { readonly weight: tf.Tensor; readonly bias: tf.Tensor };
  /** [V, D] */
  readonly itemEmbedding?: { readonly weight: tf.Tensor };
  /** [] or [V] α. */
  readonly fusionFactor?: tf.Tensor;
}

/** Adapters: the features of V items, encoded once however often a batch mentions them. */
export function itemTables(p: ItemWeights, options: MissRecOptions, items: ItemInputs): ItemTables {
  const adapt = (modality: Modality, features: tf.Tensor): tf.Tensor => {
    const adapter = modality === 'text' ? p.textAdapter : p.imageAdapter;
    if (!adapter) throw new Error(`itemTables: the model has no adapter for ${modality}`);
    return linear(features, adapter.weight, adapter.bias);
  };
  const adapted: ItemTables['adapted'] = {};
  for (const modality of modalitiesOf(options)) {
    const features = items.features[modality];
    if (!features) throw new Error(`itemTables: features of ${modality} must be given, got none`);
    adapted[modality] = adapt(modality, features);
  }
  const pick = (table: tf.Tensor): tf.Tensor => (items.numbers ? embedding(table, items.numbers) : table);
  const factor = p.fusionFactor;
  const tables = {
    adapted,
    words: items.words && adapt('text', items.words),
    present: items.present,
    ids: p.itemEmbedding && pick(p.itemEmbedding.weight),
    factor:
      factor?.rank === 1 && items.numbers
        ? tf.reshape(embedding(tf.reshape(factor, [-1, 1]), items.numbers), [-1])
        : factor,
  };
  return options.sequenceFusion === 'add'
    ? { ...tables, tokens: sumTable(options, tables, modalitiesOf(options)) }
    : tables;
}

/** [V, D]: the sum of an item's modalities (those it has, with `missing: 'mask'`) and its ID. */
export function sumTable(
  options: MissRecOptions,
  { adapted, present, ids, words }: Omit<ItemTables, 'tokens'>,
  modalities: readonly Modality[],
  useWords = false,
): tf.Tensor {
  const terms = modalities.map((modality) => {
    const table = (modality === 'text' && useWords ? words : adapted[modality])!;
    return options.missing === 'mask' ? tf.mul(table, present[modality]!) : table;
  });
  if (ids) terms.push(ids);
  return terms.reduce((a, b) => tf.add(a, b));
}

/**
 * MISSRec (Wang et al., ACM MM 2023): an encoder over the de-duplicated interests of a history, a decoder over its items that attends to them, one
 * vector per sequence, and candidates scored by the adaptive fusion of their modalities.
 *
 * B rows, L positions, V rows of the item tables (N + 1, or the items of a batch; row 0 is padding), D width, H heads, M modalities, K interests,
 * Q interest slots of a row. Everything here is a pure function of tensors, made to be compiled.
 */
import { attention, dropout, embedding, gelu, layerNorm, linear, type RandomSource, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { attentionBias, type LayerNormParameters, normalize } from '@ferry/nn';
import { attendOne } from './attendOne.ts';
import { modalitiesOf, type MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** Layer normalisations all use this (spec 2.3). */
const EPSILON = 1e-12;

/** Raw features of V items. */
export interface ItemInputs {
  /** [V, F] of each modality in use; row 0 is padding, rows of items without the modality are zero. */
  features: Partial<Record<Modality, tf.Tensor>>;
  /** [V, 1] of each modality in use: 1 where the item has it. Read with `missing: 'mask'` and in `contextual` sequences. */
  present: Partial<Record<Modality, tf.Tensor>>;
  /** [V, F] word-dropped text, where the step's augmented view is made by word drop. */
  words?: tf.Tensor | undefined;
  /** int32 [V] item numbers, where V rows are not the whole catalogue in order: picks per-item parameters. */
  numbers?: tf.Tensor | undefined;
}

/** Items in the space of the model. */
export interface ItemTables {
  /** [V, D] adapted features, missing ones included. */
  adapted: Partial<Record<Modality, tf.Tensor>>;
  /** [V, D] adapted word-dropped text. */
  words?: tf.Tensor | undefined;
  /** [V, 1] as given. */
  present: Partial<Record<Modality, tf.Tensor>>;
  /** [V, D] ID embeddings. */
  ids?: tf.Tensor | undefined;
  /** [] or [V] α. */
  factor?: tf.Tensor | undefined;
}

/** Adapters: the features of V items, encoded once however often a batch mentions them. */
export function itemTables(p: MissRecParameters, options: MissRecOptions, items: ItemInputs): ItemTables {
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
  return {
    adapted,
    words: items.words && adapt('text', items.words),
    present: items.present,
    ids: p.itemEmbedding && pick(p.itemEmbedding.weight),
    factor:
      factor?.rank === 1 && items.numbers
        ? tf.reshape(embedding(tf.reshape(factor, [-1, 1]), items.numbers), [-1])
        : factor,
  };
}

/** A group of sequences of one padded length. */
export type SequenceInputs = {
  /** int32 [B, L], rows of the item tables, right-padded with 0. */
  history: tf.Tensor;
  /** int32 [B] */
  lengths: tf.Tensor;
  /** int32 [B, Q], rows of the interest table; absent with interests `none`. */
  interests?: tf.Tensor | undefined;
  /** [B, Q]: 1 where a slot holds an interest. */
  interestMask?: tf.Tensor | undefined;
  /** int32 [B, Q]: row of the packed memory for each slot (any row for an empty one); with {@link PackedSlots}. */
  unpack?: tf.Tensor | undefined;
  /** int32 [B, L]: other rows for the images, where the released augmentation does not align them. */
  imageHistory?: tf.Tensor | undefined;
  /** [B, L]: 1 where the word-dropped text takes the text's place. */
  replaced?: tf.Tensor | undefined;
};

/**
 * The slots of all groups that hold an interest, one after the other (and some filling): the encoder's row-wise parts, which are most of its work, run
 * over these alone. Groups have about twice as many slots.
 */
export type PackedSlots = {
  /** int32 [S]: slots in the concatenation of the groups' [B * Q]. */
  slots: tf.Tensor;
  /** int32 [S]: their interests. */
  ids: tf.Tensor;
};

/** What {@link encodeSequences} computes. */
export interface EncodedSequences {
  /** [B, D], of length 1. */
  sequence: tf.Tensor2D;
  /** [B, Q, D] encoded interests; absent with interests `none`. */
  memory?: tf.Tensor3D | undefined;
  /** [B, H, Q] attention of the read position to the interests. */
  attended?: tf.Tensor3D | undefined;
}

/**
 * Sequence vectors. Only the position that is read (the last item's) is decoded: the decoder has one layer, so all other positions serve it as keys and
 * values only.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param tables - Item tables the histories point into.
 * @param interestTable - [K + 1, D] interest vectors, row 0 zero; no gradient flows into them.
 * @param inputs - Groups of rows; results come in the same order. Interests are projected once for all groups.
 * @param random - The step's random source; none in evaluation.
 * @param packed - Where slots are packed; every group then has `unpack`.
 */
export function encodeSequences(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  interestTable: tf.Tensor | undefined,
  inputs: readonly SequenceInputs[],
  random: RandomSource | undefined,
  packed?: PackedSlots,
): EncodedSequences[] {
  const tokenTable =
    options.sequenceFusion === 'add' ? sumTable(options, tables, modalitiesOf(options)) : undefined;
  const memories = interestTable && encodeInterests(p, options, interestTable, inputs, random, packed);
  return inputs.map((group, g) => {
    const memory = memories?.[g];
    const { tokens, hidden, read } = decoderTokens(p, options, tables, tokenTable, group, random);
    const decoded = decode(p, options, { tokens, hidden, read, memory, group, random });
    return { sequence: normalize(decoded.output) as tf.Tensor2D, memory, attended: decoded.attended };
  });
}

/** [V, D]: the sum of an item's modalities (those it has, with `missing: 'mask'`) and its ID. */
function sumTable(
  options: MissRecOptions,
  { adapted, present, ids, words }: ItemTables,
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

/** Tokens of a group [B, P, D] with the keys to hide [B, P] and the token each row is read at [B, D]. */
function decoderTokens(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  tokenTable: tf.Tensor | undefined,
  group: SequenceInputs,
  random: RandomSource | undefined,
): { tokens: tf.Tensor3D; hidden: tf.Tensor; read: tf.Tensor2D } {
  const { history, lengths, imageHistory = history } = group;
  const [B, L] = history.shape as [number, number];
  const positions = tf.slice(p.positionEmbedding.weight, [0, 0], [L, options.width]);
  const padding = tf.cast(tf.equal(history, tf.scalar(0, 'int32')), 'float32');
  const finish = (rows: tf.Tensor): tf.Tensor3D => {
    const normed = layerNorm(rows, p.tokenNorm.weight, p.tokenNorm.bias, EPSILON);
    return dropout(normed, options.dropout, random) as tf.Tensor3D;
  };
  // One row of a one-hot product per sequence: cheaper to differentiate than a gather along an axis.
  const at = (x: tf.Tensor, index: tf.Tensor): tf.Tensor2D => {
    const length = x.shape[1]!;
    const chosen = tf.cast(
      tf.equal(tf.reshape(tf.range(0, length, 1, 'int32'), [1, length]), tf.reshape(index, [B, 1])),
      'float32',
    );
    return tf.reshape(tf.matMul(tf.reshape(chosen, [B, 1, length]), x), [B, options.width]);
  };
  const last = tf.sub(lengths, tf.scalar(1, 'int32'));

  if (options.sequenceFusion === 'add') {
    const rows = tf.add(addTokens(options, tables, tokenTable!, group), positions);
    const tokens = finish(rows);
    return { tokens, hidden: padding, read: at(tokens, last) };
  }
  // contextual: [text_1 .. text_L, image_1 .. image_L], the same positions for both
  const modalities = modalitiesOf(options);
  const parts = modalities.map((modality) => {
    const ids = modality === 'image' ? imageHistory : history;
    const kept = group.replaced && modality === 'text' ? tf.expandDims(group.replaced, -1) : undefined;
    const plain = embedding(tables.adapted[modality]!, ids);
    const rows = kept
      ? tf.add(tf.mul(plain, tf.sub(1, kept)), tf.mul(embedding(tables.words!, ids), kept))
      : plain;
    return tf.add(tables.ids ? tf.add(rows, embedding(tables.ids, history)) : rows, positions);
  });
  const missing = modalities.map((modality) =>
    tf.sub(
      1,
      tf.reshape(embedding(tables.present[modality]!, modality === 'image' ? imageHistory : history), [B, L]),
    ),
  );
  const tokens = finish(tf.concat(parts, 1));
  const hidden = tf.concat(
    missing.map((absent) => tf.maximum(padding, absent)),
    1,
  );
  // Released code: read at the last text token. Where the last item lacks text, `mask` reads its image token.
  const textless =
    options.missing === 'mask' && modalities.length > 1
      ? tf.cast(tf.reshape(entryAt(missing[0]!, last), [B]), 'int32')
      : undefined;
  const index = textless ? tf.add(last, tf.mul(textless, tf.scalar(L, 'int32'))) : last;
  return { tokens, hidden, read: at(tokens, index) };
}

/** Entry index[b] of each row of [B, L]: [B, 1]. */
function entryAt(x: tf.Tensor, index: tf.Tensor): tf.Tensor {
  const [B, L] = x.shape as [number, number];
  const chosen = tf.equal(tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]), tf.reshape(index, [B, 1]));
  return tf.sum(tf.mul(x, tf.cast(chosen, 'float32')), 1, true);
}

/** [B, L, D] tokens of the `add` fusion, before positions. */
function addTokens(
  options: MissRecOptions,
  tables: ItemTables,
  tokenTable: tf.Tensor,
  { history, imageHistory, replaced }: SequenceInputs,
): tf.Tensor {
  if (imageHistory) {
    const text = embedding(sumTable(options, tables, ['text']), history);
    return tf.add(text, embedding(sumTable(options, { ...tables, ids: undefined }, ['image']), imageHistory));
  }
  const plain = embedding(tokenTable, history);
  if (!replaced) return plain;
  const dropped = embedding(sumTable(options, tables, modalitiesOf(options), true), history);
  const mask = tf.expandDims(replaced, -1);
  return tf.add(tf.mul(plain, tf.sub(1, mask)), tf.mul(dropped, mask));
}

/**
 * Queries, keys and values of the interests of each group, [B, Q, 3D]. The encoder's input has neither positions nor dropout, so where
 * the table has fewer rows than the groups have slots, the table is projected and the products are gathered.
 */
function interestProjections(
  p: MissRecParameters,
  interestTable: tf.Tensor,
  groups: readonly SequenceInputs[],
): tf.Tensor[] {
  const { weight, bias } = p.encoder.layers['0']!.selfAttention.inProjection;
  const slots = groups.reduce((sum, group) => sum + (group.interests?.size ?? 0), 0);
  const table = interestTable.shape[0] < slots ? linear(interestTable, weight, bias) : undefined;
  return groups.map(({ interests }) => {
    if (!interests) throw new Error('encodeSequences: interests must be given unless interestMethod is none');
    return table ? embedding(table, interests) : linear(vectorsOf(interestTable, interests), weight, bias);
  });
}

/** Interest vectors, without a gradient: [...ids.shape, D]. */
function vectorsOf(interestTable: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.gather(interestTable, tf.reshape(ids, [-1])), [...ids.shape, interestTable.shape[1]!]);
}

/** The encoder: one post-norm layer and its final normalisation (spec 2.3); [B, Q, D] of each group. */
function encodeInterests(
  p: MissRecParameters,
  { heads, dropout: rate }: MissRecOptions,
  interestTable: tf.Tensor,
  groups: readonly SequenceInputs[],
  random: RandomSource | undefined,
  packed: PackedSlots | undefined,
): tf.Tensor3D[] {
  const layer = p.encoder.layers['0']!;
  const projections = interestProjections(p, interestTable, groups);
  const mixed = groups.map(({ interestMask }, g) => {
    const [q, k, v] = tf.split(projections[g]!, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [B, Q] = q.shape as [number, number];
    const bias = attentionBias(Q, Q, { hidden: tf.sub(1, interestMask!) });
    const keep = random && rate > 0 ? random.keepMask([B, heads, Q, Q], rate) : undefined;
    return attention(q, k, v, { heads, bias, keep });
  });
  const rowwise = (rows: tf.Tensor, attended: tf.Tensor): tf.Tensor => {
    const { weight, bias } = layer.selfAttention.outProjection;
    const h = norm(layer.norm1, tf.add(rows, dropout(linear(attended, weight, bias), rate, random)));
    const out = norm(layer.norm2, tf.add(h, dropout(feedForward(layer, h, rate, random), rate, random)));
    return norm(p.encoder.norm!, out);
  };
  if (!packed)
    return mixed.map((x, g) => rowwise(vectorsOf(interestTable, groups[g]!.interests!), x) as tf.Tensor3D);
  const flat = mixed.map((x) => tf.reshape(x, [-1, x.shape[2]]));
  const attended = embedding(flat.length === 1 ? flat[0]! : tf.concat(flat), packed.slots);
  const memory = rowwise(vectorsOf(interestTable, packed.ids), attended);
  return groups.map(({ unpack }) => {
    if (!unpack) throw new Error('encodeSequences: packed slots need unpack in every group');
    return embedding(memory, unpack) as tf.Tensor3D;
  });
}

/** The decoder for the one position that is read: [B, D]. */
function decode(
  p: MissRecParameters,
  { heads, dropout: rate }: MissRecOptions,
  inputs: {
    tokens: tf.Tensor3D;
    hidden: tf.Tensor;
    read: tf.Tensor2D;
    memory: tf.Tensor3D | undefined;
    group: SequenceInputs;
    random: RandomSource | undefined;
  },
): { output: tf.Tensor; attended: tf.Tensor3D | undefined } {
  const { tokens, hidden, read, memory, group, random } = inputs;
  const layer = p.decoder.layers['0']!;
  const own = attendOne(layer.selfAttention, read, tokens, { heads, hidden, rate, random });
  const h = norm(layer.norm1, tf.add(read, dropout(own.output, rate, random)));
  const cross =
    memory &&
    attendOne(layer.crossAttention, h, memory, {
      heads,
      hidden: tf.sub(1, group.interestMask!),
      rate,
      random,
    });
  const g = norm(layer.norm2, cross ? tf.add(h, dropout(cross.output, rate, random)) : h);
  const out = norm(layer.norm3, tf.add(g, dropout(feedForward(layer, g, rate, random), rate, random)));
  return { output: norm(p.decoder.norm!, out), attended: cross?.weights };
}

function norm(p: LayerNormParameters, x: tf.Tensor): tf.Tensor {
  return layerNorm(x, p.weight, p.bias, EPSILON);
}

function feedForward(
  p: Pick<MissRecParameters['encoder']['layers'][string], 'linear1' | 'linear2'>,
  x: tf.Tensor,
  rate: number,
  random: RandomSource | undefined,
): tf.Tensor {
  const inner = dropout(gelu(linear(x, p.linear1.weight, p.linear1.bias)), rate, random);
  return linear(inner, p.linear2.weight, p.linear2.bias);
}

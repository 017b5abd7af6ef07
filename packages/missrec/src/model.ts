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
import { type ItemInputs, modalitiesOf } from '@ferry/sequential';
import type { MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** Layer normalisations all use this (spec 2.3). */
const EPSILON = 1e-12;

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
  /** [B, Q], 1 where a slot holds an interest. */
  interestMask?: tf.Tensor | undefined;
  /** int32 [B, Q]: row of the packed memory for each slot (any row for an empty one); with {@link PackedSlots}. */
  unpack?: tf.Tensor | undefined;
  /** int32 [B, L]: other rows for the images, where the released augmentation does not align them. */
  imageHistory?: tf.Tensor | undefined;
  /** [B, L], 1 where the word-dropped text takes the text's place. */
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

/** What {@link encodeSequences} computes for R rows in groups. */
export interface EncodedSequences {
  /** [R, D], of length 1; the rows of the groups, one group after the other. */
  sequence: tf.Tensor2D;
  /** [B, Q, D] encoded interests of each group; none with interests `none`. */
  memories: tf.Tensor3D[];
  /** [B, H, Q] attention of the read position to the interests, of each group. */
  attended: tf.Tensor3D[];
}

/**
 * Sequence vectors. Only the position that is read (the last item's) is decoded: the decoder has one layer, so all other positions serve it as keys and
 * values only. Whatever works row by row runs over all groups at once; only attention is done group by group.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param tables - Item tables the histories point into.
 * @param interestTable - [K + 1, D] interest vectors, row 0 zero; no gradient flows into them.
 * @param groups - Rows in groups of one length each.
 * @param random - The step's random source; none in evaluation.
 * @param packed - Where slots are packed; every group then has `unpack`.
 */
export function encodeSequences(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  interestTable: tf.Tensor | undefined,
  groups: readonly SequenceInputs[],
  random: RandomSource | undefined,
  packed?: PackedSlots,
): EncodedSequences {
  const memories = interestTable ? encodeInterests(p, options, interestTable, groups, random, packed) : [];
  const tokens = decoderTokens(p, options, tables, groups, random);
  const { output, attended } = decode(p, options, { ...tokens, memories, groups, random });
  return { sequence: normalize(output) as tf.Tensor2D, memories, attended };
}

const join = (parts: readonly tf.Tensor[]): tf.Tensor =>
  parts.length === 1 ? parts[0]! : tf.concat([...parts]);

/** Rows of a table for several id tensors: one gather, and so one scatter in the gradient. [...ids.shape, width] each. */
function embedAll(table: tf.Tensor, ids: readonly tf.Tensor[]): tf.Tensor[] {
  if (ids.length === 1) return [embedding(table, ids[0]!)];
  const rows = embedding(table, tf.concat(ids.map((x) => tf.reshape(x, [-1]))));
  return splitRows(
    rows,
    ids.map(({ shape }) => shape),
  );
}

/**
 * Undoes the joining of [..., D] tensors to rows: gives them their leading shapes back. By a split, whose gradient is one concatenation; that of slices
 * would pad each to the whole and add them up.
 */
function splitRows(rows: tf.Tensor, shapes: readonly number[][]): tf.Tensor[] {
  const width = rows.shape[1]!;
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const parts = sizes.length === 1 ? [rows] : tf.split(rows, sizes, 0);
  return parts.map((part, i) => tf.reshape(part, [...shapes[i]!, width]));
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

/** The decoder's input. */
interface DecoderTokens {
  /** [B, P, D] of each group: P is L, or M L in `contextual` sequences. */
  tokens: tf.Tensor[];
  /** [B, P] of each group: 1 hides a key. */
  hidden: tf.Tensor[];
  /** [R, D]: the token each row is read at. */
  read: tf.Tensor2D;
}

/** Tokens of all groups: items, positions, normalisation, dropout (spec 2.2). */
function decoderTokens(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  groups: readonly SequenceInputs[],
  random: RandomSource | undefined,
): DecoderTokens {
  const { width } = options;
  const add = options.sequenceFusion === 'add';
  const raw = add ? addTokens(options, tables, groups) : contextualTokens(options, tables, groups);
  const shapes = raw.map(({ rows }) => rows.shape.slice(0, 2));
  const placed = raw.map(({ rows }, g) => {
    const [B, L] = groups[g]!.history.shape as [number, number];
    // contextual: text_1 .. text_L, image_1 .. image_L have the same positions
    const parts = tf.reshape(rows, [B, -1, L, width]);
    const positions = tf.slice(p.positionEmbedding.weight, [0, 0], [L, width]);
    return tf.reshape(tf.add(parts, positions), [-1, width]);
  });
  const normed = layerNorm(join(placed), p.tokenNorm.weight, p.tokenNorm.bias, EPSILON);
  const flat = dropout(normed, options.dropout, random);
  let base = 0;
  const readAt = shapes.map(([B, P], g) => {
    const starts = tf.range(base, base + B! * P!, P, 'int32');
    base += B! * P!;
    return tf.add(starts, raw[g]!.read);
  });
  return {
    tokens: splitRows(flat, shapes),
    hidden: raw.map(({ hidden }) => hidden),
    read: embedding(flat, join(readAt)) as tf.Tensor2D,
  };
}

/** Tokens of a group before positions, the keys to hide, and the place each row is read at. */
interface RawTokens {
  rows: tf.Tensor; // [B, P, D]
  hidden: tf.Tensor; // [B, P]
  read: tf.Tensor; // int32 [B]
}

const paddingOf = (history: tf.Tensor): tf.Tensor =>
  tf.cast(tf.equal(history, tf.scalar(0, 'int32')), 'float32');
const lastOf = (lengths: tf.Tensor): tf.Tensor => tf.sub(lengths, tf.scalar(1, 'int32'));

/** `x (1 - mask) + y mask`, with [B, L] masks. */
const mixed = (x: tf.Tensor, y: tf.Tensor, mask: tf.Tensor): tf.Tensor => {
  const kept = tf.expandDims(mask, -1);
  return tf.add(tf.mul(x, tf.sub(1, kept)), tf.mul(y, kept));
};

/** One token per item: the sum of its modalities and its ID. */
function addTokens(
  options: MissRecOptions,
  tables: ItemTables,
  groups: readonly SequenceInputs[],
): RawTokens[] {
  const modalities = modalitiesOf(options);
  const histories = groups.map(({ history }) => history);
  const apart = groups.every(({ imageHistory }) => imageHistory);
  let rows = embedAll(sumTable(options, tables, apart ? ['text'] : modalities), histories);
  if (apart) {
    const images = embedAll(
      sumTable(options, { ...tables, ids: undefined }, ['image']),
      groups.map(({ imageHistory }) => imageHistory!),
    );
    rows = rows.map((text, g) => tf.add(text, images[g]!));
  }
  if (groups.every(({ replaced }) => replaced)) {
    const words = embedAll(sumTable(options, tables, modalities, true), histories);
    rows = rows.map((plain, g) => mixed(plain, words[g]!, groups[g]!.replaced!));
  }
  return groups.map(({ history, lengths }, g) => ({
    rows: rows[g]!,
    hidden: paddingOf(history),
    read: lastOf(lengths),
  }));
}

/** One token per item and modality: [text_1 .. text_L, image_1 .. image_L]; missing modalities are hidden. */
function contextualTokens(
  options: MissRecOptions,
  tables: ItemTables,
  groups: readonly SequenceInputs[],
): RawTokens[] {
  const modalities = modalitiesOf(options);
  return groups.map(({ history, lengths, imageHistory = history, replaced }) => {
    const [B, L] = history.shape as [number, number];
    const idsOf = (modality: Modality): tf.Tensor => (modality === 'image' ? imageHistory : history);
    const own = tables.ids && embedding(tables.ids, history);
    const parts = modalities.map((modality) => {
      const plain = embedding(tables.adapted[modality]!, idsOf(modality));
      const rows =
        replaced && modality === 'text' ? mixed(plain, embedding(tables.words!, history), replaced) : plain;
      return own ? tf.add(rows, own) : rows;
    });
    const padding = paddingOf(history);
    const absent = modalities.map((modality) =>
      tf.sub(1, tf.reshape(embedding(tables.present[modality]!, idsOf(modality)), [B, L])),
    );
    // Released code: read at the last text token. Where the last item lacks text, `mask` reads its image token.
    const last = lastOf(lengths);
    const textless =
      options.missing === 'mask' && modalities.length > 1
        ? tf.mul(tf.cast(entryAt(absent[0]!, last), 'int32'), tf.scalar(L, 'int32'))
        : undefined;
    return {
      rows: tf.concat(parts, 1),
      hidden: tf.concat(
        absent.map((missing) => tf.maximum(padding, missing)),
        1,
      ),
      read: textless ? tf.add(last, textless) : last,
    };
  });
}

/** Entry index[b] of each row of [B, L]: [B]. */
function entryAt(x: tf.Tensor, index: tf.Tensor): tf.Tensor {
  const [B, L] = x.shape as [number, number];
  const chosen = tf.equal(tf.reshape(tf.range(0, L, 1, 'int32'), [1, L]), tf.reshape(index, [B, 1]));
  return tf.sum(tf.mul(x, tf.cast(chosen, 'float32')), 1);
}

/**
 * Queries, keys and values of the interests of each group, [B, Q, 3D]. The encoder's input has neither positions nor dropout, so where
 * the table has fewer rows than the groups have slots, the table is projected and the products are gathered.
 */
function interestProjections(
  p: MissRecParameters,
  interestTable: tf.Tensor,
  ids: readonly tf.Tensor[],
): tf.Tensor[] {
  const { weight, bias } = p.encoder.layers['0']!.selfAttention.inProjection;
  const slots = ids.reduce((sum, { size }) => sum + size, 0);
  if (interestTable.shape[0] < slots) return embedAll(linear(interestTable, weight, bias), ids);
  return ids.map((own) => linear(vectorsOf(interestTable, own), weight, bias));
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
  const ids = groups.map(({ interests }) => {
    if (!interests) throw new Error('encodeSequences: interests must be given unless interestMethod is none');
    return interests;
  });
  const projections = interestProjections(p, interestTable, ids);
  const attended = groups.map(({ interestMask }, g) => {
    const [q, k, v] = tf.split(projections[g]!, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [B, Q] = q.shape as [number, number];
    const bias = attentionBias(Q, Q, { hidden: tf.sub(1, interestMask!) });
    const keep = random && rate > 0 ? random.keepMask([B, heads, Q, Q], rate) : undefined;
    const out = attention(q, k, v, { heads, bias, keep });
    return tf.reshape(out, [-1, out.shape[2]]);
  });
  const rows = join(attended);
  const slots = packed ? embedding(rows, packed.slots) : rows;
  const vectors = vectorsOf(interestTable, packed ? packed.ids : join(ids.map((x) => tf.reshape(x, [-1]))));
  const { weight, bias } = layer.selfAttention.outProjection;
  const h = norm(layer.norm1, tf.add(vectors, dropout(linear(slots, weight, bias), rate, random)));
  const out = norm(layer.norm2, tf.add(h, dropout(feedForward(layer, h, rate, random), rate, random)));
  const memory = norm(p.encoder.norm!, out);
  if (!packed)
    return splitRows(
      memory,
      ids.map(({ shape }) => shape),
    ) as tf.Tensor3D[];
  const places = groups.map(({ unpack }) => {
    if (!unpack) throw new Error('encodeSequences: packed slots need unpack in every group');
    return unpack;
  });
  return embedAll(memory, places) as tf.Tensor3D[];
}

/** The decoder for the one position that is read: [R, D]. */
function decode(
  p: MissRecParameters,
  { heads, dropout: rate }: MissRecOptions,
  inputs: DecoderTokens & {
    memories: readonly tf.Tensor3D[];
    groups: readonly SequenceInputs[];
    random: RandomSource | undefined;
  },
): { output: tf.Tensor; attended: tf.Tensor3D[] } {
  const { tokens, hidden, read, memories, groups, random } = inputs;
  const layer = p.decoder.layers['0']!;
  const settings = { heads, rate, random };
  const history = tokens.map((keys, g) => ({ keys, hidden: hidden[g]! }));
  const own = attendOne(layer.selfAttention, read, history, settings);
  const h = norm(layer.norm1, tf.add(read, dropout(own.output, rate, random)));
  const interests = memories.map((keys, g) => ({ keys, hidden: tf.sub(1, groups[g]!.interestMask!) }));
  const cross = interests.length > 0 ? attendOne(layer.crossAttention, h, interests, settings) : undefined;
  const g = norm(layer.norm2, cross ? tf.add(h, dropout(cross.output, rate, random)) : h);
  const out = norm(layer.norm3, tf.add(g, dropout(feedForward(layer, g, rate, random), rate, random)));
  return { output: norm(p.decoder.norm!, out), attended: cross?.weights ?? [] };
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

/** The decoder's input: what stands at each position of a history (spec 2.2). Letters as in model.ts. */
import { dropout, embedding, layerNorm, type RandomSource, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { embedGroups, joinRows, modalitiesOf, splitRows } from '@ferry/sequential';
import type { MissRecGroup } from './feeds.ts';
import { type ItemTables, sumTable } from './items.ts';
import { EPSILON, type MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';

/** The decoder's input. */
export interface DecoderTokens {
  /** [B, P, D] of each group: P is L, or M L in `contextual` sequences. */
  tokens: tf.Tensor[];
  /** [B, P] of each group: 1 hides a key. */
  hidden: tf.Tensor[];
  /** [R, D]: the token each row is read at. */
  read: tf.Tensor2D;
}

/** Tokens of all groups: items, positions, normalisation, dropout (spec 2.2). */
export function decoderTokens(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  groups: readonly MissRecGroup[],
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
  const normed = layerNorm(joinRows(placed), p.tokenNorm.weight, p.tokenNorm.bias, EPSILON);
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
    read: embedding(flat, joinRows(readAt)) as tf.Tensor2D,
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
  groups: readonly MissRecGroup[],
): RawTokens[] {
  const modalities = modalitiesOf(options);
  const histories = groups.map(({ history }) => history);
  const apart = groups.every(({ imageHistory }) => imageHistory);
  const whole = apart ? sumTable(options, tables, ['text']) : tables.tokens;
  let rows = embedGroups(whole ?? sumTable(options, tables, modalities), histories);
  if (apart) {
    const images = embedGroups(
      sumTable(options, { ...tables, ids: undefined }, ['image']),
      groups.map(({ imageHistory }) => imageHistory!),
    );
    rows = rows.map((text, g) => tf.add(text, images[g]!));
  }
  if (groups.every(({ replaced }) => replaced)) {
    const words = embedGroups(sumTable(options, tables, modalities, true), histories);
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
  groups: readonly MissRecGroup[],
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

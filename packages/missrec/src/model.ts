/**
 * MISSRec (Wang et al., ACM MM 2023): an encoder over the de-duplicated interests of a history, a decoder over its
 * items that attends to them, one vector per sequence, and candidates scored by the adaptive fusion of their
 * modalities.
 *
 * B rows, L positions, V rows of the item tables (N + 1, or the items of a batch; row 0 is padding), D width, H heads,
 * M modalities, K interests, Q interest slots of a row. Everything here is a pure function of tensors, made to be
 * compiled.
 */
import { attention, dropout, embedding, gelu, layerNorm, linear, type RandomSource, tf } from '@ferry/engine';
import { attentionBias, type LayerNormParameters, normalize } from '@ferry/nn';
import { embedGroups, joinRows, type Queries, splitRows } from '@ferry/sequential';
import { attendOne } from './attendOne.ts';
import type { MissRecFeed, MissRecGroup, PackedSlots } from './feeds.ts';
import type { ItemTables } from './items.ts';
import { EPSILON, type MissRecOptions } from './options.ts';
import type { MissRecParameters } from './parameters.ts';
import { projectedInterests, type Projections, type ReadyProjections } from './ready.ts';
import { type DecoderTokens, decoderTokens } from './tokens.ts';

/** What {@link encodeSequences} computes for R rows in groups. */
export interface MissRecQueries extends Queries {
  /** [R, D], of length 1; the rows of the groups, one group after the other. */
  vectors: tf.Tensor2D;
  /** [B, Q, D] encoded interests of each group; none with interests `none`. */
  memories: tf.Tensor3D[];
  /** [B, H, Q] attention of the read position to the interests, of each group. */
  attended: tf.Tensor3D[];
}

/**
 * Sequence vectors. Only the position that is read (the last item's) is decoded: the decoder has one layer, so all
 * other positions serve it as keys and values only. Whatever works row by row runs over all groups at once; only
 * attention is done group by group.
 *
 * @param p - Weights.
 * @param options - Model options.
 * @param tables - Item tables the histories point into.
 * @param interestTable - [K + 1, D] interest vectors, row 0 zero; no gradient flows into them.
 * @param feed - Rows in groups of one length each. Where slots are packed, every group has `unpack`.
 * @param random - The step's random source; none in evaluation.
 */
export function encodeSequences(
  p: MissRecParameters,
  options: MissRecOptions,
  tables: ItemTables,
  interestTable: tf.Tensor | undefined,
  { groups, packed }: MissRecFeed,
  random: RandomSource | undefined,
): MissRecQueries {
  const { ready } = tables;
  const memories = interestTable
    ? encodeInterests(p, options, interestTable, { groups, packed, random, ready: ready?.interests })
    : [];
  const tokens = decoderTokens(p, options, tables, groups, random);
  const { output, attended } = decode(p, options, { ...tokens, memories, groups, random, ready });
  return { vectors: normalize(output) as tf.Tensor2D, memories, attended };
}

/**
 * Queries, keys and values of the interests of each group, [B, Q, D] each. The encoder's input has neither positions nor
 * dropout, so where the table has fewer rows than the groups have slots, or was projected before, products are gathered.
 */
function interestProjections(
  p: MissRecParameters,
  interestTable: tf.Tensor,
  ids: readonly tf.Tensor[],
  ready: Projections | undefined,
): Projections[] {
  const { weight, bias } = p.encoder.layers['0']!.selfAttention.inProjection;
  const slots = ids.reduce((sum, { size }) => sum + size, 0);
  if (!ready && interestTable.shape[0] >= slots)
    return ids.map(
      (own) => tf.split(linear(vectorsOf(interestTable, own), weight, bias), 3, -1) as Projections,
    );
  const parts = (ready ?? projectedInterests(p, interestTable)).map((table) => embedGroups(table, ids));
  return ids.map((_, g) => parts.map((part) => part[g]!) as Projections);
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
  inputs: {
    groups: readonly MissRecGroup[];
    packed: PackedSlots | undefined;
    random: RandomSource | undefined;
    ready: Projections | undefined;
  },
): tf.Tensor3D[] {
  const { groups, packed, random, ready } = inputs;
  const layer = p.encoder.layers['0']!;
  const ids = groups.map(({ interests }) => {
    if (!interests) throw new Error('encodeSequences: interests must be given unless interestMethod is none');
    return interests;
  });
  const projections = interestProjections(p, interestTable, ids, ready);
  const attended = groups.map(({ interestMask }, g) => {
    const [q, k, v] = projections[g]!;
    const [B, Q] = q.shape as [number, number];
    const bias = attentionBias(Q, Q, { hidden: tf.sub(1, interestMask!) });
    const keep = random && rate > 0 ? random.keepMask([B, heads, Q, Q], rate) : undefined;
    const out = attention(q, k, v, { heads, bias, keep });
    return tf.reshape(out, [-1, out.shape[2]]);
  });
  const rows = joinRows(attended);
  const slots = packed ? embedding(rows, packed.slots) : rows;
  const vectors = vectorsOf(
    interestTable,
    packed ? packed.ids : joinRows(ids.map((x) => tf.reshape(x, [-1]))),
  );
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
  return embedGroups(memory, places) as tf.Tensor3D[];
}

/** The decoder for the one position that is read: [R, D]. */
function decode(
  p: MissRecParameters,
  { heads, dropout: rate }: MissRecOptions,
  inputs: DecoderTokens & {
    memories: readonly tf.Tensor3D[];
    groups: readonly MissRecGroup[];
    random: RandomSource | undefined;
    ready: ReadyProjections | undefined;
  },
): { output: tf.Tensor; attended: tf.Tensor3D[] } {
  const { tokens, hidden, read, memories, groups, random, ready } = inputs;
  const layer = p.decoder.layers['0']!;
  const settings = { heads, rate, random };
  const history = tokens.map((keys, g) => ({ keys, hidden: hidden[g]! }));
  const own = attendOne(layer.selfAttention, read, history, { ...settings, projections: ready?.self });
  const h = norm(layer.norm1, tf.add(read, dropout(own.output, rate, random)));
  const interests = memories.map((keys, g) => ({ keys, hidden: tf.sub(1, groups[g]!.interestMask!) }));
  const cross =
    interests.length > 0
      ? attendOne(layer.crossAttention, h, interests, { ...settings, projections: ready?.cross })
      : undefined;
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

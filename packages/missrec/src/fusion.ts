import { embedding, tf } from '@ferry/engine';
import type { Modality } from '@ferry/features';
import { normalize } from '@ferry/nn';
import { modalitiesOf } from '@ferry/sequential';
import type { ItemTables } from './items.ts';
import { type MissRecOptions } from './options.ts';

/** Items to be scored: C candidates. */
export type Candidates = {
  /** [C, D] adapted features of each modality, of length 1. */
  content: Partial<Record<Modality, tf.Tensor>>;
  /** [C, 1], 1 where the item has the modality. */
  present: Partial<Record<Modality, tf.Tensor>>;
  /** [C, D] ID embeddings, of length 1. */
  ids?: tf.Tensor;
  /** [C, D] normalised sums of feature and ID, with `singleModality: 'summed'`. */
  summed?: tf.Tensor;
  /** [] or [C] α. */
  factor?: tf.Tensor;
};

/**
 * The candidate side of items.
 *
 * @param options - Model options.
 * @param tables - Items in the space of the model.
 * @param which - All rows, all but the padding row, or int32 [C] rows.
 */
export function candidatesOf(
  options: MissRecOptions,
  tables: ItemTables,
  which: 'all' | 'items' | tf.Tensor,
): Candidates {
  const pick = (table: tf.Tensor): tf.Tensor => {
    if (which === 'all') return table;
    if (which === 'items') return tf.slice(table, [1, 0], [table.shape[0] - 1, table.shape[1]!]);
    return embedding(table, which);
  };
  const modalities = modalitiesOf(options);
  const content: Candidates['content'] = {};
  const present: Candidates['present'] = {};
  for (const modality of modalities) {
    content[modality] = normalize(pick(tables.adapted[modality]!));
    if (options.missing === 'mask') present[modality] = pick(tables.present[modality]!);
  }
  const { factor, ids } = tables;
  const only = modalities.length === 1 ? tables.adapted[modalities[0]!]! : undefined;
  return {
    content,
    present,
    ids: ids && normalize(pick(ids)),
    summed:
      ids && only && options.singleModality === 'summed'
        ? normalize(tf.add(pick(only), pick(ids)))
        : undefined,
    factor: factor?.rank === 1 ? tf.reshape(pick(tf.reshape(factor, [-1, 1])), [-1]) : factor,
  };
}

/**
 * Similarity of sequences and candidates by the adaptive fusion (spec 2.4): with cosines s_m of the modalities,
 * `s = Σ_m w_m s_m`, `w = softmax_m(α s_m)`, no temperature inside; α = 0 is the mean, α → ∞ the maximum. With IDs
 * `(s_id + 2 s) / 3`. With `missing: 'mask'` (paper) the softmax runs over the modalities an item has, and an item
 * without any is scored by its ID alone (0 without IDs), as are all items of a model without modalities; the released
 * code lets the adapter's bias stand for what is missing.
 *
 * @param options - Model options.
 * @param sequences - [B, D], of length 1.
 * @param candidates - From {@link candidatesOf}.
 * @returns [B, C] in [-1, 1].
 */
export function fusedScores(
  options: MissRecOptions,
  sequences: tf.Tensor,
  candidates: Candidates,
): tf.Tensor2D {
  const cosine = (rows: tf.Tensor): tf.Tensor => tf.matMul(sequences, rows, false, true);
  if (candidates.summed) return cosine(candidates.summed) as tf.Tensor2D;
  const modalities = modalitiesOf(options);
  if (modalities.length === 0) return cosine(candidates.ids!) as tf.Tensor2D;
  const scores = modalities.map((modality) => cosine(candidates.content[modality]!));
  // [1, C]: whether an item has the modality
  const has = modalities.map((modality) => {
    const present = candidates.present[modality];
    return options.missing === 'mask' && present ? tf.reshape(present, [1, -1]) : undefined;
  });
  const { fused, any } =
    scores.length === 1 ? fuseOne(scores[0]!, has[0]) : fuseTwo(scores, has, candidates.factor);
  if (!candidates.ids) return fused as tf.Tensor2D;
  const own = cosine(candidates.ids);
  if (!any) return tf.div(tf.add(own, tf.mul(fused, 2)), 3);
  const weight = tf.mul(any, 2);
  return tf.div(tf.add(own, tf.mul(fused, weight)), tf.add(weight, 1));
}

interface Fused {
  fused: tf.Tensor;
  /** [1, C], 1 where an item has any modality; absent where all count as present. */
  any?: tf.Tensor;
}

function fuseOne(score: tf.Tensor, has: tf.Tensor | undefined): Fused {
  return has ? { fused: tf.mul(score, has), any: has } : { fused: score };
}

/** A softmax over two is the logistic function of their difference. */
function fuseTwo(
  scores: readonly tf.Tensor[],
  has: readonly (tf.Tensor | undefined)[],
  factor?: tf.Tensor,
): Fused {
  const [a, b] = scores as [tf.Tensor, tf.Tensor];
  const [hasA, hasB] = has;
  const difference = tf.sub(a, b);
  const share = factor ? tf.sigmoid(tf.mul(difference, factor)) : undefined;
  if (!hasA || !hasB)
    return { fused: share ? tf.add(b, tf.mul(share, difference)) : tf.mul(tf.add(a, b), 0.5) };
  const both = tf.mul(hasA, hasB);
  const onlyA = tf.sub(hasA, both);
  const any = tf.sub(tf.add(hasA, hasB), both);
  // w_a = [both] σ(α (a - b)) + [a alone]; w_b = [any] - w_a
  const weight = tf.add(share ? tf.mul(both, share) : tf.mul(both, 0.5), onlyA);
  return { fused: tf.add(tf.mul(b, any), tf.mul(weight, difference)), any };
}

/** Candidates whose fusion is done as far as it can be before a sequence is known. */
export type FoldedCandidates = {
  /** What does not go through the softmax, [C, D]. */
  direct: tf.Tensor;
  /** Text less image, [C, D]; absent where no softmax decides. */
  difference?: tf.Tensor;
  /** What stands before the gated difference, [C]; 0 for items without both modalities. */
  gate?: tf.Tensor;
  /** [] or [C] α. */
  factor?: tf.Tensor;
};

/**
 * Candidates for {@link foldedScores}: a product is linear in its rows, so whatever part of the fusion does not go
 * through the softmax is summed in the rows first.
 *
 * @param options - Model options.
 * @param candidates - From {@link candidatesOf}.
 * @param scale - Multiplies the scores.
 */
export function foldedCandidates(
  options: MissRecOptions,
  { content, present, ids, summed, factor }: Candidates,
  scale = 1,
): FoldedCandidates {
  if (summed) return { direct: tf.mul(summed, scale) };
  const modalities = modalitiesOf(options);
  if (modalities.length === 0) return { direct: tf.mul(ids!, scale) };
  const [a, b] = modalities.map((modality) => content[modality]!) as [tf.Tensor, tf.Tensor?];
  // [C, 1]: whether an item has the modality
  const [hasA, hasB] = modalities.map((modality) => present[modality] ?? tf.scalar(1)) as [
    tf.Tensor,
    tf.Tensor?,
  ];
  const both = hasB ? tf.mul(hasA, hasB) : tf.scalar(0);
  const onlyA = tf.sub(hasA, both);
  const any = hasB ? tf.sub(tf.add(hasA, hasB), both) : hasA;
  // what stands before the content and before the ID in (s_id + 2 any s) / (1 + 2 any)
  const own = ids ? tf.div(scale, tf.add(tf.mul(any, 2), 1)) : undefined;
  const weight = own ? tf.mul(tf.mul(own, any), 2) : tf.mul(any, scale);
  // w_a where no softmax decides: all of an item that has no other modality, and half of both without α
  const share = factor ? onlyA : tf.add(onlyA, tf.mul(both, 0.5));
  const rows = [tf.mul(a, tf.mul(weight, share))];
  if (b) rows.push(tf.mul(b, tf.mul(weight, tf.sub(any, share))));
  if (own) rows.push(tf.mul(ids!, own));
  const direct = rows.reduce((sum, row) => tf.add(sum, row));
  if (!factor || !b) return { direct };
  const gate = tf.broadcastTo(tf.mul(weight, both), [a.shape[0], 1]);
  return { direct, difference: tf.sub(a, b), gate: tf.reshape(gate, [-1]), factor };
}

/**
 * {@link fusedScores} with two products in place of three: with the cosines `δ = s_text - s_image` all but
 * `gate σ(α δ) δ` is one product. It differs from `fusedScores` by rounding alone.
 *
 * @param sequences - [B, D], of length 1.
 * @param candidates - From {@link foldedCandidates}.
 * @param keep - Marks the products, for a loss in blocks.
 * @returns [B, C]
 */
export function foldedScores(
  sequences: tf.Tensor,
  { direct, difference, gate, factor }: FoldedCandidates,
  keep = (product: tf.Tensor2D): tf.Tensor2D => product,
): tf.Tensor2D {
  const product = (rows: tf.Tensor): tf.Tensor2D => keep(tf.matMul(sequences, rows, false, true));
  const sum = product(direct);
  if (!difference) return sum;
  const δ = product(difference);
  return tf.add(sum, tf.mul(tf.mul(tf.sigmoid(tf.mul(δ, factor!)), gate!), δ));
}

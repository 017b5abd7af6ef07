import type { Interests } from './types.ts';

/** K or k from a share of the T tokens: max(ceil(T * ratio), 1), as in MISSRec. */
export function shareOfTokens(tokens: number, ratio: number): number {
  if (!(ratio > 0) || !Number.isInteger(tokens) || tokens < 1)
    throw new RangeError(
      `shareOfTokens: tokens must be a positive integer and ratio positive, got ${tokens} and ${ratio}`,
    );
  return Math.max(Math.ceil(tokens * ratio), 1);
}

/**
 * One table per modality from item to interest, from the assignment of the items' tokens.
 *
 * @param assignment - [M*N], all items' tokens of the first modality, then of the second, and so on; -1 =
 * left out.
 * @param items - N.
 * @returns M tables [N+1]: row i is item number i, row 0 is padding; 0 = no interest, c+1 = interest c.
 */
export function interestLookups(assignment: Int32Array, items: number): Int32Array[] {
  if (!Number.isInteger(items) || items < 1 || assignment.length % items !== 0 || assignment.length === 0)
    throw new RangeError(
      `interestLookups: assignment must hold N tokens per modality, got ${assignment.length} tokens for N=${items}`,
    );
  return Array.from({ length: assignment.length / items }, (_, m) => {
    const lookup = new Int32Array(items + 1);
    for (let i = 0; i < items; i++) lookup[i + 1] = assignment[m * items + i]! + 1;
    return lookup;
  });
}

/**
 * The interests' vectors as an embedding table whose row 0 (no interest) is zero.
 *
 * @param rows - Rows of the table, at least K+1 (the default): a fixed number keeps tensor shapes fixed when
 * K varies.
 * @returns [rows*D].
 */
export function interestTable(interests: Interests, rows = interests.count + 1): Float32Array {
  if (!Number.isInteger(rows) || rows < interests.count + 1)
    throw new RangeError(`interestTable: rows must be at least K+1=${interests.count + 1}, got ${rows}`);
  const table = new Float32Array(rows * interests.width);
  table.set(interests.centres, interests.width);
  return table;
}

/** Options of {@link interestTokens}. */
export interface InterestTokenOptions {
  /**
   * What becomes of id 0, which padding and missing modalities look up. `exclude` (the paper): it is no
   * interest. `keep` (the released code): where it occurs it takes the first slot, masked. Default `exclude`.
   */
  zero?: 'exclude' | 'keep';
  /**
   * Q is rounded up to a multiple of this, so that few tensor shapes occur. Default 8.
   */
  multiple?: number;
}

/** Interests of a batch of sequences; letters B sequences, Q slots. */
export interface InterestTokens {
  /** Interest numbers 1..K, ascending without repeats, then 0; [B*Q]. */
  ids: Int32Array;
  /** 1 where the slot holds an interest, else 0; [B*Q]. */
  mask: Float32Array;
  /** Q: slots per sequence, a multiple of `multiple`. */
  Q: number;
  /**
   * Slots of the fullest sequence before rounding up (the released code's Q; its regulariser divides by it).
   */
  longest: number;
}

/**
 * Turns histories into the sets of interests they touch: looks up every item in every modality's table, and
 * keeps each interest once, in ascending order. Dropping the repeats is what takes frequent interests' weight
 * away.
 *
 * With `zero: 'exclude'` a sequence that touches no interest at all (a padding row of the batch, or only
 * items without any modality) gets one valid slot with id 0, the zero vector: so no row is masked completely
 * and attention stays finite. With `zero: 'keep'` slots and mask are the released code's: id 0 is listed
 * where it occurs, and is masked like the padding behind the last interest.
 *
 * @param history - Item numbers [B*L], 0 = padding; or one such array per modality (an augmented view may
 * drop items from one modality only).
 * @param B - Sequences.
 * @param L - Positions of a history.
 * @param lookups - One table [N+1] per modality, see {@link interestLookups}.
 * @throws RangeError for arrays of the wrong length and for an item number outside a table.
 *
 * @example
 * ```ts
 * // Items 1 and 2; text interests 3 and 1, image interests 3 and none.
 * interestTokens(Int32Array.of(1, 2), 1, 2, [Int32Array.of(0, 3, 1), Int32Array.of(0, 3, 0)], { multiple: 4 });
 * // ids 1 3 0 0, mask 1 1 0 0
 * ```
 */
export function interestTokens(
  history: Int32Array | readonly Int32Array[],
  B: number,
  L: number,
  lookups: readonly Int32Array[],
  options: InterestTokenOptions = {},
): InterestTokens {
  const { zero = 'exclude', multiple = 8 } = options;
  if (!Number.isInteger(multiple) || multiple < 1)
    throw new RangeError(`interestTokens: multiple must be a positive integer, got ${multiple}`);
  if (lookups.length === 0)
    throw new RangeError('interestTokens: at least one lookup table is needed, got 0');
  const histories = history instanceof Int32Array ? lookups.map(() => history) : history;
  if (histories.length !== lookups.length || histories.some((items) => items.length !== B * L))
    throw new RangeError(
      `interestTokens: every history must hold B*L=${B * L} items, one per lookup table (${lookups.length}), got ` +
        histories.map((items) => items.length).join(', '),
    );

  // First the sets, packed one after the other; then, once the fullest is known, the padded matrix.
  const M = lookups.length;
  const found = new Int32Array(B * M * L);
  const sizes = new Int32Array(B);
  for (let b = 0; b < B; b++) {
    const row = found.subarray(b * M * L, (b + 1) * M * L);
    let read = 0;
    for (let m = 0; m < M; m++)
      for (let l = 0; l < L; l++) {
        const item = histories[m]![b * L + l]!;
        const id = lookups[m]![item];
        if (id === undefined)
          throw new RangeError(
            `interestTokens: item must be in 0..${lookups[m]!.length - 1}, got ${item} in row ${b}`,
          );
        row[read++] = id;
      }
    row.sort();
    let kept = 0;
    for (let i = 0; i < row.length; i++) {
      const id = row[i]!;
      if ((id === 0 && zero === 'exclude') || (kept > 0 && id === row[kept - 1])) continue;
      row[kept++] = id;
    }
    if (kept === 0) row[kept++] = 0;
    sizes[b] = kept;
  }

  const longest = sizes.reduce((most, size) => Math.max(most, size), 1);
  const Q = Math.ceil(longest / multiple) * multiple;
  const ids = new Int32Array(B * Q);
  const mask = new Float32Array(B * Q);
  for (let b = 0; b < B; b++)
    for (let q = 0; q < sizes[b]!; q++) {
      const id = found[b * M * L + q]!;
      ids[b * Q + q] = id;
      mask[b * Q + q] = id === 0 && zero === 'keep' ? 0 : 1;
    }
  return { ids, mask, Q, longest };
}

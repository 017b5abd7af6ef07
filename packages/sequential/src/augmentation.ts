import type { RandomStream } from '@ferry/engine';

/** A batch's histories after item drop. */
export interface DroppedItems {
  /** [B * L], right-padded with 0. */
  history: Int32Array;
  /** [B], at least 1. */
  lengths: Int32Array;
}

/**
 * Marks of the augmented view: 1 = keep, with probability `1 - ratio`, for each of B * L positions.
 */
export function drawMarks(size: number, ratio: number, random: RandomStream): Uint8Array {
  return Uint8Array.from({ length: size }, () => (random.uniform() >= ratio ? 1 : 0));
}

/**
 * Item drop (spec 4). The first position and all padding always count as kept. Rule `own` (paper): an item survives iff
 * its own mark is keep. Rule `next` (released): items are scattered to cumsum(keep) - 1 and the last writer wins, so an
 * item survives iff the next position is marked keep: the last item always does, the first may not.
 *
 * @param history - [B * L]
 * @param lengths - [B]
 * @param marks - [B * L], from {@link drawMarks}.
 * @param rule - Which mark counts.
 */
export function dropItems(
  history: Int32Array,
  lengths: Int32Array,
  marks: Uint8Array,
  rule: 'own' | 'next',
): DroppedItems {
  const L = history.length / lengths.length;
  const dropped = new Int32Array(history.length);
  const left = new Int32Array(lengths.length);
  for (let b = 0; b < lengths.length; b++) {
    const length = lengths[b]!;
    let kept = 0;
    for (let l = 0; l < length; l++) {
      const at = rule === 'own' ? l : l + 1;
      const survives = at === 0 || at >= length || marks[b * L + at] === 1;
      if (survives) dropped[b * L + kept++] = history[b * L + l]!;
    }
    left[b] = kept;
  }
  return { history: dropped, lengths: left };
}

/**
 * Word drop (spec 4): where the mask is not keep, the word-dropped text takes the text's place.
 *
 * @param history - [B * L]
 * @param marks - [B * L], from {@link drawMarks}.
 * @returns [B * L], 1 where the text is replaced.
 */
export function replacedWords(history: Int32Array, marks: Uint8Array): Float32Array {
  return Float32Array.from(history, (item, at) => (item !== 0 && marks[at] === 0 ? 1 : 0));
}

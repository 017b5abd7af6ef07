import { tf } from '@ferry/engine';
import { roundedUp } from './groups.ts';
import type { Feed, FeedGroup, FeedPlace, SequenceInputs } from './types.ts';

/** Groups of histories as tensors: the feed of a model that reads nothing else. */
export function plainFeed(groups: readonly FeedGroup[], { rowOf, read }: FeedPlace): Feed {
  return {
    groups: groups.map(({ length, history, lengths }): SequenceInputs => ({
      history: tf.tensor2d(rowOf ? history.map(rowOf) : history, [lengths.length, length], 'int32'),
      lengths: tf.tensor1d(lengths, 'int32'),
    })),
    read: read && tf.tensor1d(read, 'int32'),
  };
}

/** All positions of some groups and what follows each, as an objective over whole sequences reads them. */
export interface ReadPositions {
  /** Positions, numbered through the groups' [B * L]; then copies of the first. Int32 [S]. */
  read: Int32Array;
  /** The item after each. Int32 [S]. */
  targets: Int32Array;
  /** The example each belongs to, in the order of the groups. Int32 [S]. */
  examples: Int32Array;
  /** 1 for a position, 0 for a copy. Float32 [S]. */
  weights: Float32Array;
}

/**
 * The positions of all groups that hold an item. S is rounded up, so that shapes of compiled steps stay few.
 *
 * @param groups - Histories.
 * @param targets - The item after each history, in the order of the groups.
 */
export function readPositions(groups: readonly FeedGroup[], targets: Int32Array): ReadPositions {
  const count = groups.reduce((sum, { lengths }) => sum + lengths.reduce((a, b) => a + b, 0), 0);
  const size = roundedUp(count);
  const found: ReadPositions = {
    read: new Int32Array(size),
    targets: new Int32Array(size),
    examples: new Int32Array(size),
    weights: new Float32Array(size).fill(1, 0, count),
  };
  let at = 0;
  let example = 0;
  let base = 0;
  for (const { length, history, lengths } of groups) {
    for (let b = 0; b < lengths.length; b++, example++, base += length)
      for (let l = 0; l < lengths[b]!; l++, at++) {
        found.read[at] = base + l;
        const next = l + 1 < lengths[b]! ? history[b * length + l + 1] : targets[example];
        found.targets[at] = next!;
        found.examples[at] = example;
      }
  }
  for (const values of [found.read, found.targets, found.examples]) values.fill(values[0]!, count);
  return found;
}

/** The distinct items of a step: their numbers, padding first and at the end, and the row of each. */
export function distinctItems(
  lists: readonly Int32Array[],
  items: number,
): { numbers: Int32Array; rowOf: Int32Array } {
  const rowOf = new Int32Array(items + 1);
  const numbers = [0];
  for (const list of lists)
    for (const item of list) {
      if (item === 0 || rowOf[item] !== 0) continue;
      rowOf[item] = numbers.length;
      numbers.push(item);
    }
  const padded = new Int32Array(Math.min(roundedUp(numbers.length), items + 1));
  padded.set(numbers);
  return { numbers: padded, rowOf };
}

import type { Impressions } from './types.ts';

/** `3 impressions have …, such as impression 17`, by the number of what was found. */
const those = (count: number, one: string, several: string): string =>
  count === 1 ? `1 impression ${one}` : `${count} impressions ${several}`;

/** A number of an impression that a later line has again, and how many such lines there are. */
function repeatedNumbers(numbers: Float64Array): { count: number; first: number } {
  const sorted = numbers.slice().sort();
  let [count, first] = [0, NaN];
  for (let at = 1; at < sorted.length; at++)
    if (sorted[at] === sorted[at - 1] && count++ === 0) first = sorted[at]!;
  return { count, first };
}

/**
 * What stands twice where once is expected: candidates of an impression, numbers of impressions. Both are kept, as the
 * official evaluator keeps them.
 *
 * @param newsCount - N
 * @returns A sentence for each kind that was found.
 */
export function repeatedWarnings(
  { source, count, ids, candidates: { offsets, values } }: Impressions,
  newsCount: number,
): string[] {
  const shownIn = new Int32Array(newsCount + 1).fill(-1);
  let [shownTwice, example] = [0, NaN];
  for (let r = 0; r < count; r++) {
    let twice = false;
    for (let at = offsets[r]!; at < offsets[r + 1]!; at++) {
      const news = values[at]!;
      twice ||= shownIn[news] === r;
      shownIn[news] = r;
    }
    if (twice && shownTwice++ === 0) example = ids[r]!;
  }
  const { count: again, first } = repeatedNumbers(ids);
  return [
    ...(shownTwice > 0
      ? [
          `${source}: ${those(shownTwice, 'shows', 'show')} a news twice, such as impression ${example}: each ` +
            'occurrence is ranked, as by the official evaluator',
        ]
      : []),
    ...(again > 0
      ? [
          `${source}: ${those(again, 'has', 'have')} the number of another, such as ${first}: each is counted, and a ` +
            'submission has a line for each',
        ]
      : []),
  ];
}

/**
 * How many single-character insertions, deletions, replacements and swaps of neighbours turn one word into another
 * (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  const row = (i: number): number[] => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : i));
  let before: number[] = [];
  let above = row(0);
  for (let i = 1; i <= a.length; i++) {
    const here = row(i);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      here[j] = Math.min(above[j]! + 1, here[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        here[j] = Math.min(here[j]!, before[j - 2]! + 1);
    }
    before = above;
    above = here;
  }
  return above[b.length]!;
}

/** What people may have meant: the nearest candidate if it is near (a third of the word, at least 2 edits), else none. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const flat = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '');
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(flat(word), flat(candidate));
    if (distance < least && distance < candidate.length) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean 'x'?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = suggest(word, candidates);
  return found === undefined ? '' : `; did you mean '${found}'?`;
}

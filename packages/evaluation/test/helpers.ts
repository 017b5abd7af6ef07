import type { Rows } from '@ferry/data';

/** Rows from readable lists of [history, target]. */
export function rowsOf(examples: readonly (readonly [number[], number])[]): Rows {
  const starts: number[] = [];
  const ends: number[] = [];
  const items: number[] = [];
  for (const [history] of examples) {
    starts.push(items.length);
    items.push(...history);
    ends.push(items.length);
  }
  return {
    users: Int32Array.from(examples.keys()),
    targets: Int32Array.from(examples, ([, target]) => target),
    items: Int32Array.from(items),
    starts: Int32Array.from(starts),
    ends: Int32Array.from(ends),
  };
}

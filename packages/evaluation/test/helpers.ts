import type { Rows } from '@ferry/data';
import type { Lists } from '../src/index.ts';

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

/** Lists from readable rows of [list, relevant]. */
export function listsOf(rows: readonly (readonly [number[], number[]])[], gains?: number[]): Lists {
  const ends = (at: 0 | 1): Int32Array => {
    let end = 0;
    return Int32Array.from(rows, (row) => (end += row[at].length));
  };
  return {
    items: Int32Array.from(rows.flatMap(([list]) => list)),
    listEnds: ends(0),
    relevant: Int32Array.from(rows.flatMap(([, relevant]) => relevant)),
    relevantEnds: ends(1),
    ...(gains && { gains: Float32Array.from(gains) }),
  };
}

import type { StateArray } from '@ferry/training';
import { z } from 'zod';
import type { FittedModel } from './contract.ts';
import { byItem, itemsOf, type Interactions } from './interactions.ts';
import { fittedAtOnce } from './objectives.ts';

/** Neighbours of rows with their weights, in compressed rows. Letters: R rows, E entries. */
export interface Neighbours {
  /** [R + 1] */
  readonly starts: Int32Array;
  /** [E] */
  readonly columns: Int32Array;
  /** [E] */
  readonly values: Float32Array;
}

/** Settings of nearest neighbours. */
export const neighbourSettings = {
  neighbours: z.int().min(1).default(40).describe('k: neighbours that count'),
  shrink: z
    .number()
    .min(0)
    .default(0)
    .describe('added to the denominator of the cosine, so that few common ones count less'),
};

/** Neighbours under construction: the k nearest of each row, those with the largest values, ties by number. */
export class NeighbourList {
  readonly #starts = [0];
  readonly #columns: number[] = [];
  readonly #values: number[] = [];
  readonly #k: number;
  readonly #above: number;

  /**
   * @param above - What a value must be above.
   */
  constructor(k: number, above = 0) {
    this.#k = k;
    this.#above = above;
  }

  /** A candidate for the present row. */
  offer(column: number, value: number): void {
    if (!(value > this.#above)) return;
    const columns = this.#columns;
    const values = this.#values;
    const first = this.#starts[this.#starts.length - 1]!;
    let at = columns.length;
    if (at === first + this.#k) {
      if (!this.#isBehind(at - 1, column, value)) return;
      at--;
    }
    for (; at > first && this.#isBehind(at - 1, column, value); at--) {
      columns[at] = columns[at - 1]!;
      values[at] = values[at - 1]!;
    }
    columns[at] = column;
    values[at] = value;
  }

  /** Whether a neighbour that is listed comes after another one. */
  #isBehind(at: number, column: number, value: number): boolean {
    return this.#values[at]! < value || (this.#values[at]! === value && this.#columns[at]! > column);
  }

  /** Goes on to the next row. */
  endRow(): void {
    this.#starts.push(this.#columns.length);
  }

  /** As arrays. */
  build(): Neighbours {
    return {
      starts: Int32Array.from(this.#starts),
      columns: Int32Array.from(this.#columns),
      values: Float32Array.from(this.#values),
    };
  }
}

/**
 * The nearest rows by cosine: `|common| / (√(n m) + shrink)` for rows with n and m entries.
 *
 * @param rows - Users with their items, or items with their users.
 */
export function nearestRows(
  rows: Interactions,
  { neighbours: k, shrink }: { neighbours: number; shrink: number },
): Neighbours {
  const back = byItem(rows);
  const list = new NeighbourList(k);
  const common = new Int32Array(rows.users);
  const sizes = Float64Array.from(common, (_, row) => Math.sqrt(itemsOf(rows, row).length));
  for (let row = 0; row < rows.users; row++) {
    const met: number[] = [];
    for (const column of itemsOf(rows, row))
      for (const other of itemsOf(back, column)) if (other !== row && common[other]!++ === 0) met.push(other);
    for (const other of met) {
      list.offer(other, common[other]! / (sizes[row]! * sizes[other]! + shrink));
      common[other] = 0;
    }
    list.endRow();
  }
  return list.build();
}

/** The same entries by column: rows in which each is a neighbour. */
export function turned({ starts, columns, values }: Neighbours, count: number): Neighbours {
  const offsets = new Int32Array(count + 1);
  for (const column of columns) offsets[column + 1]!++;
  for (let c = 0; c < count; c++) offsets[c + 1]! += offsets[c]!;
  const next = offsets.slice();
  const turnedColumns = new Int32Array(columns.length);
  const turnedValues = new Float32Array(columns.length);
  for (let row = 0; row < starts.length - 1; row++)
    for (let e = starts[row]!; e < starts[row + 1]!; e++) {
      const at = next[columns[e]!]!++;
      turnedColumns[at] = row;
      turnedValues[at] = values[e]!;
    }
  return { starts: offsets, columns: turnedColumns, values: turnedValues };
}

/** Neighbours as arrays to be saved. */
function saveNeighbours(neighbours: Neighbours): Map<string, StateArray> {
  const { starts, columns, values } = neighbours;
  const array = (data: StateArray['data']): StateArray => ({ data, shape: [data.length] });
  return new Map([
    ['starts', array(starts)],
    ['columns', array(columns)],
    ['values', array(values)],
  ]);
}

/** Takes back what {@link saveNeighbours} gave. */
function loadNeighbours(arrays: ReadonlyMap<string, StateArray>): Neighbours {
  const array = (name: string): StateArray['data'] => {
    const found = arrays.get(name);
    if (!found) throw new Error(`loadNeighbours: ${name} is missing, got ${[...arrays.keys()].join(', ')}`);
    return found.data;
  };
  return {
    starts: array('starts') as Int32Array,
    columns: array('columns') as Int32Array,
    values: array('values') as Float32Array,
  };
}

/** What all models whose state is a list of neighbours have in common. */
export const neighbourModel = {
  kind: 'fitted',
  ...fittedAtOnce,
  save: saveNeighbours,
  load: loadNeighbours,
} as const;

/**
 * Scores items by the user's own: the sum of the weights of those that each is a neighbour of ({@link turned} lists).
 */
export const byOwnItems: FittedModel<object, Neighbours>['scorer'] = (
  _options,
  { interactions },
  { starts, columns, values },
) => ({
  scores: (users, out) => {
    users.forEach((user, b) => {
      const from = b * (interactions.items + 1) + 1;
      for (const item of itemsOf(interactions, user))
        for (let e = starts[item]!; e < starts[item + 1]!; e++) out[from + columns[e]!]! += values[e]!;
    });
  },
});

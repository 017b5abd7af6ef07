import { InputError, IntList, quoted } from '@ferry/data';
import type { NumberLists } from './types.ts';

/** Names that are numbered from 1 in the order of their first occurrence; '' is 0. */
export class Names {
  readonly #numbers = new Map<string, number>([['', 0]]);

  /** Number of a name. */
  number(name: string): number {
    const found = this.#numbers.get(name);
    if (found !== undefined) return found;
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** All names, by number. */
  all(): string[] {
    return [...this.#numbers.keys()];
  }
}

/** Wikidata ids of the entities in a cell. */
export function entitiesOf(cell: string, what: string, refuse: (rule: string) => InputError): string[] {
  if (cell === '' || cell === '[]') return [];
  let value: unknown;
  try {
    value = JSON.parse(cell);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw refuse(`entities of the ${what} must be a JSON list, got ${quoted(cell)}`);
  return value.map((entity) => {
    const id = (entity as { WikidataId?: unknown } | null)?.WikidataId;
    if (typeof id === 'string' && id !== '') return id;
    throw refuse(`an entity of the ${what} must have a WikidataId, got ${quoted(entity)}`);
  });
}

/** Lists of entities, each found once. */
export class EntityLists {
  readonly #values = new IntList();
  readonly #ends = new IntList();

  /** Adds the list of the next news. */
  push(numbers: readonly number[]): void {
    for (const number of numbers) this.#values.push(number);
    this.#ends.push(this.#values.length);
  }

  /** The lists of `rows` news; those behind the last are empty. */
  lists(rows: number): NumberLists {
    const offsets = new Int32Array(rows + 1).fill(this.#values.length);
    offsets[0] = 0;
    offsets.set(this.#ends.view(), 1);
    return { offsets, values: this.#values.toArray() };
  }
}

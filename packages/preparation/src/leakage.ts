import { join } from 'node:path';
import { readDomain, type Domain } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { literal, type Engine } from './engine.ts';
import { TextWriter } from './lineCopy.ts';

/** What may be left out of a domain because another one has it. */
export const leaks = ['same-items', 'similar-titles', 'later'] as const;

/** See {@link leaks}. */
export type Leak = (typeof leaks)[number];

/** What a domain shares with another one, to which a model may be carried. */
export interface Shared {
  /** The other domain. */
  domain: string;
  /** Users of both, known by one id. */
  users: number;
  /** Items of both. */
  sameItems: number;
  /** Items whose title has the words of another item's there, whatever their order, case and punctuation. */
  similarTitles: number;
  /**
   * Interactions of shared users at or after the time of their own first validation or test interaction there; null
   * where one of the two has no times.
   */
  later: number | null;
}

/** Protocols whose rows say when a user's training ends. */
const timely = new Set(['leave-one-out', 'temporal-by-user', 'global-temporal']);

/** When each user's training ends: the time of the first validation or test interaction. */
function cutsOf({ users, sequences: { times }, valid, test, protocol }: Domain): (number | undefined)[] {
  const cuts = new Array<number | undefined>(users.length).fill(undefined);
  if (!times || !timely.has(protocol ?? 'leave-one-out')) return cuts;
  for (const rows of [valid, test])
    for (const [row, user] of rows.users.entries()) {
      // A target stands behind its history.
      const time = times[rows.ends[row]!]!;
      const known = cuts[user];
      if (known === undefined || time < known) cuts[user] = time;
    }
  return cuts;
}

/** SQL of a title's words: sorted, each once, in lower case. NULL for titles of fewer than two. */
function wordsOf(title: string): string {
  const split = `string_split_regex(lower(${title}), '[^\\p{L}\\p{N}]+')`;
  const words = `list_sort(list_distinct(list_filter(${split}, x -> x <> '')))`;
  return `CASE WHEN len(${words}) > 1 THEN array_to_string(${words}, ' ') END`;
}

/** Another domain, ready to be compared with. */
export class OtherDomain {
  readonly #engine: Engine;
  readonly #name: string;
  readonly #table: string;
  readonly #titles: string | undefined;
  readonly #timed: boolean;

  private constructor(
    engine: Engine,
    name: string,
    table: string,
    { titles, timed }: { titles: string | undefined; timed: boolean },
  ) {
    this.#engine = engine;
    this.#name = name;
    this.#table = table;
    this.#titles = titles;
    this.#timed = timed;
  }

  /**
   * Reads a domain into tables of the engine.
   *
   * @param place - Number of the domain and a directory for copies.
   * @param own - SQL of the titles in `details`, if there are any; whether the domain that is made has times.
   */
  static async open(
    reference: string,
    engine: Engine,
    place: { at: number; directory: string },
    own: { titles: string | undefined; timed: boolean },
  ): Promise<OtherDomain> {
    const domain = await readDomain(reference);
    const table = `other${place.at}`;
    const write = async (name: string, rows: Iterable<unknown>): Promise<string> => {
      const file = join(place.directory, `${table}-${name}.jsonl`);
      const writer = new TextWriter(file);
      for (const row of rows) await writer.line(JSON.stringify(row));
      await writer.close();
      return `read_json(${literal(file)}, format='newline_delimited', columns=`;
    };
    const cuts = cutsOf(domain);
    const users = await write(
      'users',
      domain.users.map((id, user) => ({ id, cut: cuts[user] ?? null })),
    );
    await engine.run(`CREATE TABLE ${table}_users AS FROM ${users}{id: 'VARCHAR', cut: 'DOUBLE'})`);
    const items = await write(
      'items',
      domain.items.ids.map((id, item) => ({ id, title: domain.items.titles[item] })),
    );
    await engine.run(
      `CREATE TABLE ${table}_items AS SELECT id, ${wordsOf('title')} AS words FROM ${items}{id: 'VARCHAR', ` +
        `title: 'VARCHAR'})`,
    );
    return new OtherDomain(engine, reference, table, {
      ...own,
      timed: own.timed && cuts.some((cut) => cut !== undefined),
    });
  }

  /** SQL condition on `taken` of the rows that leak, or why there can be none. */
  #condition(leak: Leak): string | { reason: string } {
    const table = this.#table;
    if (leak === 'same-items') return `i IN (SELECT code FROM items SEMI JOIN ${table}_items USING (id))`;
    if (leak === 'later')
      return this.#timed
        ? `EXISTS (SELECT 1 FROM users JOIN ${table}_users USING (id) WHERE users.code = taken.u AND taken.t >= cut)`
        : { reason: 'both domains need times, and the other a split that has a point in time' };
    return this.#titles === undefined
      ? { reason: 'a file of items with titles is needed' }
      : `i IN (SELECT code FROM items JOIN details USING (id) WHERE ${wordsOf(this.#titles)} IN (SELECT words FROM ` +
          `${table}_items WHERE words IS NOT NULL))`;
  }

  /** The rule that leaves a leak out: words, and the query. */
  rule(leak: Leak): { rule: string; query: string } {
    const condition = this.#condition(leak);
    if (typeof condition !== 'string')
      throw new UserError(`--drop ${leak}: ${condition.reason} (${this.#name})`);
    const words = {
      'same-items': 'items that are',
      'similar-titles': 'items with the words of a title',
      later: 'interactions after their user’s training',
    };
    return {
      rule: `without ${words[leak]} in ${this.#name}`,
      query: `SELECT * FROM taken WHERE NOT (${condition})`,
    };
  }

  /** What the domain that is made shares with this one. */
  async shared(): Promise<Shared> {
    const count = async (what: string, leak: Leak): Promise<number | null> => {
      const condition = this.#condition(leak);
      if (typeof condition !== 'string') return null;
      return Number((await this.#engine.row(`SELECT count(${what}) FROM taken WHERE ${condition}`))[0]);
    };
    const [users] = await this.#engine.row(
      `SELECT count(DISTINCT u) FROM taken WHERE u IN (SELECT code FROM users SEMI JOIN ${this.#table}_users USING (id))`,
    );
    return {
      domain: this.#name,
      users: Number(users),
      sameItems: (await count('DISTINCT i', 'same-items'))!,
      similarTitles: (await count('DISTINCT i', 'similar-titles')) ?? 0,
      later: await count('*', 'later'),
    };
  }
}

import { InputError } from '@ferry/data';
import { literal, type Engine } from './engine.ts';
import type { Counts, Step } from './provenance.ts';
import type { Rules } from './settings.ts';
import { timeOf } from './values.ts';

/** Sizes of the table `taken`. */
export async function countsOf({ row }: Engine): Promise<Counts> {
  const [interactions, users, items] = await row(
    'SELECT count(*), count(DISTINCT u), count(DISTINCT i) FROM taken',
  );
  return { interactions: Number(interactions), users: Number(users), items: Number(items) };
}

/**
 * Numbers the distinct ids of a column of `raw`, in their order: by size where all are plain integers, by bytes
 * elsewhere.
 */
async function number({ run, row }: Engine, column: 'u' | 'i', table: string): Promise<void> {
  await run(`CREATE TABLE distinct_ids AS SELECT DISTINCT ${column} AS id FROM raw`);
  const [plain] = await row(`SELECT bool_and(regexp_full_match(id, '0|[1-9]\\d{0,14}')) FROM distinct_ids`);
  await run(
    `CREATE TABLE ${table} AS SELECT id, (row_number() OVER (ORDER BY ${plain === true ? 'id::BIGINT' : 'id'}))::INTEGER ` +
      'AS code FROM distinct_ids',
  );
  await run('DROP TABLE distinct_ids');
}

/**
 * Makes the table `taken` (u, i as numbers, r, t, p, part) of `raw`, and `users` and `items` (id, code): integers are
 * what all rules work on.
 */
export async function codeIds(engine: Engine): Promise<void> {
  await number(engine, 'u', 'users');
  await number(engine, 'i', 'items');
  await engine.run(
    'CREATE TABLE taken AS SELECT users.code AS u, items.code AS i, r, t, p, part FROM raw ' +
      'JOIN users ON users.id = raw.u JOIN items ON items.id = raw.i',
  );
  await engine.run('DROP TABLE raw');
}

/** A point in time as the user wrote it, as a number. */
async function pointOf(value: string | number, key: string, { row }: Engine): Promise<number> {
  const [point] = await row(`SELECT ${timeOf(literal(String(value)))}`);
  if (typeof point === 'number') return point;
  throw new InputError(`rules.${key}`, undefined, `must be a number or a date, got ${JSON.stringify(value)}`);
}

/**
 * Checks the points in time of rules, which is cheap, before anything is read.
 *
 * @throws InputError for one that is neither a number nor a date.
 */
export async function checkPoints({ from, until }: Rules, engine: Engine): Promise<void> {
  for (const [key, value] of Object.entries({ from, until }))
    if (value !== undefined) await pointOf(value, key, engine);
}

/** What `require` asks for, in words. */
const requirements = {
  row: 'a row in the file of items',
  title: 'a title',
  text: 'a text',
  image: 'a picture',
} as const;

/** Applies rules one after the other and says what each did. */
class Applied {
  readonly steps: Step[] = [];
  readonly #engine: Engine;
  #counts: Counts;

  constructor(engine: Engine, counts: Counts) {
    this.#engine = engine;
    this.#counts = counts;
  }

  /** Replaces `taken` by a query on it. */
  async apply(rule: string, query: string, note?: string): Promise<void> {
    await this.#replace(query);
    await this.#note(rule, note);
  }

  async #replace(query: string): Promise<void> {
    await this.#engine.run(`CREATE TABLE next AS ${query}`);
    await this.#engine.run('DROP TABLE taken; ALTER TABLE next RENAME TO taken');
  }

  async #note(rule: string, note?: string): Promise<void> {
    const after = await countsOf(this.#engine);
    this.steps.push({ rule, before: this.#counts, after, ...(note === undefined ? {} : { note }) });
    this.#counts = after;
    if (after.interactions === 0)
      throw new InputError(
        'rules',
        undefined,
        `something must be left, got nothing after “${rule}”: ` +
          this.steps
            .map(
              ({ rule: own, after: left }) =>
                `${own}: ${left.interactions.toLocaleString('en-US')} interactions`,
            )
            .join('; '),
      );
  }

  /** Users and items with enough interactions, until nothing changes. */
  async core(users: number, items: number): Promise<void> {
    let rounds = 0;
    for (let left = this.#counts.interactions; ; rounds++) {
      await this.#replace(
        `SELECT taken.* FROM taken SEMI JOIN (SELECT u FROM taken GROUP BY u HAVING count(*) >= ${users}) USING (u) ` +
          `SEMI JOIN (SELECT i FROM taken GROUP BY i HAVING count(*) >= ${items}) USING (i)`,
      );
      const now = Number((await this.#engine.row('SELECT count(*) FROM taken'))[0]);
      if (now === left) break;
      left = now;
    }
    await this.#note(
      `core: users with at least ${users} and items with at least ${items} interactions`,
      `${rounds} rounds`,
    );
  }
}

/** One row of several, by an order. */
function oneOf(parts: string, order: string): string {
  return `SELECT * FROM taken QUALIFY row_number() OVER (PARTITION BY ${parts} ORDER BY ${order}) = 1`;
}

/**
 * Applies the rules to `taken`, in this order: ratings, time, duplicates, what items must have, what other
 * domains have, core.
 *
 * @param dropped - Rules about other domains.
 * @param has - SQL conditions on `details` (with the item's number as `code`) for what items must have; absent without
 *   a file of items.
 * @throws InputError if nothing is left, naming what each rule left.
 */
export async function applyRules(
  rules: Rules,
  engine: Engine,
  {
    has,
    timed,
    read,
    dropped,
  }: {
    has: Readonly<Record<'row' | 'title' | 'text' | 'image', string>> | undefined;
    timed: boolean;
    read: Counts;
    dropped: readonly { rule: string; query: string }[];
  },
): Promise<Step[]> {
  const applied = new Applied(engine, read);
  const { minRating, aboveRating, from, until, duplicates, require, userCore, itemCore } = rules;
  if (minRating !== undefined)
    await applied.apply(`rating at least ${minRating}`, `SELECT * FROM taken WHERE r >= ${minRating}`);
  if (aboveRating !== undefined)
    await applied.apply(`rating above ${aboveRating}`, `SELECT * FROM taken WHERE r > ${aboveRating}`);
  if (from !== undefined || until !== undefined) {
    if (!timed)
      throw new InputError('rules', undefined, 'from and until need a column of times: name it with --time');
    const conditions = [
      ...(from === undefined ? [] : [`t >= ${await pointOf(from, 'from', engine)}`]),
      ...(until === undefined ? [] : [`t < ${await pointOf(until, 'until', engine)}`]),
    ];
    const words = [
      ...(from === undefined ? [] : [`from ${from}`]),
      ...(until === undefined ? [] : [`until before ${until}`]),
    ];
    await applied.apply(`time ${words.join(', ')}`, `SELECT * FROM taken WHERE ${conditions.join(' AND ')}`);
  }
  if (duplicates === 'identical')
    await applied.apply(
      'rows equal in user, item, rating and time once',
      'SELECT u, i, r, t, min(p) AS p, part FROM taken GROUP BY u, i, r, t, part',
    );
  if (duplicates === 'first' || duplicates === 'last') {
    const down = duplicates === 'last' ? ' DESC' : '';
    await applied.apply(
      `the ${duplicates} interaction of a user and an item`,
      oneOf('u, i', `part${down} NULLS LAST, t${down} NULLS LAST, p${down} NULLS LAST, r${down} NULLS LAST`),
    );
  }
  for (const what of require) {
    if (!has)
      throw new InputError(
        'rules.require',
        undefined,
        `items must have ${requirements[what]}: name the file of items with --items`,
      );
    await applied.apply(
      `items with ${requirements[what]}`,
      `SELECT * FROM taken WHERE i IN (SELECT code FROM items JOIN details USING (id) WHERE ${has[what]})`,
    );
  }
  for (const { rule, query } of dropped) await applied.apply(rule, query);
  if (userCore > 1 || itemCore > 1) await applied.core(Math.max(userCore, 1), Math.max(itemCore, 1));
  return applied.steps;
}

/** Impressions of data that keep clicks alone: each beside items that others took shortly before, drawn at random. */
import { NumpyRandom } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import type { ImpressionSettings } from './settings.ts';
import type { Workshop } from './workshop.ts';

/** Items that were taken within a time, each once however often. */
class RecentItems {
  readonly #seconds: number;
  readonly #queue: { item: number; time: number }[] = [];
  #head = 0;
  readonly #counts = new Map<number, number>();
  readonly #places = new Map<number, number>();
  /** In an order that depends on what came and went alone. */
  readonly items: number[] = [];

  constructor(hours: number) {
    this.#seconds = 3600 * hours;
  }

  /** Adds one. */
  add(item: number, time: number): void {
    this.#queue.push({ item, time });
    const count = this.#counts.get(item) ?? 0;
    this.#counts.set(item, count + 1);
    if (count === 0) this.#places.set(item, this.items.push(item) - 1);
  }

  /** Forgets those that are too old at a time. */
  forget(time: number): void {
    for (; this.#head < this.#queue.length; this.#head++) {
      const { item, time: then } = this.#queue[this.#head]!;
      if (then >= time - this.#seconds) break;
      const count = this.#counts.get(item)! - 1;
      this.#counts.set(item, count);
      if (count > 0) continue;
      const place = this.#places.get(item)!;
      const last = this.items.pop()!;
      if (last !== item) {
        this.items[place] = last;
        this.#places.set(last, place);
      }
      this.#places.delete(item);
    }
    // What is kept is moved no oftener than it grew.
    if (2 * this.#head < this.#queue.length) return;
    this.#queue.splice(0, this.#head);
    this.#head = 0;
  }
}

/** What stands between words and cells of MIND's files. */
export const blanks = ' \t\n\r\f';

/** An id as one word, as MIND's files have it. */
export const oneWord = (id: string): string => id.replaceAll(/[ \t\n\r\f]/g, '_');

/** Newest clicks of a history that are written. */
const newest = 100;

/** Tries to find another item, for each that is wanted: where few are recent, there are fewer candidates. */
const tries = 20;

/**
 * Lines of behaviors.tsv, one for each interaction of a user from the second on, in the order of time: the interaction
 * behind those before it, among others' recent items that the user has not taken. One beside which nothing could be shown
 * is left out, and so is one of an item that the user had taken already.
 *
 * @param ids - Ids of the items as JSON, by number.
 * @param counts - Counts the lines, and the interactions that have none.
 */
export async function* sampledLines(
  { candidates, hours, seed }: Extract<ImpressionSettings, { form: 'sampled' }>,
  ids: readonly (string | undefined)[],
  { engine }: Workshop,
  counts: { written: number; without: number },
): AsyncGenerator<string> {
  const random = new NumpyRandom(seed);
  const recent = new RecentItems(hours);
  /** Of each user the newest clicks, oldest first, and all that was taken. */
  const histories = new Map<number, { clicks: string[]; taken: Set<number> }>();
  const words = ids.map((id) => (id === undefined ? '' : oneWord(JSON.parse(id) as string)));
  const users: string[] = [];
  for await (const block of engine.stream('SELECT code, id FROM users'))
    for (let row = 0; row < block[0]!.length; row++)
      users[Number(block[0]![row])] = oneWord(String(block[1]![row]));
  for await (const block of engine.stream('SELECT u, i, t FROM taken ORDER BY t, u, i'))
    for (let row = 0; row < block[0]!.length; row++) {
      const [user, item, time] = [0, 1, 2].map((column) => Number(block[column]![row])) as [
        number,
        number,
        number,
      ];
      const own = histories.get(user) ?? { clicks: [], taken: new Set() };
      histories.set(user, own);
      recent.forget(time);
      counts.without++;
      if (own.clicks.length > 0 && !own.taken.has(item)) {
        const shown = new Set([item]);
        for (
          let left = tries * candidates;
          left > 0 && shown.size <= candidates && recent.items.length > 0;
          left--
        ) {
          const other = recent.items[random.uint32() % recent.items.length]!;
          if (!own.taken.has(other)) shown.add(other);
        }
        // The click stands anywhere among them.
        const order = [...shown];
        const place = random.uint32() % order.length;
        [order[0], order[place]] = [order[place]!, order[0]!];
        if (order.length > 1) {
          counts.without--;
          yield [
            ++counts.written,
            users[user]!,
            Math.floor(time),
            own.clicks.join(' '),
            order.map((one) => `${words[one]!}-${one === item ? 1 : 0}`).join(' '),
          ].join('\t');
        }
      }
      if (own.clicks.push(words[item]!) > newest) own.clicks.shift();
      own.taken.add(item);
      recent.add(item, time);
    }
  if (counts.written === 0)
    throw new UserError(
      `sampled impressions need users with two different items, and items that others took within ${hours} hours before, ` +
        'got none',
    );
}

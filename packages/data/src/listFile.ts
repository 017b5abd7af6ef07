import { InputError, quoted } from './errors.ts';
import { eachLine } from './lines.ts';
import type { Domain } from './types.ts';

/** Forms of ranked lists; see {@link readLists}. */
export type ListForm = 'triples' | 'recbole' | 'trec';

/** Ranked lists of users, by a domain's numbers. */
export interface UserLists {
  /** The form they were in. */
  readonly form: ListForm;
  /** Item numbers of each user that has a list, best first; by index of the user. */
  readonly lists: ReadonlyMap<number, Int32Array>;
}

/** An entry of a list. */
interface Entry {
  readonly item: number;
  readonly id: string;
  readonly score: number;
  readonly line: number;
}

/** What a line says. */
interface Triple {
  readonly user: string;
  readonly item: string;
  readonly score: string;
}

/** Where a line says it. */
type Columns = Readonly<Record<keyof Triple, number>>;

const number = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

/** The form of a file by its first line. */
function formOf(text: string): ListForm | undefined {
  if (/(^|\t)user_id:token(\t|$)/.test(text)) return 'recbole';
  if (text.split(separatorOf(text)).length === 3) return 'triples';
  return text.trim().split(/\s+/).length === 6 ? 'trec' : undefined;
}

const separatorOf = (text: string): string => (text.includes('\t') ? '\t' : text.includes(',') ? ',' : ' ');

/** How headings begin that name a user, an item and a score. */
const headings = [/^user/i, /^item/i, /^(score|rating|prediction)/i];

/** The columns of user, item and score by a heading; undefined where it names some of them in another place, and not all. */
function columnsOf(names: readonly string[]): Columns | undefined {
  const found = headings.map((name) => names.findIndex((own) => name.test(own.trim())));
  // What a heading does not name in a way that is known stands where it stands without one.
  if (found.every((at, place) => at < 0 || at === place)) return { user: 0, item: 1, score: 2 };
  const [user, item, score] = found as [number, number, number];
  return found.includes(-1) ? undefined : { user, item, score };
}

/** trec_eval sorts equal scores by the document's id, from the end of the alphabet; other programs' order is kept. */
function ordered(entries: readonly Entry[], form: ListForm): Entry[] {
  return [...entries].sort(
    (a, b) =>
      b.score - a.score || (form !== 'trec' || a.id === b.id ? a.line - b.line : a.id < b.id ? 1 : -1),
  );
}

/**
 * Reads ranked lists that any program made, of a domain's users and items by their ids: `user item score` with tabs,
 * commas or blanks between (Elliot, and Ferry's own; a heading may name them in another order), RecBole's atomic form
 * (`user_id:token`, `item_id:token`, `score:float`, in any order), or trec_eval's run form (`user Q0 item rank score
 * name`). Lists are sorted by score, equal ones as they stand in the file (as trec_eval does, in its form).
 *
 * @throws InputError naming the line of what is wrong: an unknown id, an item twice in a list, a score that is no number.
 */
export async function readLists(file: string, domain: Pick<Domain, 'items' | 'users'>): Promise<UserLists> {
  const items = new Map(domain.items.ids.map((id, at) => [id, at + 1]));
  const users = new Map(domain.users.map((id, at) => [id, at]));
  const found = new Map<number, Entry[]>();
  let form: ListForm | undefined;
  let separator = '\t';
  let columns: Columns = { user: 0, item: 1, score: 2 };
  let wanted = 3;
  const cellsOf = (text: string, line: number): Triple => {
    const cells = form === 'trec' ? text.trim().split(/\s+/) : text.split(separator);
    if (cells.length !== wanted)
      throw new InputError(file, line, `a line must have ${wanted} columns, got ${cells.length}`);
    const [user, item, score] = [columns.user, columns.item, columns.score].map((at) => cells[at]!.trim());
    return { user: user!, item: item!, score: score! };
  };
  await eachLine(file, (bytes, start, end, line) => {
    const text = bytes.toString('utf8', start, end);
    if (form === undefined) {
      form = formOf(text);
      if (!form)
        throw new InputError(
          file,
          line,
          `lists are lines of user, item and score, or of trec_eval's six columns, got ${quoted(text.slice(0, 80))}`,
        );
      separator = separatorOf(text);
      if (form === 'trec') [columns, wanted] = [{ user: 0, item: 2, score: 4 }, 6];
      if (form === 'recbole') {
        const names = text.split('\t').map((name) => name.trim().replace(/:.*/, ''));
        columns = {
          user: names.indexOf('user_id'),
          item: names.indexOf('item_id'),
          score: names.indexOf('score'),
        };
        wanted = names.length;
        if (columns.item < 0 || columns.score < 0)
          throw new InputError(file, line, `the heading must name item_id and score, got ${quoted(text)}`);
        return;
      }
      // A heading names neither a user nor an item: a first line that does is one of the list, whatever its score is.
      const first = cellsOf(text, line);
      if (!number.test(first.score) && !users.has(first.user) && !items.has(first.item)) {
        const named = columnsOf(text.split(separator));
        if (!named)
          throw new InputError(
            file,
            line,
            `the heading must name user, item and score, or have them in this order, got ${quoted(text)}`,
          );
        columns = named;
        return;
      }
    }
    const triple = cellsOf(text, line);
    const [user, item] = [users.get(triple.user), items.get(triple.item)];
    if (user === undefined)
      throw new InputError(file, line, `the user must be one of the domain's, got ${quoted(triple.user)}`);
    if (item === undefined)
      throw new InputError(file, line, `the item must be one of the domain's, got ${quoted(triple.item)}`);
    if (!number.test(triple.score) || !Number.isFinite(Number(triple.score)))
      throw new InputError(file, line, `the score must be a number, got ${quoted(triple.score)}`);
    const own = found.get(user) ?? [];
    found.set(user, own);
    own.push({ item, id: triple.item, score: Number(triple.score), line });
  });
  if (form === undefined)
    throw new InputError(file, undefined, 'there must be at least one list, got an empty file');
  const made = form;
  return {
    form,
    lists: new Map(
      [...found].map(([user, entries]) => {
        const lines = new Map<number, number>();
        for (const { item, id, line } of entries) {
          const before = lines.get(item);
          if (before !== undefined)
            throw new InputError(
              file,
              line,
              `an item must be in a list once, got ${quoted(id)} in line ${before} already`,
            );
          lines.set(item, line);
        }
        return [user, Int32Array.from(ordered(entries, made), ({ item }) => item)];
      }),
    ),
  };
}

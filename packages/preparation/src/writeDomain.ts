import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Engine, Value } from './engine.ts';
import type { Field, ReadItems } from './readItems.ts';
import type { ReadInteractions } from './readInteractions.ts';
import type { Settings } from './settings.ts';
import { cleanText, imageOf, joinParts, textOf } from './texts.ts';

/** An item as its line is made. */
interface Item {
  id: string;
  title: string;
  text: string;
  image: string;
  category: string;
}

/** Counts of what items have. */
export interface ItemCounts {
  /** With a title. */
  titled: number;
  /** With a text. */
  texts: number;
  /** With a picture. */
  images: number;
}

/** A value of a column: JSON where the file is. */
export function valueOf(cell: Value | undefined, json: boolean): unknown {
  if (cell === null || cell === undefined) return undefined;
  return json ? (JSON.parse(String(cell)) as unknown) : cell;
}

/** The address or path of a picture as seen from the domain. */
function placeOfImage(image: string, itemsFile: string, out: string): string {
  if (image === '' || /^[a-z][a-z0-9+.-]*:/i.test(image) || isAbsolute(image)) return image;
  return relative(out, resolve(dirname(itemsFile), image)).replaceAll('\\', '/');
}

/** Makes an item of a row of `details`. */
function itemOf(
  id: string,
  cells: readonly (Value | undefined)[],
  { fields, json }: Pick<ReadItems, 'fields' | 'json'>,
  { settings, out }: { settings: Settings; out: string },
): Item {
  const { clean, join } = settings.text;
  const all = (wanted: Field): unknown[] =>
    fields.flatMap((field, at) => (field === wanted ? [valueOf(cells[at], json)] : []));
  // UniSRec adds nothing for a key that is not there, and a full stop for one that is empty.
  const parts = all('text')
    .filter((value) => value !== undefined)
    .map((value) => cleanText(textOf(value), clean));
  const [title, category] = [all('title')[0], all('category')[0]].map((value) =>
    cleanText(textOf(value), clean === 'none' ? 'none' : 'plain'),
  ) as [string, string];
  const { items } = settings;
  const named = imageOf(all('image')[0]);
  const image = named === '' && items?.pictures !== undefined ? items.pictures.replaceAll('{id}', id) : named;
  const first = [items?.file ?? ''].flat()[0]!;
  return { id, title, text: joinParts(parts, clean, join), image: placeOfImage(image, first, out), category };
}

/** Lines of `items.jsonl`, in the order of the items' numbers; `known` collects them by number. */
export async function* itemLines(
  engine: Engine,
  read: Pick<ReadItems, 'fields' | 'json'> | undefined,
  context: { settings: Settings; out: string },
  { ids, counts }: { ids: (string | undefined)[]; counts: ItemCounts },
): AsyncGenerator<string> {
  const columns = (read?.fields ?? []).map((_, at) => `c${at + 1}`);
  const query =
    `SELECT ${['code', 'items.id', ...columns].join(', ')} FROM items SEMI JOIN taken ON taken.i = items.code ` +
    `${read ? 'LEFT JOIN details USING (id) ' : ''}ORDER BY code`;
  for await (const block of engine.stream(query)) {
    const codes = block[0]!;
    for (let row = 0; row < codes.length; row++) {
      const id = String(block[1]![row]);
      ids[Number(codes[row])] = JSON.stringify(id);
      const cells = columns.map((_, at) => block[at + 2]![row]);
      const item = itemOf(id, cells, read ?? { fields: [], json: false }, context);
      if (item.title !== '') counts.titled++;
      if (item.text !== '') counts.texts++;
      if (item.image !== '') counts.images++;
      yield JSON.stringify({
        id,
        title: item.title,
        text: item.text,
        ...(item.image === '' ? {} : { image: item.image }),
        ...(item.category === '' ? {} : { category: item.category }),
      });
    }
  }
}

/** The order in which a user's interactions stand: a total one, so that nothing depends on how they were read. */
export function sortKeys({ order, parts }: Pick<ReadInteractions, 'order' | 'parts'>): string {
  const time = order === 'time' ? ['t NULLS FIRST'] : [];
  return [
    'u',
    ...(parts ? ['part'] : []),
    ...time,
    'p NULLS FIRST',
    'i',
    'r NULLS FIRST',
    't NULLS FIRST',
  ].join(', ');
}

/** Lines of `sequences.jsonl`, in the order of the users' numbers. */
export async function* sequenceLines(
  engine: Engine,
  ids: readonly (string | undefined)[],
  found: Pick<ReadInteractions, 'order' | 'parts'>,
  timed: boolean,
  progress: (done: number) => void,
): AsyncGenerator<string> {
  const users = engine.stream(
    'SELECT code, id FROM users SEMI JOIN taken ON taken.u = users.code ORDER BY code',
  );
  let names: Value[][] = [[], []];
  let at = 0;
  const nameOf = async (code: Value): Promise<string> => {
    if (at === names[0]!.length) {
      const next = await users.next();
      names = next.done === true ? [[], []] : next.value;
      at = 0;
    }
    if (names[0]![at] !== code) throw new RangeError(`sequenceLines: user ${String(code)} must have an id`);
    return JSON.stringify(String(names[1]![at++]));
  };
  const columns = ['u', 'i', ...(timed ? ['t'] : []), ...(found.parts ? ['part'] : [])];
  const place = (name: string): number => columns.indexOf(name);
  const [ofTime, ofPart] = [place('t'), place('part')];
  let user: Value | undefined;
  let head = '';
  const own = { items: [] as string[], ts: [] as Value[], parts: [] as Value[] };
  const line = (): string =>
    `${head},"items":[${own.items.join(',')}]` +
    (ofTime < 0 ? '' : `,"ts":[${own.ts.join(',')}]`) +
    `${ofPart < 0 ? '' : `,"parts":[${own.parts.join(',')}]`}}`;
  let done = 0;
  for await (const block of engine.stream(
    `SELECT ${columns.join(', ')} FROM taken ORDER BY ${sortKeys(found)}`,
  )) {
    const [codes, items] = [block[0]!, block[1]!];
    for (let row = 0; row < codes.length; row++) {
      if (codes[row] !== user) {
        if (user !== undefined) yield line();
        user = codes[row]!;
        head = `{"user":${await nameOf(user)}`;
        for (const list of Object.values(own)) list.length = 0;
      }
      own.items.push(ids[Number(items[row])]!);
      if (ofTime >= 0) own.ts.push(block[ofTime]![row]!);
      if (ofPart >= 0) own.parts.push(block[ofPart]![row]!);
    }
    done += codes.length;
    progress(done);
  }
  if (user !== undefined) yield line();
}

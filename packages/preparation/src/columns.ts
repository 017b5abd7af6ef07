import { InputError } from '@ferry/data';
import { didYouMean } from '@ferry/recipes';
import type { ColumnRef } from './settings.ts';
import type { Table } from './workshop.ts';

/** What columns can mean. */
export type Role = 'user' | 'item' | 'rating' | 'time' | 'id' | 'title' | 'text' | 'image' | 'category';

const itemNames = [
  ...[
    'itemid',
    'item',
    'iid',
    'asin',
    'parentasin',
    'productid',
    'product',
    'movieid',
    'newsid',
    'articleid',
  ],
  ...[
    'artistid',
    'trackid',
    'songid',
    'videoid',
    'bookid',
    'isbn',
    'sku',
    'businessid',
    'recipeid',
    'gameid',
    'appid',
  ],
];

/** Names that columns usually have, without case and punctuation, the likeliest first. */
const usual: Readonly<Record<Role, readonly string[]>> = {
  user: [
    ...[
      'userid',
      'user',
      'uid',
      'reviewerid',
      'customerid',
      'visitorid',
      'memberid',
      'accountid',
      'personid',
    ],
    ...['sessionid', 'session', 'userhash'],
  ],
  item: itemNames,
  rating: ['rating', 'ratings', 'overall', 'stars', 'starrating', 'score', 'rate'],
  time: [
    ...[
      'timestamp',
      'unixreviewtime',
      'time',
      'ts',
      'datetime',
      'date',
      'tdat',
      'createdat',
      'eventtime',
      'eventtimestamp',
    ],
    ...['unixtime', 'reviewtime', 'clickedat', 'purchasedate', 'interactiontime'],
  ],
  id: [...itemNames, 'id'],
  title: [
    'title',
    'name',
    'itemname',
    'productname',
    'prodname',
    'movietitle',
    'producttitle',
    'headline',
    'itemtitle',
  ],
  text: [
    'text',
    'description',
    'abstract',
    'overview',
    'summary',
    'body',
    'detaildesc',
    'content',
    'desc',
    'plot',
  ],
  image: [
    'image',
    'imageurl',
    'imurl',
    'picture',
    'poster',
    'imagepath',
    'img',
    'imgurl',
    'photo',
    'cover',
    'imageurlhighres',
    'images',
  ],
  category: ['category', 'categories', 'genre', 'genres', 'maincategory', 'producttype', 'producttypename'],
};

/** A name without case, punctuation and the type that RecBole's headers have. */
export function plainName(name: string): string {
  return name
    .replace(/:(?:token|token_seq|float|float_seq)$/, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** Position of the column that usually has a role, -1 if none has one of the usual names. */
export function guess(role: Role, names: readonly string[]): number {
  const plain = names.map(plainName);
  for (const name of usual[role]) {
    const at = plain.indexOf(name);
    if (at >= 0) return at;
  }
  return -1;
}

/** How many of the names are usual ones: tells a header from data. */
export function usualCount(names: readonly string[]): number {
  const known = new Set(Object.values(usual).flat());
  return names.filter((name) => known.has(plainName(name))).length;
}

/** Columns shown in an error. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name));
  return shown.join(', ') + (names.length > 20 ? ', …' : '');
}

/**
 * Position of a column that a user named.
 *
 * @param ref - Its name, or its place counted from 1; of JSON also a path, which becomes a column more.
 * @param table - Its columns: names, none if it has no header, and how many there are.
 * @throws InputError if there is none.
 */
export function placeOf(
  ref: ColumnRef,
  what: string,
  { file, names, count, json }: Pick<Table, 'file' | 'names' | 'count' | 'json'>,
): number {
  const number =
    typeof ref === 'number'
      ? ref
      : /^[1-9]\d{0,4}$/.test(ref) && !names.includes(ref)
        ? Number(ref)
        : undefined;
  if (number !== undefined) {
    if (number <= count) return number - 1;
    throw new InputError(
      file,
      undefined,
      `${what} must be one of the ${count} columns, got column ${number}`,
    );
  }
  const exact = names.indexOf(String(ref));
  if (exact >= 0) return exact;
  // What lies in a value of a JSON line is a column of its own.
  const [first, ...inner] = String(ref).split('.');
  if (json && inner.length > 0 && names.includes(first!)) return names.push(String(ref)) - 1;
  const close = names.map(plainName).indexOf(plainName(String(ref)));
  if (close >= 0) return close;
  throw new InputError(
    file,
    undefined,
    names.length === 0
      ? `${what} must be the place of a column, since the file has no header, got ${JSON.stringify(ref)}: write a ` +
          `number from 1 to ${count}`
      : `${what} must name a column, got ${JSON.stringify(ref)}; there are ` +
          `${listed(names)}${didYouMean(String(ref), names)}`,
  );
}

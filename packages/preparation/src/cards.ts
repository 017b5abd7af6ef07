import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean, readRecipe, UserError } from '@ferry/recipes';
import { z } from 'zod';

/** Where the cards of this checkout are. */
const cardsDirectory = join(import.meta.dirname, '../../../datasets');

const counts = z.strictObject({ interactions: z.int(), users: z.int(), items: z.int() });
/** A description with `{name}` and `{category}` in it; it is checked when they are filled in. */
const description = z.record(z.string(), z.unknown());

const categorySchema = z.strictObject({
  name: z.string().describe('what {name} stands for in files and addresses'),
  expected: counts.optional(),
  md5: z.record(z.string(), z.string()).optional(),
  prepare: description.optional(),
});

/** What a card holds. */
export const cardSchema = z.strictObject({
  title: z.string(),
  about: z.string(),
  page: z.string(),
  licence: z.string(),
  citation: z.string(),
  categories: z.record(z.string(), categorySchema).optional(),
  anyCategory: z.boolean().default(false).describe('whether the category may be anything'),
  files: z.array(
    z.strictObject({
      file: z.string().describe('its name, also in a folder given by --from'),
      url: z.string().optional().describe('its address; without one it is fetched by hand'),
      sha256: z.string().optional(),
    }),
  ),
  expected: counts.optional(),
  preset: z.string().optional().describe('rules unless others are asked for'),
  prepare: description.optional(),
  ready: z.string().optional().describe('folder in --from that is a domain already'),
});

/** A card as it was read. */
export type Card = z.output<typeof cardSchema>;

/** A file that a card needs. */
export interface CardFile {
  /** Its name in a folder. */
  file: string;
  /** Its address. */
  url?: string;
  /** Checksums, hexadecimal. */
  sha256?: string;
  /** See {@link sha256}. */
  md5?: string;
}

/** A card with its category filled in. */
export interface ChosenCard {
  /** The card's name. */
  name: string;
  /** The card. */
  card: Card;
  /** The category as the card writes it. */
  category?: string;
  /** What it needs. */
  files: CardFile[];
  /** How it is prepared. */
  prepare: Record<string, unknown>;
  /** Folder that is a domain already. */
  ready?: string;
  /** Counts to expect. */
  expected?: z.output<typeof counts>;
}

/** Names of the cards. */
export async function cardNames(): Promise<string[]> {
  const folders = (await readdir(cardsDirectory, { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  );
  const found = await Promise.all(
    folders.map(async ({ name }) =>
      (await readdir(join(cardsDirectory, name))).includes('card.yaml') ? [name] : [],
    ),
  );
  return found.flat().sort();
}

/**
 * Reads a card by its name.
 *
 * @throws UserError if there is none, with the nearest name.
 */
export async function loadCard(name: string): Promise<Card> {
  const names = await cardNames();
  if (!names.includes(name))
    throw new UserError(
      `there is no file and no data set '${name}'${didYouMean(name, names)}; data sets: ${names.join(', ')}`,
    );
  const file = join(cardsDirectory, name, 'card.yaml');
  return readRecipe(await readFile(file, 'utf8'), file, cardSchema);
}

/** Fills in `{name}` and `{category}` in every text of a value; `{id}` stays. */
function filled<T>(value: T, words: Readonly<Record<string, string>>): T {
  if (typeof value === 'string')
    return value.replace(/\{(name|category)\}/g, (_, word: string) => words[word]!) as T;
  if (Array.isArray(value)) return value.map((entry) => filled<unknown>(entry, words)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, filled<unknown>(entry, words)]),
  ) as T;
}

/** The category of a card that a user means, by its short or its long name. */
function categoryOf(name: string, card: Card, wanted: string | undefined): string | undefined {
  const all = Object.entries(card.categories ?? {});
  if (card.anyCategory) {
    if (wanted === undefined) throw new UserError(`${name} needs --category: the name of one of its sets`);
    return wanted;
  }
  if (all.length === 0) {
    if (wanted === undefined) return undefined;
    throw new UserError(`${name} has no categories, got --category ${wanted}`);
  }
  const keys = all.map(([key]) => key);
  if (wanted === undefined) throw new UserError(`${name} needs --category, one of ${keys.join(', ')}`);
  const found = all.find(([key, { name: long }]) =>
    [key, long].some((own) => own.toLowerCase() === wanted.toLowerCase()),
  );
  if (found) return found[0];
  throw new UserError(
    `${name} has no category '${wanted}'${didYouMean(wanted, [...keys, ...all.map(([, own]) => own.name)])}; ` +
      `categories: ${keys.join(', ')}`,
  );
}

/**
 * A card with a category filled in.
 *
 * @throws UserError if the category is missing or none of the card's.
 */
export async function chooseCard(name: string, wanted: string | undefined): Promise<ChosenCard> {
  const card = await loadCard(name);
  const category = categoryOf(name, card, wanted);
  const own = category === undefined ? undefined : card.categories?.[category];
  const words = { name: own?.name ?? category ?? '', category: category ?? '' };
  const expected = own?.expected ?? card.expected;
  return {
    name,
    card,
    ...(category === undefined ? {} : { category }),
    files: filled(card.files, words).map(({ file, url, sha256 }) => ({
      file,
      ...(url === undefined ? {} : { url }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(own?.md5?.[file] === undefined ? {} : { md5: own.md5[file] }),
    })),
    prepare: filled(own?.prepare ?? card.prepare ?? {}, words),
    ...(card.ready === undefined ? {} : { ready: filled(card.ready, words) }),
    ...(expected ? { expected } : {}),
  };
}

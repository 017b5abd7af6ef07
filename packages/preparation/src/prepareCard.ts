import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { download } from '@ferry/fetch';
import { UserError } from '@ferry/recipes';
import { chooseCard, type CardFile, type ChosenCard } from './cards.ts';
import { copyReady } from './copyReady.ts';
import { withFlags, type Flags } from './flags.ts';
import { locate, missingMessage, type Places } from './locate.ts';
import { prepare, type PrepareOptions } from './prepare.ts';
import type { Provenance } from './provenance.ts';

/** How a card is prepared. */
export interface CardOptions extends Omit<PrepareOptions, 'out' | 'card' | 'expected' | 'shown'> {
  /** The domain's directory. Default: the card's name and the category, in the current directory. */
  out?: string;
  /** One of the card's categories, by its short or long name. */
  category?: string;
  /** A folder or file to take instead of fetching anything. */
  from?: string;
  /** Where fetched files go. */
  cache: string;
  /** Address of a folder that holds the card's files by their names: taken instead of their own addresses. */
  mirror?: string;
}

/** A path in a description of a card, and what it was found to be. */
type Files = Map<string, string>;

/** Every file that a description names. */
function filesOf({ interactions, items }: Record<string, unknown>): { needed: string[]; optional: string[] } {
  const own = (interactions ?? {}) as { file?: string | string[]; parts?: Record<string, string> };
  const of = (items ?? {}) as { file?: string | string[]; optional?: boolean };
  const described = [of.file ?? []].flat();
  return {
    needed: [
      ...[own.file ?? []].flat(),
      ...Object.values(own.parts ?? {}),
      ...(of.optional === true ? [] : described),
    ],
    optional: of.optional === true ? described : [],
  };
}

/** Every file that the impressions of a description are in. */
function impressionFiles({ impressions }: Record<string, unknown>): string[] {
  const { parts = {} } = (impressions ?? {}) as { parts?: Record<string, Record<string, string>> };
  return Object.values(parts).flatMap((own) => Object.values(own));
}

/** Any part of a description with the paths that were found. */
function swapped(value: unknown, files: Files): unknown {
  if (typeof value === 'string') return files.get(value) ?? value;
  if (Array.isArray(value)) return value.map((own) => swapped(own, files));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, swapped(own, files)]));
}

/** A description with the paths that were found; without impressions where one of their files is missing. */
function withPaths(given: Record<string, unknown>, files: Files): Record<string, unknown> {
  const swap = (value: unknown): unknown => swapped(value, files);
  const { impressions, ...others } = given;
  const whole = impressions !== undefined && impressionFiles(given).every((file) => files.has(file));
  const shown = impressions as Record<string, unknown> | undefined;
  const prepare = whole ? { ...others, impressions: { ...shown, parts: swap(shown!['parts']) } } : others;
  const interactions = { ...(prepare['interactions'] as Record<string, unknown>) };
  for (const key of ['file', 'parts'])
    if (interactions[key] !== undefined) interactions[key] = swap(interactions[key]);
  if (prepare['items'] === undefined) return { ...prepare, interactions };
  const { optional, ...items } = prepare['items'] as Record<string, unknown>;
  const rest = Object.fromEntries(Object.entries(prepare).filter(([key]) => key !== 'items'));
  if (optional === true && [items['file']].flat().some((file) => !files.has(file as string)))
    return { ...rest, interactions };
  return { ...prepare, interactions, items: { ...items, file: swap(items['file']) } };
}

/** Fetches what a card has addresses for. */
async function fetchAll(
  { files, name, card }: ChosenCard,
  folder: string,
  options: CardOptions,
): Promise<void> {
  const { mirror } = options;
  const addressOf = ({ file, url }: CardFile): string | undefined =>
    mirror === undefined ? url : new URL(file, mirror.endsWith('/') ? mirror : `${mirror}/`).href;
  const manual = files.filter((file) => addressOf(file) === undefined);
  if (files.length === 0 || manual.length > 0)
    throw new UserError(
      `${name} cannot be fetched by Ferry${manual.length > 0 ? ` (${manual.map(({ file }) => file).join(', ')})` : ''}: ` +
        `fetch it by hand from ${card.page} and name the folder with --from`,
    );
  options.line?.(`${card.title}: ${card.licence}. Cite: ${card.citation}`);
  for (const entry of files) {
    const { file, sha256, md5 } = entry;
    await download(addressOf(entry)!, join(folder, file), {
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(md5 === undefined ? {} : { md5 }),
      progress: (done, total) =>
        options.progress?.(`fetch ${file}`, done, Number.isNaN(total) ? Infinity : total),
      ...(options.line ? { line: options.line } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  }
}

/** Where files of a card are looked for. */
async function placesOf(from: string, unpacked: string): Promise<{ places: Places; only?: string }> {
  const found = await stat(from).catch(() => undefined);
  if (!found) throw new UserError(`--from must be a folder or a file, got nothing at ${from}`);
  if (found.isDirectory()) return { places: { folders: [from], unpacked } };
  return { places: { folders: [dirname(from)], unpacked }, only: from };
}

/**
 * Prepares a public data set by its card: fetches its files, or takes them from a folder, and makes a domain by the
 * card's rules.
 *
 * @param name - The card's name.
 * @param flags - Go before what the card says.
 * @returns The domain's directory and its provenance.
 * @throws UserError or InputError naming what is missing, where it is to be had, or what is wrong with it.
 */
export async function prepareCard(
  name: string,
  flags: Flags,
  options: CardOptions,
): Promise<{ out: string; provenance: Provenance }> {
  const chosen = await chooseCard(name, options.category);
  const { card, category } = chosen;
  const out = options.out ?? (category === undefined ? name : `${name}-${category.toLowerCase()}`);
  const own = { name, ...(category === undefined ? {} : { category }) };
  const common = { ...options, out, card: own, ...(chosen.expected ? { expected: chosen.expected } : {}) };
  if (chosen.ready !== undefined) {
    if (options.from === undefined)
      throw new UserError(
        `${name} cannot be fetched by Ferry: fetch it by hand from ${card.page} and name the folder with --from`,
      );
    return { out, provenance: await copyReady(options.from, chosen.ready, common) };
  }
  const unpacked = await mkdtemp(join(tmpdir(), 'ferry-unpacked-'));
  try {
    const folder = options.from ?? join(options.cache, name);
    if (options.from === undefined) await fetchAll(chosen, folder, options);
    const { places, only } = await placesOf(folder, unpacked);
    const { needed, optional } = filesOf(chosen.prepare);
    const files: Files = new Map();
    const missing: string[] = [];
    const shown = impressionFiles(chosen.prepare);
    const wanted = [...new Set([...needed, ...optional, ...shown])];
    for (const path of wanted) {
      // A file given by --from is the interactions, whatever its name, unless it is an archive of the card.
      const given =
        only !== undefined && path === needed[0] && !/\.zip$/i.test(only)
          ? resolve(only)
          : await locate(path, { ...places, wanted }, { optional: !needed.includes(path) });
      if (given !== undefined) files.set(path, given);
      else if (needed.includes(path)) missing.push(path);
    }
    if (missing.length > 0) throw new UserError(missingMessage(missing, chosen.files, card.page, folder));
    const lost = shown.filter((path) => !files.has(path));
    if (lost.length > 0)
      options.line?.(`no impressions as they were shown are made: ${folder} lacks ${lost.join(', ')}`);
    const preset = flags.preset ?? card.preset;
    const settings = withFlags(
      withPaths(chosen.prepare, files),
      { ...flags, ...(preset === undefined ? {} : { preset }) },
      undefined,
    );
    const provenance = await prepare(settings, {
      ...common,
      shown: (text) => text.replaceAll(unpacked, folder),
    });
    return { out, provenance };
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** What a card expected and what was found, if they differ; a sentence. */
export function unexpected({ counts }: Provenance): string | undefined {
  const { expected } = counts;
  const keys = ['interactions', 'users', 'items'] as const;
  if (!expected || keys.every((key) => expected[key] === counts[key])) return undefined;
  const list = (of: Record<(typeof keys)[number], number>): string =>
    keys.map((key) => `${of[key].toLocaleString('en-US')} ${key}`).join(', ');
  return (
    `the card expects ${list(expected)}; got ${list(counts)}: other rules, another version of the files, or a part ` +
    'of them'
  );
}

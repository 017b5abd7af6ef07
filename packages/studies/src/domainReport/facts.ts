import type { Domain } from '@ferry/data';
import { franc } from 'franc-min';

/** A share of things by name, the largest first. */
export type Shares = [name: string, count: number][];

/** Counts of names, the largest first. */
function counted(names: Iterable<string>): Shares {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** Things that occur more than once. */
export interface Duplicates {
  /** Interactions of a user with an item that the user had before. */
  repeated: number;
  /** Items whose title is another's too. */
  titles: number;
  /** Items whose text is another's too. */
  texts: number;
}

/** Items whose value is not theirs alone; empty ones do not count. */
function shared(values: readonly string[]): number {
  return counted(values.filter((value) => value !== '')).reduce(
    (sum, [, count]) => sum + (count > 1 ? count : 0),
    0,
  );
}

/** What occurs more than once. */
export function duplicatesOf({ items, sequences }: Domain): Duplicates {
  let repeated = 0;
  for (const [user, start] of sequences.starts.entries()) {
    const own = sequences.items.subarray(start, sequences.ends[user]);
    repeated += own.length - new Set(own).size;
  }
  return { repeated, titles: shared(items.titles), texts: shared(items.texts) };
}

/** Texts that are asked for their language at most, and letters from which on one can be told. */
const asked = { most: 2000, letters: 20 };

/** Languages of texts by ISO 639-3, guessed by their letters' sequences; of a sample that is spread evenly. */
export function languagesOf(texts: readonly string[]): { shares: Shares; judged: number } {
  const long = texts.filter((text) => text.length >= asked.letters);
  const step = Math.max(1, long.length / asked.most);
  const sample = Array.from(
    { length: Math.min(long.length, asked.most) },
    (_, at) => long[Math.floor(at * step)]!,
  );
  return {
    shares: counted(sample.map((text) => franc(text, { minLength: asked.letters }))),
    judged: sample.length,
  };
}

/** Units of times since 1970, by their size: how many are a second. */
function perSecond(times: Float64Array): number | undefined {
  const sorted = times.slice().sort();
  const middle = Math.abs(sorted[sorted.length >> 1]!);
  if (middle < 1e8) return undefined;
  return middle < 1e11 ? 1 : middle < 1e14 ? 1e3 : middle < 1e17 ? 1e6 : 1e9;
}

/** Interactions by month, oldest first, if times can be dates. */
export function monthsOf({ times }: Domain['sequences']): { month: string; count: number }[] | undefined {
  if (!times || times.length === 0) return undefined;
  const unit = perSecond(times);
  if (unit === undefined) return undefined;
  const counts = new Map<number, number>();
  for (const time of times) {
    const date = new Date((time / unit) * 1000);
    const month = date.getUTCFullYear() * 12 + date.getUTCMonth();
    counts.set(month, (counts.get(month) ?? 0) + 1);
  }
  const months = [...counts.keys()].sort((a, b) => a - b);
  const all: { month: string; count: number }[] = [];
  for (let month = months[0]!; month <= months.at(-1)!; month++)
    all.push({
      month: `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}`,
      count: counts.get(month) ?? 0,
    });
  return all;
}

/** What two domains share. */
export interface Overlap {
  /** The other domain's name. */
  name: string;
  /** Users of both. */
  users: number;
  /** Items of both. */
  items: number;
  /** Items here whose title has the words of a title there. */
  titles: number;
}

/** A title's words, sorted, each once; undefined for fewer than two. */
function wordsOf(title: string): string | undefined {
  const words = [
    ...new Set(
      title
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u)
        .filter((word) => word !== ''),
    ),
  ].sort();
  return words.length > 1 ? words.join(' ') : undefined;
}

/** What a domain shares with another. */
export function overlapOf(domain: Domain, other: Domain): Overlap {
  const count = (values: readonly (string | undefined)[], known: ReadonlySet<string | undefined>): number =>
    values.filter((value) => value !== undefined && known.has(value)).length;
  return {
    name: other.name,
    users: count(domain.users, new Set(other.users)),
    items: count(domain.items.ids, new Set(other.items.ids)),
    titles: count(domain.items.titles.map(wordsOf), new Set(other.items.titles.map(wordsOf))),
  };
}

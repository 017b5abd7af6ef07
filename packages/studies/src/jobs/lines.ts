import { asJson } from '../recipeYaml.ts';
import type { OpenedRows } from './openRows.ts';

/** Runs that differ by their seed alone. */
export interface Line {
  /** A short name: what tells its directories from the others'. */
  readonly name: string;
  /** Its runs. */
  readonly runs: readonly string[];
  /** The seed of each run. */
  readonly seeds: readonly number[];
}

/** Paths without the directories that all of them begin and end with. */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => path.split('/').filter((part) => part !== ''));
  const shortest = Math.min(...parts.map((own) => own.length)) - 1;
  const same = (at: (own: string[]) => string | undefined): boolean =>
    parts.every((own) => at(own) === at(parts[0]!));
  let head = 0;
  while (head < shortest && same((own) => own[head])) head++;
  let tail = 0;
  while (head + tail < shortest && same((own) => own.at(-1 - tail))) tail++;
  return parts.map((own) => own.slice(head, own.length - tail).join('/'));
}

/** What a run was made by, but for its seed and what changes no number. */
function madeBy({ recipe }: OpenedRows): string {
  const without: Record<string, unknown> = {
    ...asJson(recipe),
    ...{ seed: undefined, out: undefined, backend: undefined, threads: undefined },
  };
  // A study has a pre-training run for each seed.
  return JSON.stringify(without).replace(/seed-\d+/g, 'seed');
}

/**
 * Puts runs of one recipe and several seeds together.
 *
 * @param each - Whether every run stays alone.
 */
export function linesOf(opened: readonly OpenedRows[], each: boolean): Line[] {
  const found = new Map<string, { runs: string[]; seeds: number[] }>();
  for (const one of opened) {
    const seed = 'seed' in one.recipe ? Number(one.recipe.seed) : 0;
    const key = madeBy(one);
    const line = found.get(key);
    // Runs of one recipe and one seed are repetitions, which someone wants to compare.
    if (each || !line || line.seeds.includes(seed))
      found.set(line ? `${key} ${one.run}` : key, { runs: [one.run], seeds: [seed] });
    else {
      line.runs.push(one.run);
      line.seeds.push(seed);
    }
  }
  const lines = [...found.values()];
  if (lines.length === 1 && opened.length > 1) return linesOf(opened, true);
  const names = shortNames(
    lines.map(({ runs }) =>
      runs.length > 1 ? runs[0]!.replace(/[-_/]*(?:seed)?[-_]?\d+\/*$/, '') : runs[0]!,
    ),
  );
  return lines.map((line, i) => ({ ...line, name: names[i]! }));
}

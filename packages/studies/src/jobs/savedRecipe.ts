import { existsSync, realpathSync } from 'node:fs';
import { domainName, readRecipe, RecipeError, wholeSchema, type ModelSchemas } from '@ferry/recipes';
import type { Json, JsonObject } from '@ferry/training';
import { domainPath } from '../domains.ts';
import { isStudyRun, studyRunName } from './studyRuns.ts';

/**
 * Whether two references lead to one place, or the saved one leads nowhere any more and has the name of the other: data
 * was moved.
 */
function sameDomain(saved: string, present: string): boolean {
  if (saved === present) return true;
  const [before, now] = [saved, present].map((reference) => {
    const path = domainPath(reference);
    return path !== undefined && existsSync(path) ? realpathSync(path) : undefined;
  });
  if (before !== undefined && now !== undefined) return before === now;
  return before === undefined && domainName(saved) === domainName(present);
}

/** Whether a run is the one that a saved path or name meant. */
function sameRun(saved: string, present: string): boolean {
  if (isStudyRun(present)) {
    // Before runs of a study were named, they were saved by their path.
    const name = studyRunName(present);
    return saved === name || saved.endsWith(`/${name}`) || saved.endsWith(`\\${name}`);
  }
  return existsSync(saved) && existsSync(present) && realpathSync(saved) === realpathSync(present);
}

/** A saved reference in the words of the present recipe where both mean the same. */
function inPresentWords(
  saved: Json | undefined,
  present: Json | undefined,
  same: (saved: string, present: string) => boolean,
): Json | undefined {
  if (typeof saved === 'string' && typeof present === 'string') return same(saved, present) ? present : saved;
  if (Array.isArray(saved) && Array.isArray(present) && saved.length === present.length)
    return saved.map((entry: Json, i) => inPresentWords(entry, present[i] as Json, same)!);
  return saved;
}

/**
 * How a recipe that a run directory holds reads today: keys that came since have their defaults, and the same domain or
 * run under another path counts as the same.
 *
 * @param saved - From a run directory, perhaps by an earlier version.
 * @param present - What it is compared with.
 * @param model - The model that the present one names.
 */
export function savedRecipe(saved: JsonObject, present: object, model: ModelSchemas): JsonObject {
  let whole = saved;
  try {
    whole = JSON.parse(
      JSON.stringify(readRecipe(JSON.stringify(saved), 'recipe.yaml', wholeSchema(saved, model))),
    ) as JsonObject;
  } catch (error) {
    // A recipe that is no longer valid is compared as it stands, and so shows where it differs.
    if (!(error instanceof RecipeError)) throw error;
  }
  const now = present as JsonObject;
  return {
    ...whole,
    ...(whole['from'] !== undefined && { from: inPresentWords(whole['from'], now['from'], sameRun) }),
    ...(whole['warm'] !== undefined && { warm: inPresentWords(whole['warm'], now['warm'], sameRun) }),
    ...(whole['target'] !== undefined && {
      target: inPresentWords(whole['target'], now['target'], sameDomain),
    }),
    ...(whole['sources'] !== undefined && {
      sources: inPresentWords(whole['sources'], now['sources'], sameDomain),
    }),
  };
}

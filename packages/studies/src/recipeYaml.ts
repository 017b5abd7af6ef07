import { toYaml, type JsonObject } from '@ferry/training';

/** A recipe as it is saved. */
export function asJson(recipe: object): JsonObject {
  return JSON.parse(JSON.stringify(recipe)) as JsonObject;
}

/** A recipe as YAML: what `--check` prints and a run directory keeps. */
export function recipeYaml(recipe: object): string {
  return toYaml(asJson(recipe));
}

import { join } from 'node:path';
import { readJson, type Json, type JsonObject } from '@ferry/training';

/** An environment as name and value, nested members as `engine backend`; lists are left out. */
export function environmentRows(
  environment: JsonObject,
  prefix = '',
): Record<string, string | number | boolean> {
  const rows: Record<string, string | number | boolean> = {};
  const isObject = (value: Json): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  for (const [key, value] of Object.entries(environment)) {
    if (value === undefined || value === null || Array.isArray(value)) continue;
    if (isObject(value)) Object.assign(rows, environmentRows(value, `${prefix}${key} `));
    else rows[`${prefix}${key}`] = value as string | number | boolean;
  }
  return rows;
}

/** What a run's numbers depend on besides its recipe, from its `environment.json`. */
export function readEnvironment(run: string): Record<string, string | number | boolean> {
  return environmentRows(readJson(join(run, 'environment.json')) as JsonObject);
}

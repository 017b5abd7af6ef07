import { readFile } from 'node:fs/promises';

/** Whether an error of the file system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * An object of a JSON file; undefined if there is no such file.
 *
 * @throws Error naming the file if it holds anything else.
 */
export async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path}: must be JSON, got ${String(error)}`);
  }
  if (typeof json !== 'object' || json === null)
    throw new Error(`${path}: must be a JSON object, got ${JSON.stringify(json)}`);
  return json as Record<string, unknown>;
}

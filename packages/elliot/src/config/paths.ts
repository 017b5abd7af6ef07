import { isAbsolute, resolve } from 'node:path';

/** What Elliot takes for a path: something with a dot in it, such as `reviews.tsv`. */
const looksLikePath = /\D[\w-]+\.[\w-]+/;

/**
 * A path of a configuration as Elliot resolves it: `{0}` is the data set's name; from the configuration's folder if it
 * begins with a dot or looks like a file, else from the working directory.
 *
 * @param folder - Of the configuration.
 */
export function elliotPath(text: string, folder: string, dataset: string): string {
  const path = text.replaceAll('{0}', dataset);
  if (isAbsolute(path)) return resolve(path);
  return path.startsWith('.') || looksLikePath.test(path) ? resolve(folder, path) : resolve(path);
}

/**
 * Where Elliot puts results unless the configuration says: `../results/<dataset>/<kind>` of the configuration's folder.
 */
export function resultPath(
  given: string | undefined,
  folder: string,
  dataset: string,
  kind: 'recs' | 'weights' | 'performance',
): string {
  return given === undefined
    ? resolve(folder, '..', 'results', dataset, kind)
    : resolve(given.replaceAll('{0}', dataset));
}

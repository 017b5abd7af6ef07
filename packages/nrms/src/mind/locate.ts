import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@ferry/data';
import type { MindFiles } from './types.ts';

/** Names of the splits in the order in which their news are read, and what folders of them may be called. */
const splitNames: readonly [split: string, pattern: RegExp][] = [
  ['train', /(?:^|[_-])train(?:ing)?$/i],
  ['dev', /(?:^|[_-])(?:dev|valid|val|validation)$/i],
  ['test', /(?:^|[_-])test$/i],
];

/** Whether a directory holds behaviours in MIND's form. */
export function isMindFolder(directory: string): boolean {
  return existsSync(join(directory, 'behaviors.tsv'));
}

/** Where `ferry prepare` writes the impressions of a data set, within its folder. */
const preparedFolder = 'impressions';

/** Whether a directory is a domain of interactions. */
export function isDomainFolder(directory: string): boolean {
  return existsSync(join(directory, 'sequences.jsonl'));
}

/**
 * Finds the files of a data set in MIND's form: `behaviors.tsv` and `news.tsv` in the folder itself (one split, `all`),
 * or in its folders of the splits, such as `train` and `dev`, or `MINDsmall_train` and `MINDsmall_dev` as they come out
 * of the archives; of a prepared domain, in its folder `impressions`. Undefined if there are none.
 */
export async function findMind(directory: string): Promise<MindFiles | undefined> {
  return (await filesIn(directory)) ?? filesIn(join(directory, preparedFolder));
}

/** The files of one folder. */
async function filesIn(directory: string): Promise<MindFiles | undefined> {
  if (isMindFolder(directory))
    return { news: newsOf(directory), behaviours: { all: join(directory, 'behaviors.tsv') } };
  const folders = (await readdir(directory, { withFileTypes: true }).catch(() => []))
    .filter((entry) => !entry.isFile())
    .map((entry) => entry.name)
    .filter((name) => isMindFolder(join(directory, name)))
    .sort();
  const behaviours: Record<string, string> = {};
  const news = newsOf(directory);
  for (const [split, pattern] of splitNames) {
    const [folder, other] = folders.filter((name) => pattern.test(name));
    if (folder === undefined) continue;
    if (other !== undefined)
      throw new InputError(
        directory,
        undefined,
        `one folder of the split ${split} is needed, got ${folder} and ${other}: name one data set's folders`,
      );
    behaviours[split] = join(directory, folder, 'behaviors.tsv');
    news.push(...newsOf(join(directory, folder)));
  }
  return Object.keys(behaviours).length > 0 ? { news, behaviours } : undefined;
}

/** The file of news of a folder, if it has one. */
function newsOf(directory: string): string[] {
  const file = join(directory, 'news.tsv');
  return existsSync(file) ? [file] : [];
}

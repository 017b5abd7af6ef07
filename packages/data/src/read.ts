import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { findAtomicFiles, readAtomicDomain } from './atomic.ts';
import { InputError } from './errors.ts';
import { jsonlFiles, readJsonlDomain } from './jsonl.ts';
import type { ReadOptions } from './options.ts';
import { readS3RecDomain } from './s3rec.ts';
import { findPartFiles, readPartFiles } from './partFiles.ts';
import type { Domain } from './types.ts';

/** Text files beside data that are none. */
const prose = /^(?:readme|licen[cs]e|notice|copying|changelog|citation|requirements)\b/i;

/** Reads a domain that is given as a file. */
async function readFileDomain(file: string, options: ReadOptions): Promise<Domain> {
  const directory = dirname(file);
  if (!file.endsWith('.txt'))
    throw new InputError(
      file,
      undefined,
      `a domain is a directory, or a .txt file of sequences; give the directory ${directory}`,
    );
  if (/^(?:train|test)\.txt$/.test(basename(file)) && findPartFiles(await readdir(directory)))
    throw new InputError(
      file,
      undefined,
      `train.txt and test.txt are LightGCN's form, of which each holds a part of every user's items: give the ` +
        `directory ${directory}`,
    );
  const { name = basename(file, '.txt'), shortUsers = 'keep' } = options;
  return readS3RecDomain(file, directory, { name, shortUsers });
}

/**
 * Reads a domain in any of its forms: an atomic directory (`.inter` files), the jsonl form (`items.jsonl` and
 * `sequences.jsonl`), sequences in S3Rec's form (a `.txt` file, or a directory that holds one), or a ready-made split
 * without an order (`train.tsv`, `val.tsv`, `test.tsv`; or LightGCN's `train.txt`, `test.txt`). The form is recognised
 * by the files; the result is the same either way.
 *
 * @param path - The domain's directory, or a `.txt` file of sequences.
 * @param options - Name, and what happens to users with too few interactions.
 * @throws InputError naming file, line and value if a file breaks its format or is missing.
 *
 * @example
 * ```ts
 * const domain = await readDomain('datasets/office');
 * console.log(domain.items.ids.length, domain.train.users.length);
 * ```
 */
export async function readDomain(path: string, options: ReadOptions = {}): Promise<Domain> {
  const { name = basename(resolve(path)), shortUsers = 'keep' } = options;
  const resolved = { name, shortUsers };
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return readFileDomain(path, options);
  if (!found?.isDirectory())
    throw new InputError(
      path,
      undefined,
      `a domain must be a directory or a file, but there is ${found ? 'neither' : 'nothing'} there`,
    );
  const names = (await readdir(path)).sort();
  const hasItems = names.includes(jsonlFiles.items);
  const hasSequences = names.includes(jsonlFiles.sequences);
  const parts = findPartFiles(names);
  const unread = (domain: Domain, others: readonly string[]): Domain => {
    if (others.length === 0) return domain;
    const own = domain.form ?? '.inter files';
    const warning = `${path}: read from ${own}; files of another form beside them are not read: ${others.join(', ')}`;
    return { ...domain, warnings: [...domain.warnings, warning] };
  };
  const ofParts = parts ? [parts.train, parts.test] : [];
  if (hasItems && hasSequences)
    return unread(await readJsonlDomain(path, resolved), [
      ...names.filter((file) => file.endsWith('.inter')),
      ...ofParts,
    ]);
  if (hasItems || hasSequences)
    throw new InputError(
      join(path, hasItems ? jsonlFiles.sequences : jsonlFiles.items),
      undefined,
      'the jsonl form needs both of its files, got only the other one',
    );
  const files = await findAtomicFiles(path);
  if (files) return unread(await readAtomicDomain(path, files, resolved), ofParts);
  if (parts) return readPartFiles(path, parts, resolved);
  const texts = names.filter((file) => file.endsWith('.txt') && !prose.test(file));
  if (texts.length === 1) return readS3RecDomain(join(path, texts[0]!), path, resolved);
  const packed = names.find((file) => /\.(?:gz|zip|bz2|zst|xz|7z|tar|tgz)$/i.test(file));
  const shown = names.length > 8 ? [...names.slice(0, 8), '…'] : names;
  throw new InputError(
    path,
    undefined,
    `a domain needs ${jsonlFiles.items} and ${jsonlFiles.sequences}, or .inter files, or one .txt file of ` +
      `sequences; got ${shown.join(', ') || 'an empty directory'}` +
      (packed === undefined ? '' : `: unpack ${packed} first`),
  );
}

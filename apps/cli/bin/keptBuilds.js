// @ts-check
/** Where builds of the sources are kept, each in a directory that is named after the state of the sources. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** Builds that no command has used for so many days are removed when a new one is made. */
const keptDays = 30;

/**
 * A name for the state of all sources and of what is installed. The time of a file's last change of any kind (ctime)
 * cannot be set back, so equal states mean equal files.
 *
 * @param {string} root
 */
export function sourceState(root) {
  const hash = createHash('sha256').update(`${root}\n${import.meta.dirname}\n`);
  /** @param {string} path */
  const add = (path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found) hash.update(`${path} ${String(found.size)} ${String(found.ctimeMs)}\n`);
  };
  for (const file of directory(import.meta.dirname)) add(join(import.meta.dirname, file));
  // npm writes this file whenever it changes what is installed.
  add(join(root, 'node_modules/.package-lock.json'));
  for (const group of ['apps', 'packages'])
    for (const name of directory(join(root, group))) {
      const place = join(root, group, name);
      add(join(place, 'package.json'));
      for (const file of directory(join(place, 'src'), true))
        if (/\.[jt]s$/.test(file)) add(join(place, 'src', file));
    }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Path of a file of a build, which is made now unless it is kept from before.
 *
 * @param {readonly string[]} caches
 * @param {string} name - Of the build's directory.
 * @param {string} file
 * @param {(outdir: string) => Promise<unknown>} make
 * @returns {Promise<string | undefined>} nothing where no cache can be written
 */
export async function kept(caches, name, file, make) {
  for (const cache of caches) {
    const build = join(cache, name);
    if (!existsSync(join(build, file))) continue;
    markUsed(build);
    return join(build, file);
  }
  for (const cache of caches) {
    const temporary = makeTemporary(cache);
    if (temporary === undefined) continue;
    try {
      await make(temporary);
      place(temporary, join(cache, name), file);
      removeUnused(cache);
      return join(cache, name, file);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  return undefined;
}

/**
 * The names in a directory, in a fixed order; none where there is no such directory.
 *
 * @param {string} path
 * @param {boolean} recursive
 */
export function directory(path, recursive = false) {
  return existsSync(path) ? readdirSync(path, { recursive, encoding: 'utf8' }).sort() : [];
}

/**
 * A new directory, as readable for others as the user's other files.
 *
 * @param {string} cache
 */
function makeTemporary(cache) {
  const temporary = join(cache, `new-${randomUUID()}`);
  try {
    mkdirSync(temporary, { recursive: true });
    return temporary;
  } catch {
    return undefined;
  }
}

/**
 * Gives a finished build its name, unless another process was first.
 *
 * @param {string} temporary
 * @param {string} build
 * @param {string} main
 */
function place(temporary, build, main) {
  // Half of a build, where somebody deleted the other half.
  if (existsSync(build) && !existsSync(join(build, main))) rmSync(build, { recursive: true, force: true });
  try {
    renameSync(temporary, build);
  } catch (error) {
    if (!existsSync(join(build, main))) throw error;
  }
}

/** @param {string} build */
function markUsed(build) {
  try {
    utimesSync(build, new Date(), new Date());
  } catch {
    // A cache that is read-only is never cleared either.
  }
}

/** @param {string} cache */
function removeUnused(cache) {
  const oldest = Date.now() - keptDays * 24 * 3600 * 1000;
  for (const name of readdirSync(cache)) {
    const build = join(cache, name);
    if ((statSync(build, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < oldest)
      rmSync(build, { recursive: true, force: true });
  }
}

import { existsSync, lstatSync, mkdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Whether there is a directory. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether anything is there, a link to nothing among it. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The path and what is above it, as far as it is not there yet, the outermost first. */
function missingOf(path: string): string[] {
  const missing: string[] = [];
  let at = resolve(path);
  for (; !isThere(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
}

/** Makes directories, each within the one before it. Returns those that it made; on an error, all of them are gone again. */
function makeEach(directories: readonly string[]): string[] {
  const made: string[] = [];
  try {
    for (const directory of directories) {
      try {
        mkdirSync(directory);
        made.push(directory);
      } catch (error) {
        // Another process was faster.
        if (codeOf(error) !== 'EEXIST' || !isDirectory(directory)) throw error;
      }
    }
    return made;
  } catch (error) {
    removeEach(made);
    throw error;
  }
}

/** Removes directories that were made, unless something lies in them by now. */
function removeEach(made: readonly string[]): void {
  try {
    for (const directory of made.toReversed()) rmdirSync(directory);
  } catch {
    // Another process works in it.
  }
}

/**
 * Makes a directory and what is missing above it. Node's own `recursive` does not return where a file system says "no such
 * directory" to a new one, as /proc does.
 *
 * @param path - The directory; it may be there already.
 * @throws Error of the file system.
 */
export function makeDirectory(path: string): void {
  for (let left = 3; ; left--) {
    const missing = missingOf(path);
    try {
      makeEach(missing.length > 0 ? missing : [resolve(path)]);
      return;
    } catch (error) {
      // Where a check of another process has just removed what it had made, there is more to make now.
      if (codeOf(error) !== 'ENOENT' || left === 0 || missingOf(path).length <= missing.length) throw error;
    }
  }
}

/** What keeps a directory from being made, in words. */
function reason(error: unknown, place: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `no permission to write in ${place}`;
    case 'EROFS':
      return `${place} can only be read`;
    case 'ENOENT':
      return `the file system of ${place} takes no new directories`;
    case 'ENAMETOOLONG':
      return 'its name is too long';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no space left on the device';
    default:
      return message;
  }
}

/**
 * Whether a directory can be made, or written in where it is there: tried, and what was made for it removed.
 *
 * @returns What is in the way, in words; undefined if nothing is.
 */
export function placeProblem(path: string): string | undefined {
  const [first = join(path, `.ferry-${process.pid}`), ...inner] = missingOf(path);
  const place = dirname(resolve(first));
  if (!isDirectory(place))
    return `${place} is ${existsSync(place) ? 'a file' : 'a link to what is not there'}`;
  try {
    removeEach(makeEach([first, ...inner]));
    return undefined;
  } catch (error) {
    return reason(error, place);
  }
}

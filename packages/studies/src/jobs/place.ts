import { accessSync, constants, existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '@ferry/recipes';
import { isStudy } from './studyRuns.ts';

/** What a job makes in a directory, in words. */
export type Made = 'a run' | 'a study' | "Ferry's files of this configuration" | 'nothing';

/** Whether a directory holds what a job has made of its own kind before, and may go on with. */
const isOwn: Readonly<Record<Made, (out: string) => boolean>> = {
  'a run': (out) =>
    ['checkpoints', 'environment.json', 'summary.json'].some((name) => existsSync(join(out, name))),
  'a study': isStudy,
  "Ferry's files of this configuration": (out) => existsSync(join(out, 'data')),
  nothing: () => false,
};

/** Whether there is a link at a path, to whatever. */
function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

/**
 * Checks that a run directory can be made or written, and that it holds nothing of anybody else: a domain, a study, files
 * of the user's. Hidden files are passed over, and the lock of a run that was killed before it wrote anything.
 *
 * @param made - What is made there, and may lie there already.
 * @throws UserError naming what is in the way.
 */
export function checkPlace(out: string, made: Made): void {
  let place = resolve(out);
  while (!existsSync(place) && !isLink(place) && dirname(place) !== place) place = dirname(place);
  const found = statSync(place, { throwIfNoEntry: false });
  if (!found) throw new UserError(`out: ${out} cannot be made: ${place} is a link to what is not there`);
  if (!found.isDirectory()) throw new UserError(`out: ${out} cannot be made: ${place} is a file`);
  try {
    accessSync(place, constants.W_OK);
  } catch {
    throw new UserError(`out: ${out} cannot be written: no permission to write in ${place}`);
  }
  if (place !== resolve(out) || isOwn[made](place)) return;
  const inside = readdirSync(place).filter((name) => !name.startsWith('.') && name !== 'lock');
  if (inside.length === 0) return;
  const names = inside.sort().slice(0, 3).join(', ');
  const own = made === 'nothing' ? '' : `, or hold ${made}`;
  throw new UserError(
    `out: ${out} must be a new directory or an empty one${own}, got one that holds ${names}` +
      `${inside.length > 3 ? ' …' : ''}: choose another`,
  );
}

/**
 * Checks that a file can be made or replaced.
 *
 * @throws UserError naming what is in the way.
 */
export function checkFilePlace(file: string): void {
  const folder = dirname(resolve(file));
  const isDirectory = (path: string): boolean => existsSync(path) && statSync(path).isDirectory();
  if (isDirectory(resolve(file))) throw new UserError(`cannot write ${file}: it is a directory`);
  if (!isDirectory(folder))
    throw new UserError(`cannot write ${file}: there is no directory ${dirname(file)}`);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    throw new UserError(`cannot write ${file}: no permission to write in ${folder}`);
  }
}

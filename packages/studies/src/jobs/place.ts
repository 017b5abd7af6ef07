import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '@ferry/recipes';

/**
 * Checks that a run directory can be made or written.
 *
 * @throws UserError naming what is in the way.
 */
export function checkPlace(out: string): void {
  let place = resolve(out);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  if (!statSync(place).isDirectory()) throw new UserError(`out: ${out} cannot be made: ${place} is a file`);
  try {
    accessSync(place, constants.W_OK);
  } catch {
    throw new UserError(`out: ${out} cannot be written: no permission to write in ${place}`);
  }
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

import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { placeProblem } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { isStudy } from './studyRuns.ts';
import { runMarks } from './whatIs.ts';

/** What a job makes in a directory, in words. */
export type Made = 'a run' | 'a study' | "Ferry's files of this configuration" | 'nothing';

/** Whether a directory holds what a job has made of its own kind before, and may go on with. */
const isOwn: Readonly<Record<Made, (out: string) => boolean>> = {
  'a run': (out) => runMarks.some((name) => existsSync(join(out, name))),
  'a study': isStudy,
  "Ferry's files of this configuration": (out) => existsSync(join(out, 'data')),
  nothing: () => false,
};

/**
 * Checks that a directory can be made, or written in.
 *
 * @throws UserError naming what is in the way.
 */
export function checkWritable(out: string): void {
  const problem = placeProblem(out);
  if (problem !== undefined) throw new UserError(`out: ${out} cannot be made: ${problem}`);
}

/**
 * Checks that a run directory can be made or written, and that it holds nothing of anybody else: a domain, a study, files
 * of the user's. Hidden files are passed over, and the lock of a run that was killed before it wrote anything.
 *
 * @param made - What is made there, and may lie there already.
 * @throws UserError naming what is in the way.
 */
export function checkPlace(out: string, made: Made): void {
  checkWritable(out);
  if (!existsSync(out) || isOwn[made](resolve(out))) return;
  const inside = readdirSync(out).filter((name) => !name.startsWith('.') && name !== 'lock');
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
  const refuse = (why: string): UserError => new UserError(`cannot write ${file}: ${why}`);
  const folder = dirname(resolve(file));
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw refuse(`there is no directory ${dirname(file)}`);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw refuse('it is a directory');
  // What is written takes the place of what was there: a device would be gone.
  if (found && !found.isFile()) throw refuse('it is there already, and no plain file');
  const problem = placeProblem(folder);
  if (problem !== undefined) throw refuse(problem);
}

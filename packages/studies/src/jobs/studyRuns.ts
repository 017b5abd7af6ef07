import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UserError } from '@ferry/recipes';
import { parse } from 'yaml';

const scheme = 'study:';

/** How `from` names a run of the same study, wherever the study lies: `study:pretrain/seed-1`. */
export function studyRun(name: string): string {
  return scheme + name;
}

/** Whether `from` names a run of the same study. */
export function isStudyRun(from: string): boolean {
  return from.startsWith(scheme);
}

/** The run's directory within its study. */
export function studyRunName(from: string): string {
  return from.slice(scheme.length);
}

/** Whether a directory is that of a study, by its `recipe.yaml`; one that nobody can read is not a study's. */
export function isStudy(directory: string): boolean {
  try {
    const recipe = parse(readFileSync(join(directory, 'recipe.yaml'), 'utf8')) as { job?: unknown } | null;
    return recipe?.job === 'study';
  } catch {
    return false;
  }
}

/**
 * The path that a run's `from` means: as it stands, or within the study that the run's own directory is part of.
 *
 * @param from - Of a recipe.
 * @param out - The directory of the run that starts from it.
 * @throws UserError if the directory lies in no study.
 */
export function startPath(from: string, out: string): string {
  if (!isStudyRun(from)) return from;
  for (let directory = dirname(resolve(out)); ; directory = dirname(directory)) {
    if (isStudy(directory)) return join(directory, ...studyRunName(from).split('/'));
    if (directory === dirname(directory))
      throw new UserError(
        `from: ${from} is a run of the study that ${out} is part of, and it lies in no study directory: give the ` +
          `run's path instead`,
      );
  }
}

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isDomainFolder, isMindFolder } from '@ferry/nrms';
import { UserError } from '@ferry/recipes';
import { parse } from 'yaml';
import { isStudy } from './studyRuns.ts';

/** The file of a run that was imported. */
export const importedFile = 'imported.safetensors';

/** What a run's directory has of its own. */
export const runMarks = ['checkpoints', 'environment.json', 'summary.json'] as const;

/** Files of a run that might be taken for data or for a recipe. */
const ownFiles = [
  ...['recipe.yaml', 'log.txt', 'report.html', 'details.json'],
  ...['environment.json', 'summary.json', 'metrics.jsonl', 'timings.jsonl'],
];

/** What lies at a path, for somebody who asks for something else there. */
interface Found {
  readonly kind:
    'run' | 'study' | 'part' | 'recipe' | 'report' | 'domain' | 'news' | 'file' | 'directory' | 'nothing';
  /** In words, with an article. */
  readonly words: string;
  /** What can be done with it. */
  readonly use?: string;
}

const runVerbs = 'ferry evaluate, compare, longtail, recommend, serve and replay read runs';

/** Whether a directory is that of a run. */
function isRun(directory: string): boolean {
  return (
    existsSync(join(directory, 'recipe.yaml')) &&
    [...runMarks, importedFile].some((mark) => existsSync(join(directory, mark)))
  );
}

/** The run that a directory lies in, a checkpoint two folders deep. */
function runAround(directory: string): string | undefined {
  return [join(directory, '..'), join(directory, '../..')].find(isRun);
}

/** The job that a file of settings is a recipe for. */
function jobOf(file: string): string | undefined {
  try {
    const { job } = parse(readFileSync(file, 'utf8')) as { job?: unknown };
    return typeof job === 'string' ? job : undefined;
  } catch {
    return undefined;
  }
}

function fileFound(path: string): Found {
  const folder = dirname(path);
  if (ownFiles.includes(basename(path)) && isRun(folder))
    return { kind: 'part', words: 'a file of a run', use: `name ${folder}` };
  const job = /\.ya?ml$/i.test(path) ? jobOf(path) : undefined;
  if (job !== undefined) return { kind: 'recipe', words: 'a recipe', use: `ferry ${job} makes a run of it` };
  if (/\.html?$/i.test(path)) return { kind: 'report', words: 'a page for a browser' };
  return { kind: 'file', words: 'a file' };
}

function directoryFound(path: string): Found {
  if (isRun(path)) return { kind: 'run', words: 'a run', use: runVerbs };
  if (isStudy(path))
    return {
      kind: 'study',
      words: 'a study',
      use: 'each of its runs is a directory in it, which these verbs read',
    };
  const names = readdirSync(path).sort();
  if (isDomainFolder(path) || names.some((name) => name.endsWith('.inter')))
    return { kind: 'domain', words: 'a domain', use: `ferry inspect reads it, and a recipe as its target` };
  if ([path, ...names.map((name) => join(path, name))].some(isMindFolder))
    return {
      kind: 'news',
      words: 'impressions of news',
      use: 'ferry inspect reads them, and a recipe as its target',
    };
  const around = runAround(path);
  if (around !== undefined) return { kind: 'part', words: 'a part of a run', use: `name ${around}` };
  const inside = names.length > 3 ? [...names.slice(0, 3), '…'] : names;
  return { kind: 'directory', words: `a directory of ${inside.join(', ') || 'nothing'}` };
}

/** What lies at a path. */
function whatIs(path: string): Found {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return { kind: 'nothing', words: 'nothing' };
  return found.isDirectory() ? directoryFound(path) : fileFound(path);
}

/**
 * Refuses a path as a run: says what is there, and what that is for.
 *
 * @returns Nothing; it is called where there is no run.
 * @throws UserError.
 */
export function refuseAsRun(path: string): never {
  const { kind, words, use } = whatIs(path);
  if (kind === 'nothing') throw new UserError(`no such run directory: ${path}`);
  throw new UserError(`${path} must be a run directory, got ${words}${use === undefined ? '' : ` (${use})`}`);
}

/**
 * Refuses a path as what a training starts from.
 *
 * @throws UserError saying what is there.
 */
export function refuseAsStart(path: string): never {
  throw new UserError(`from: ${path} must be a run or one of its checkpoints, got ${whatIs(path).words}`);
}

/**
 * Refuses what cannot be data: runs, studies, what lies in them, recipes and pages.
 *
 * @param reference - As it was typed.
 * @param path - Where it is.
 * @throws UserError saying what it is, and what that is for.
 */
export function checkData(reference: string, path: string): void {
  const { kind, words, use } = whatIs(path);
  if (['run', 'study', 'part', 'recipe', 'report'].includes(kind))
    throw new UserError(
      `${reference} must be a domain, got ${words}${use === undefined || kind === 'part' ? '' : ` (${use})`}`,
    );
}

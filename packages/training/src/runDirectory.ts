import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { checkpointsOf, findLatest, readCheckpoint, sweepCheckpoints } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { describeEnvironment } from './environment.ts';
import { hasCode, openLines, replaceFile, writing } from './files.ts';
import type { LineFile } from './files.ts';
import { differences, toYaml } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import { readSummary } from './records.ts';

/** The growing files of a run directory. */
export interface RunFiles {
  /** `metrics.jsonl`. */
  readonly metrics: LineFile;
  /** `timings.jsonl`. */
  readonly timings: LineFile;
  /** `log.txt`. */
  readonly log: LineFile;
}

/** Names of the growing files. */
export const fileNames = { metrics: 'metrics.jsonl', timings: 'timings.jsonl', log: 'log.txt' } as const;

/** What a run directory must agree on with the run that continues it. */
export interface Identity {
  /** The resolved recipe. */
  readonly recipe: JsonObject;
  /** Recipe keys that may differ. */
  readonly mayDiffer: readonly string[];
  /** How a saved recipe reads today. */
  readonly readSaved: (saved: JsonObject) => JsonObject;
  /** Seed. */
  readonly seed: number;
  /** What the data is; null if the caller does not say. */
  readonly fingerprint: string | null;
  /** What it keeps beside, by file. */
  readonly files: Readonly<Record<string, Json>>;
}

/** Drops what JSON cannot hold, so that a recipe compares equal to its saved self. */
export function normalise(recipe: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(recipe)) as JsonObject;
}

function show(value: Json | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}

function refuseIfOther(directory: string, { state }: Checkpoint, identity: Identity): void {
  const isFree = (path: string): boolean =>
    identity.mayDiffer.some(
      (free) => path === free || path.startsWith(`${free}.`) || path.startsWith(`${free}[`),
    );
  const problems = differences(identity.readSaved(state.recipe), identity.recipe)
    .filter(({ path }) => !isFree(path))
    .map(({ path, left, right }) => `'${path}' was ${show(left)}, is ${show(right)}`);
  if (state.random.key[0] + state.random.key[1] * 2 ** 32 !== identity.seed)
    problems.push(`the seed was ${state.random.key[0] + state.random.key[1] * 2 ** 32}, is ${identity.seed}`);
  if (state.fingerprint !== identity.fingerprint)
    problems.push(
      `the data are not those the run began with (fingerprint was ${show(state.fingerprint)}, is ` +
        `${show(identity.fingerprint)})`,
    );
  if (problems.length > 0)
    throw new Error(
      `${directory} belongs to another recipe: ${problems.join('; ')}. Choose another directory, or resume with ` +
        `the directory's own recipe.yaml`,
    );
}

/** A run directory that is ready for work. */
export interface OpenRun {
  /** The checkpoint to continue from; undefined for a fresh run. */
  readonly checkpoint: Checkpoint | undefined;
  /** Things to tell the user. */
  readonly notes: readonly string[];
}

/** Environment keys whose change may change numbers. */
const numeric = ['engine', 'platform', 'processor', 'git', 'node'];

function recordSitting(directory: string, seed: number, resumed: boolean): string[] {
  const path = join(directory, 'environment.json');
  const present = describeEnvironment(seed);
  let first: JsonObject = present;
  let sittings: readonly Json[] = [];
  try {
    if (resumed) {
      const saved = JSON.parse(readFileSync(path, 'utf8')) as JsonObject;
      const { sittings: before, ...rest } = saved;
      first = rest;
      sittings = Array.isArray(before) ? (before as readonly Json[]) : [];
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !(error instanceof SyntaxError)) throw error;
  }
  const changes = differences(first, present).filter(({ path: key }) =>
    numeric.some((name) => key === name || key.startsWith(`${name}.`)),
  );
  const sitting: JsonObject = {
    began: new Date().toISOString(),
    ...Object.fromEntries(changes.map(({ path: key, right }) => [key, right ?? null])),
  };
  replaceFile(path, `${JSON.stringify({ ...first, sittings: [...sittings, sitting] }, null, 2)}\n`);
  return changes.map(
    ({ path: key, left, right }) =>
      `note: ${key} was ${show(left)} when the run began and is ${show(right)}; numbers may differ in their last digits`,
  );
}

/**
 * Opens a run directory that is locked: finds the checkpoint to continue from and checks that it belongs to the same
 * job, or starts afresh by writing `recipe.yaml` and `environment.json`.
 */
export async function openRun(directory: string, identity: Identity, fallback: boolean): Promise<OpenRun> {
  const folder = checkpointsOf(directory);
  sweepCheckpoints(folder);
  const latest = await findLatest(folder, fallback);
  if (latest === undefined && readSummary(directory))
    throw new Error(
      `${directory} holds a finished run (summary.json) without its checkpoints: choose another directory, or ` +
        'delete this one',
    );
  const checkpoint = latest === undefined ? undefined : await readCheckpoint(join(folder, latest));
  if (checkpoint) refuseIfOther(directory, checkpoint, identity);
  writing(folder, () => {
    makeDirectory(folder);
  });
  replaceFile(join(directory, 'recipe.yaml'), toYaml(identity.recipe));
  for (const [name, value] of Object.entries(identity.files)) {
    const file = join(directory, name);
    if (!checkpoint || !existsSync(file)) replaceFile(file, `${JSON.stringify(value)}\n`);
  }
  return { checkpoint, notes: recordSitting(directory, identity.seed, checkpoint !== undefined) };
}

/** Opens the growing files, cut to where the checkpoint left them. */
export function openFiles(directory: string, positions: Readonly<Record<string, number>>): RunFiles {
  const open = (name: string): LineFile => openLines(join(directory, name), positions[name] ?? 0);
  return { metrics: open(fileNames.metrics), timings: open(fileNames.timings), log: open(fileNames.log) };
}

/** Lengths of the growing files, made durable. */
export function syncFiles(files: RunFiles): Record<string, number> {
  const positions: Record<string, number> = {};
  for (const key of ['metrics', 'timings', 'log'] as const) {
    files[key].sync();
    positions[fileNames[key]] = files[key].position();
  }
  return positions;
}

/** Removes the summary of a run that goes on after it was finished. */
export function removeSummary(directory: string): void {
  const path = join(directory, 'summary.json');
  if (existsSync(path)) rmSync(path);
}

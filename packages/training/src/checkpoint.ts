import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeDirectory } from '@ferry/data';
import { readSafetensors, writeSafetensors } from '@ferry/nn';
import { hasCode, sha256, syncPath, writeDurably, WriteError, writing } from './files.ts';
import { withPresentNames } from './formerNames.ts';
import type { TrainingState } from './records.ts';
import type { StoredModel } from './tensors.ts';

const files = ['model.safetensors', 'optimizer.safetensors', 'state.json'] as const;
const sumsFile = 'SHA256SUMS';
const namePattern = /^step-\d{8,}$/;

/** The folder of a run's checkpoints. */
export function checkpointsOf(runDirectory: string): string {
  return join(runDirectory, 'checkpoints');
}

/** Name of the checkpoint after a number of steps. */
export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** Names of the checkpoints in a folder, newest first. */
export function listCheckpoints(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => namePattern.test(name));
    return names.sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Removes what an interrupted save left behind. */
export function sweepCheckpoints(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('.old-') && !name.startsWith('.new-')) continue;
    const path = join(folder, name);
    const original = join(folder, name.slice(5));
    // Killed between moving the old one away and moving the new one in: the old one returns.
    if (name.startsWith('.old-') && !existsSync(original)) renameSync(path, original);
    else rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Saves a checkpoint: written and made durable under a temporary name, then renamed, so that a folder that bears a
 * checkpoint's name is complete. `SHA256SUMS` is in the format of `sha256sum --check`.
 *
 * @throws WriteError if a file cannot be written (a full disk); earlier checkpoints are as they were.
 */
export async function saveCheckpoint(
  folder: string,
  stored: StoredModel,
  state: TrainingState,
): Promise<string> {
  const name = checkpointName(state.step);
  const temporary = join(folder, `.new-${name}`);
  const final = join(folder, name);
  const old = join(folder, `.old-${name}`);
  try {
    rmSync(temporary, { recursive: true, force: true });
    makeDirectory(temporary);
    await writeSafetensors(join(temporary, 'model.safetensors'), new Map(stored.model));
    await writeSafetensors(join(temporary, 'optimizer.safetensors'), new Map(stored.optimizer));
    writeDurably(join(temporary, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
    let sums = '';
    for (const file of files) {
      syncPath(join(temporary, file));
      sums += `${await sha256(join(temporary, file))}  ${file}\n`;
    }
    writeDurably(join(temporary, sumsFile), sums);
    writing(final, () => {
      syncPath(temporary);
      if (existsSync(final)) renameSync(final, old);
      renameSync(temporary, final);
      syncPath(folder);
      rmSync(old, { recursive: true, force: true });
    });
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error instanceof WriteError ? error : new WriteError(final, error);
  }
  return name;
}

/** Deletes all checkpoints but these. */
export function keepOnly(folder: string, keep: ReadonlySet<string>): void {
  for (const name of listCheckpoints(folder))
    if (!keep.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

/** A checkpoint's file is missing, cut short or altered. */
export class DamagedCheckpointError extends Error {
  /** `DamagedCheckpointError`. */
  override readonly name = 'DamagedCheckpointError';
  /** The file. */
  readonly path: string;

  /** Says which file, and what is wrong with it. */
  constructor(path: string, why: string) {
    super(`${path} is damaged: ${why}`);
    this.path = path;
  }
}

/**
 * Compares every file of a checkpoint with its checksum.
 *
 * @returns SHA-256 of its weights.
 * @throws DamagedCheckpointError naming the file.
 */
export async function verifyCheckpoint(path: string): Promise<string> {
  const sumsPath = join(path, sumsFile);
  let text: string;
  try {
    text = await readFile(sumsPath, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new DamagedCheckpointError(sumsPath, 'the file is missing');
    throw error;
  }
  let weights = '';
  for (const file of files) {
    const expected = text
      .split('\n')
      .find((line) => line.slice(66) === file)
      ?.slice(0, 64);
    if (expected === undefined || !/^[0-9a-f]{64}$/.test(expected))
      throw new DamagedCheckpointError(sumsPath, `no checksum for ${file}`);
    const filePath = join(path, file);
    if (!existsSync(filePath)) throw new DamagedCheckpointError(filePath, 'the file is missing');
    const found = await sha256(filePath);
    if (found !== expected)
      throw new DamagedCheckpointError(
        filePath,
        `SHA-256 of its ${statSync(filePath).size} bytes must be ${expected}, got ${found}`,
      );
    if (file === 'model.safetensors') weights = found;
  }
  return weights;
}

/** A checkpoint read from disk. */
export interface Checkpoint extends StoredModel {
  /** Its folder. */
  readonly path: string;
  /** Everything besides tensors. */
  readonly state: TrainingState;
  /** SHA-256 of the file of its weights. */
  readonly sha256: string;
}

/** Reads a checkpoint's state; the folder must be verified. */
export function readState(path: string): TrainingState {
  const file = join(path, 'state.json');
  const state = JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown; running: object };
  if (state.format !== 1)
    throw new Error(`${file}: format must be 1, got ${JSON.stringify(state.format ?? null)}`);
  const { best } = state as Partial<TrainingState>;
  // It is joined to a path: a name and nothing else.
  if (best && !(typeof best.checkpoint === 'string' && namePattern.test(best.checkpoint)))
    throw new Error(
      `${file}: best.checkpoint must be the name of a checkpoint, such as step-00000100, got ` +
        JSON.stringify(best.checkpoint),
    );
  return { ...state, running: withPresentNames(state.running) } as TrainingState;
}

/**
 * Reads a checkpoint and checks it against its checksums.
 *
 * @param path - The checkpoint's folder.
 * @throws DamagedCheckpointError naming the file.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const sha256 = await verifyCheckpoint(path);
  const state = readState(path);
  const model = await readSafetensors(join(path, 'model.safetensors'));
  const optimizer = await readSafetensors(join(path, 'optimizer.safetensors'));
  return { path, state, sha256, model: model.tensors, optimizer: optimizer.tensors };
}

/** Whether a checkpoint and the best one it names are whole; the damage otherwise. */
async function damageOf(folder: string, name: string): Promise<DamagedCheckpointError | undefined> {
  try {
    await verifyCheckpoint(join(folder, name));
    const best = readState(join(folder, name)).best;
    if (best && best.checkpoint !== name) await verifyCheckpoint(join(folder, best.checkpoint));
    return undefined;
  } catch (error) {
    if (error instanceof DamagedCheckpointError) return error;
    throw error;
  }
}

/**
 * The checkpoint to resume from: the newest. If it, or the best one it names, is damaged, that is an error, unless
 * `fallback` is set: then the newest one that is whole, and newer ones are put aside as `damaged-…`.
 *
 * @returns Undefined if there is none.
 */
export async function findLatest(folder: string, fallback: boolean): Promise<string | undefined> {
  const names = listCheckpoints(folder);
  const newest = names[0];
  if (newest === undefined) return undefined;
  const damage = await damageOf(folder, newest);
  if (!damage) return newest;
  let good: string | undefined;
  for (const name of names.slice(1)) if (good === undefined && !(await damageOf(folder, name))) good = name;
  if (!fallback || good === undefined) {
    const rest =
      good === undefined
        ? 'no earlier checkpoint is whole'
        : `the checkpoint before it, ${good}, is whole: to go on from it resume with \`fallback\` (ferry: --fallback)`;
    throw new Error(`${damage.message}; ${rest}`, { cause: damage });
  }
  for (const name of names.slice(0, names.indexOf(good))) {
    const aside = join(folder, `damaged-${name}`);
    rmSync(aside, { recursive: true, force: true });
    renameSync(join(folder, name), aside);
  }
  return good;
}

/**
 * The checkpoint that a path means: a checkpoint's own folder, or a run directory's best or last checkpoint.
 *
 * @throws Error if there is none, or a file is damaged.
 */
export async function openCheckpoint(path: string, which: 'best' | 'last' = 'best'): Promise<Checkpoint> {
  if (existsSync(join(path, 'state.json')) || namePattern.test(basename(path))) return readCheckpoint(path);
  const folder = checkpointsOf(path);
  const newest = listCheckpoints(folder)[0];
  if (newest === undefined) throw new Error(`${path}: no checkpoint in it (expected checkpoints/step-…)`);
  if (which === 'last') return readCheckpoint(join(folder, newest));
  await verifyCheckpoint(join(folder, newest));
  const best = readState(join(folder, newest)).best;
  if (!best)
    throw new Error(
      `${path}: no epoch was completed, so there is no best checkpoint yet; ask for the last one (ferry: ` +
        '--checkpoint last)',
    );
  return readCheckpoint(join(folder, best.checkpoint));
}

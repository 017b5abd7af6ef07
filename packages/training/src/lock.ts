import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hasCode, writing } from './files.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Kernel start time of the process where the system tells it: a pid alone may be another process by now. */
  readonly started: string | null;
}

/** What the system tells of a process. */
interface Status {
  /** One letter, `Z` for one that has ended and that its parent has not asked after. */
  readonly state: string | undefined;
  /** Start time in clock ticks since boot. */
  readonly started: string | null;
}

/** From /proc; undefined where there is none, or no such process. */
function statusOf(pid: number): Status | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold spaces: count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], started: fields[19] ?? null };
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
  }
  if (holder.started === null) return true;
  const status = statusOf(holder.pid);
  // In a container whose first process asks after no child, a killed run stays a zombie for good.
  return status?.started === holder.started && status.state !== 'Z';
}

function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, host, started } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof host !== 'string') return undefined;
    return { pid, host, started: typeof started === 'string' ? started : null };
  } catch (error) {
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Holds a directory for this process. */
export interface Lock {
  /** Lets the directory go. */
  release(): void;
}

/** Puts a finished draft in the lock's place unless a lock is there; false if one is. */
function tryLock(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
  }
  // A file system without hard links.
  try {
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Removes a dead process's lock. It is first moved to a name of our own and looked at there: if another process took
 * it over in between, what was moved is that one's lock, and goes back.
 */
function removeDead(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const moved = readHolder(aside);
  if (moved && isAlive(moved)) tryLock(aside, path);
  rmSync(aside, { force: true });
}

/**
 * Takes a run directory for this process, so that two processes never write into it. A lock left by a process that is
 * gone is taken over.
 *
 * @param directory - Must exist.
 * @throws Error naming the process that holds the directory.
 */
export function acquireLock(directory: string): Lock {
  const path = join(directory, 'lock');
  const mine: Holder = {
    pid: process.pid,
    host: hostname(),
    started: statusOf(process.pid)?.started ?? null,
  };
  const draft = join(directory, `.lock-${randomUUID()}`);
  try {
    // Written beside and then linked: the lock never exists half-written.
    writing(draft, () => {
      writeFileSync(draft, `${JSON.stringify(mine)}\n`);
    });
    for (let attempt = 0; attempt < 5; attempt++) {
      if (tryLock(draft, path)) {
        return {
          release: () => {
            rmSync(path, { force: true });
          },
        };
      }
      const holder = readHolder(path);
      if (holder && holder.host !== mine.host)
        throw new Error(
          `${directory} is in use by process ${holder.pid} on ${holder.host}; if that one is gone, delete ${path}`,
        );
      if (holder && isAlive(holder))
        throw new Error(
          `${directory} is in use by process ${holder.pid}; wait for it or choose another directory`,
        );
      removeDead(path, `${draft}.dead`);
    }
    throw new Error(
      `${directory}: could not take the lock ${path}; delete it if no process uses the directory`,
    );
  } finally {
    rmSync(draft, { force: true });
  }
}

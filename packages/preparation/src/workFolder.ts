import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Where in a working folder a domain waits while the one that takes its place is moved there. */
export const oldDomain = 'domain-old';

/** Folders that this process works in. */
const own = new Set<string>();

/** How names of this machine's working folders for a domain begin; the number of a process and a dash follow. */
const beginning = (out: string): string =>
  `.${basename(out)}-${hostname().replaceAll(/[^A-Za-z0-9.]/g, '_')}-`;

/** Whether a process of this machine is running. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of someone else's may not be signalled, but runs.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Removes working folders that preparations of a domain left because they were killed; a domain that one of them had
 * moved aside goes back to its place first. Those of other machines and of processes that run stay.
 *
 * @param out - The domain's directory.
 * @param line - Told of each.
 */
export async function removeLeftovers(out: string, line?: (text: string) => void): Promise<void> {
  const start = beginning(out);
  for (const name of await readdir(dirname(out)).catch((): string[] => [])) {
    const pid = name.startsWith(start)
      ? /^(\d+)-[A-Za-z0-9]{6}$/.exec(name.slice(start.length))?.[1]
      : undefined;
    const folder = join(dirname(out), name);
    const isLeft =
      pid !== undefined && !own.has(folder) && (Number(pid) === process.pid || !isRunning(Number(pid)));
    if (!isLeft) continue;
    const aside = join(folder, oldDomain);
    const isThere = async (path: string): Promise<boolean> =>
      (await stat(path).catch(() => undefined)) !== undefined;
    if ((await isThere(aside)) && !(await isThere(out))) await rename(aside, out);
    await rm(folder, { recursive: true, force: true });
    line?.(`${folder}: removed, a preparation that was killed had left it`);
  }
}

/** A folder to work in beside a domain's place; the caller removes it by `remove`. */
export async function makeWorkFolder(out: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(dirname(out), `${beginning(out)}${process.pid}-`));
  own.add(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      own.delete(path);
    },
  };
}

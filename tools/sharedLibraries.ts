// What a shared library of Linux on x86-64 (ELF) needs, and where the loader would find it.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the dynamic section of a library says. */
export interface LibraryNeeds {
  /** File names of other libraries, such as `libcudart.so.13`. */
  readonly needed: readonly string[];
  /** Folders that the loader looks in first, `$ORIGIN` resolved. */
  readonly runPath: readonly string[];
}

const [NEEDED, RPATH, RUNPATH, STRING_TABLE] = [1, 15, 29, 5];
const [LOAD, DYNAMIC] = [1, 2];

/**
 * Reads what a library needs from its dynamic section.
 *
 * @throws Error if the file is no such library.
 */
export function libraryNeeds(path: string): LibraryNeeds {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const piece = (at: number, length: number): Buffer => {
      if (at + length > size)
        throw new Error(`${path} is cut: ${at + length} bytes are wanted, it has ${size}`);
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, at);
      return bytes;
    };
    const whole = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));
    const head = size < 64 ? Buffer.alloc(64) : piece(0, 64);
    // 0x7f ELF, of 64 bits, little-endian, for x86-64.
    if (head.toString('latin1', 0, 6) !== '\x7fELF\x02\x01' || head.readUInt16LE(18) !== 62)
      throw new Error(`${path} is no library of Linux on x86-64`);
    const [start, each, count] = [whole(head, 32), head.readUInt16LE(54), head.readUInt16LE(56)];
    const segments = Array.from({ length: count }, (_, i) => {
      const bytes = piece(start + i * each, 56);
      return {
        type: bytes.readUInt32LE(0),
        at: whole(bytes, 8),
        address: whole(bytes, 16),
        size: whole(bytes, 32),
      };
    });
    const dynamic = segments.find(({ type }) => type === DYNAMIC);
    if (!dynamic) return { needed: [], runPath: [] };
    const table = piece(dynamic.at, dynamic.size);
    const entries = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, i) => ({
      tag: whole(table, 16 * i),
      value: whole(table, 16 * i + 8),
    }));
    const address = entries.find(({ tag }) => tag === STRING_TABLE)!.value;
    const within = segments.find(
      ({ type, address: from, size: long }) => type === LOAD && address >= from && address < from + long,
    )!;
    const strings = address - within.address + within.at;
    const text = (offset: number): string => {
      const bytes = piece(strings + offset, Math.min(4096, size - strings - offset));
      return bytes.toString('latin1', 0, bytes.indexOf(0));
    };
    const named = (...tags: number[]): string[] =>
      entries.filter(({ tag }) => tags.includes(tag)).map(({ value }) => text(value));
    return {
      needed: named(NEEDED),
      runPath: named(RPATH, RUNPATH)
        .flatMap((paths) => paths.split(':'))
        .filter((folder) => folder !== '')
        .map((folder) => folder.replace(/\$(?:ORIGIN|\{ORIGIN\})/g, dirname(path))),
    };
  } finally {
    closeSync(file);
  }
}

/** Folders that the loader searches for every library. */
function systemFolders(): string[] {
  const given = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [
    ...given,
    '/lib64',
    '/usr/lib64',
    '/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu',
    '/lib',
    '/usr/lib',
  ];
}

/** Libraries of the loader's cache, by name. */
function cachedLibraries(): ReadonlyMap<string, string> {
  const { stdout } = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const lines = ((stdout as string | null) ?? '').matchAll(/^\s*(\S+) \(.*x86-64.*\) => (\S+)$/gm);
  return new Map(Array.from(lines, ([, name, path]) => [name!, path!]));
}

/** What a library needs; undefined of what the loader passes over: nothing, a text, or a library of another kind. */
function needsIfLibrary(path: string): LibraryNeeds | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return libraryNeeds(path);
  } catch {
    return undefined;
  }
}

/** Where libraries are, and which are nowhere. */
export interface FoundLibraries {
  /** Paths by name. */
  readonly found: ReadonlyMap<string, string>;
  /** Those that are nowhere, and who needs them. */
  readonly missing: ReadonlyMap<string, string>;
}

/**
 * Looks for libraries, and for those that they need, where the loader would.
 *
 * @param names - File names of libraries, and who needs them.
 * @param folders - Folders to look in first.
 */
export function findLibraries(
  names: ReadonlyMap<string, string>,
  folders: readonly string[] = [],
): FoundLibraries {
  const cache = cachedLibraries();
  const [found, missing] = [new Map<string, string>(), new Map<string, string>()];
  const look = (name: string, by: string, first: readonly string[]): void => {
    if (found.has(name) || missing.has(name)) return;
    const places = [...first, ...systemFolders()].map((folder) => join(folder, name));
    for (const path of [...places, cache.get(name)]) {
      const own = path === undefined ? undefined : needsIfLibrary(path);
      if (!own) continue;
      found.set(name, path!);
      for (const each of own.needed) look(each, name, [...folders, ...own.runPath]);
      return;
    }
    missing.set(name, by);
  };
  for (const [name, by] of names) look(name, by, folders);
  return { found, missing };
}

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll } from 'vitest';
import { prepare, withFlags, type Flags, type PrepareOptions, type Provenance } from '../src/index.ts';

/** A folder of one test file's data. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'ferry-prepare-'));
  #count = 0;

  constructor() {
    afterAll(() => {
      rmSync(this.path, { recursive: true, force: true });
    });
  }

  /** Writes a file and gives its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** A place for a domain. */
  out(): string {
    return join(this.path, `domain-${this.#count++}`);
  }

  /** Names in the folder. */
  names(): string[] {
    return readdirSync(this.path);
  }
}

/** A domain as it was written. */
export interface Made {
  out: string;
  provenance: Provenance;
  items: Record<string, unknown>[];
  sequences: { user: string; items: string[]; ts?: number[]; parts?: number[] }[];
  /** Lines of `skipped.jsonl`. */
  skipped: { file: string; line: number; rule: string }[];
  /** Bytes of everything but the provenance. */
  bytes: string;
}

function jsonl<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Reads what was made. */
export function made(out: string, provenance: Provenance): Made {
  const files = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['provenance.json', 'skipped.jsonl'].includes(entry.name))
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
    .sort();
  return {
    out,
    provenance,
    items: jsonl(join(out, 'items.jsonl')),
    sequences: jsonl(join(out, 'sequences.jsonl')),
    skipped: jsonl(join(out, 'skipped.jsonl')),
    bytes: files.map((name) => `${name}\n${readFileSync(join(out, name), 'utf8')}`).join('\n'),
  };
}

/** Prepares a file with flags. */
export async function prepared(
  folder: Folder,
  file: string,
  flags: Flags = {},
  options: Partial<PrepareOptions> = {},
): Promise<Made> {
  const out = options.out ?? folder.out();
  const provenance = await prepare(withFlags({}, flags, file), {
    out,
    command: 'test',
    version: '0.0.0',
    threads: 1,
    memory: '500MB',
    ...options,
  });
  return made(out, provenance);
}

/** What a preparation says when it fails, without the folder's path. */
export async function refusal(folder: Folder, file: string, flags: Flags = {}): Promise<string> {
  try {
    await prepared(folder, file, flags);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message.replaceAll(`${folder.path}/`, '')}`;
  }
  return 'nothing';
}

import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Whether a file operation failed with this code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): boolean {
  return codeOf(error) === code;
}

/** A file could not be written. */
export class WriteError extends Error {
  /** `WriteError`. */
  override readonly name = 'WriteError';
  /** The file or directory. */
  readonly path: string;
  /** Whether the device, or the share of it that the user may take, is full. */
  readonly full: boolean;

  /** Says what could not be written and why. */
  constructor(path: string, cause: unknown) {
    const full = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause) ?? '');
    const why = full ? 'no space left on the device' : cause instanceof Error ? cause.message : String(cause);
    super(`cannot write ${path}: ${why}`, { cause });
    this.path = path;
    this.full = full;
  }
}

/** Runs a write and names the file if it fails. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw error instanceof WriteError ? error : new WriteError(path, error);
  }
}

/** Makes a file's or a directory's contents durable. */
export function syncPath(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeAll(handle: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done);
}

/** Writes a file durably, in place. */
export function writeDurably(path: string, text: string): void {
  writing(path, () => {
    const handle = openSync(path, 'w');
    try {
      writeAll(handle, Buffer.from(text));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  });
}

/** Replaces a file so that at every moment either the old or the new contents are there. */
export function replaceFile(path: string, text: string): void {
  // A name of its own: several processes may replace one file, as those that share a study do.
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    writeDurably(temporary, text);
    writing(path, () => {
      renameSync(temporary, path);
      syncPath(dirname(path));
    });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Reads a JSON file of a run. Ferry writes these whole or not at all, so that one that is none was damaged afterwards.
 *
 * @throws Error naming the file where it holds no JSON.
 */
export function readJson(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    const found = text === '' ? 'an empty file' : JSON.stringify(text.slice(0, 60));
    throw new Error(`${path} is damaged: it must be JSON, got ${found}`, { cause: error });
  }
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** A text file that only grows, and that knows its length. */
export interface LineFile {
  /** Bytes written so far. */
  position(): number;
  /** Appends a line. */
  write(line: string): void;
  /** Makes what was written durable. */
  sync(): void;
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a {@link LineFile}, cut to its first `position` bytes.
 *
 * @throws Error if the file is shorter than that.
 */
export function openLines(path: string, position: number): LineFile {
  const handle = writing(path, () => openSync(path, position === 0 ? 'w' : 'r+'));
  const { size } = fstatSync(handle);
  if (size < position) {
    closeSync(handle);
    throw new Error(
      `${path}: the checkpoint was saved when this file had ${position} bytes, got ${size}: it was cut or replaced`,
    );
  }
  ftruncateSync(handle, position);
  let length = position;
  return {
    position: () => length,
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      writing(path, () => {
        for (let done = 0; done < bytes.length;)
          done += writeSync(handle, bytes, done, bytes.length - done, length + done);
      });
      length += bytes.length;
    },
    sync() {
      writing(path, () => {
        fsyncSync(handle);
      });
    },
    close() {
      closeSync(handle);
    },
  };
}

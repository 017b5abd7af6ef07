import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, vi } from 'vitest';
import { describeError } from '../src/errors.ts';
import { buildProgram } from '../src/program.ts';

/** The program. */
export const launcher = join(import.meta.dirname, '../bin/ferry.js');

/** What a command came to. */
export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Makes a directory of its own the working directory of a test file; what computes is what recipes name, or `env`. */
export function ownFolder(name: string, env: Readonly<Record<string, string>> = {}): string {
  const place = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), `ferry-${name}-`));
  beforeAll(() => {
    process.chdir(folder);
    for (const [name, value] of Object.entries({ FERRY_BACKEND: '', NO_COLOR: '1', FERRY_DEBUG: '', ...env }))
      vi.stubEnv(name, value);
  });
  afterAll(() => {
    process.chdir(place);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Runs a command in this process. */
export async function run(...args: string[]): Promise<Run> {
  let [out, error] = ['', ''];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const complain = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    error += String(text);
    return true;
  });
  try {
    await buildProgram().parseAsync(['node', 'ferry', ...args]);
  } catch (thrown) {
    const shown = stripVTControlCharacters(describeError(thrown, false));
    return { code: 1, out, error: `${error}${shown}\n` };
  } finally {
    write.mockRestore();
    complain.mockRestore();
  }
  return { code: 0, out, error };
}

/** What a command prints, in this process; of one that fails the error, as it is shown. */
export async function ferry(...args: string[]): Promise<string> {
  const { code, out, error } = await run(...args);
  return code === 0 ? out : error.trimEnd();
}

/** What a command says when it refuses, in this process. */
export async function refusal(...args: string[]): Promise<string> {
  const { code, error } = await run(...args);
  if (code === 0) throw new Error(`ferry ${args.join(' ')} should have refused`);
  return error.trimEnd();
}

/** Runs ferry as a user does; `during` may end it early. */
export function launch(args: readonly string[], during?: (child: ChildProcess) => void): Promise<Run> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [launcher, ...args]);
    let [out, error] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (error += text.toString()));
    child.on('error', fail);
    child.on('close', (code) => {
      done({ code, out, error });
    });
    during?.(child);
  });
}

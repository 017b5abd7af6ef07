import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';
import { describeError } from '../src/errors.ts';
import { buildProgram } from '../src/program.ts';

/** What a command prints, in this process; errors as they are shown. */
export async function ferry(...args: string[]): Promise<string> {
  let out = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const quiet = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  try {
    await buildProgram().parseAsync(['node', 'ferry', ...args]);
  } catch (error) {
    return stripVTControlCharacters(describeError(error, false));
  } finally {
    write.mockRestore();
    quiet.mockRestore();
  }
  return out;
}

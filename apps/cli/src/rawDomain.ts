import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UserError } from '@ferry/recipes';
import type { Flags, PrepareConsole } from '@ferry/preparation';
import { flagOf } from './options.ts';

/** What was found in raw files. */
export interface RawDomain {
  /** The domain that they make when nothing is left out, in a place of its own for as long as it is looked at. */
  readonly directory: string;
  /** Columns, encodings, what is odd, a sentence each. */
  readonly found: readonly string[];
  /** Damaged rows, which are not in the domain: file, line and rule. */
  readonly damaged: readonly string[];
}

/** Files that are domains as they are. */
const ofDomains = /\.txt$/i;

/** Whether raw files are named, as `ferry prepare` takes them: a file that is no domain by itself, or one with options. */
export async function isRaw(path: string, flags: Flags): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const given = Object.keys(flags).length > 0;
  if (given && !found?.isFile())
    throw new UserError(`${flagOf(Object.keys(flags)[0]!)} belongs to raw files, got ${path}`);
  return found?.isFile() === true && (given || !ofDomains.test(path));
}

/**
 * Prepares raw files, a table or a description (`.yaml`), in a temporary place, damaged rows left out, and shows what was
 * found.
 *
 * @param use - Looks at it; afterwards it is gone.
 * @throws InputError as `ferry prepare` does.
 */
export async function withRawDomain<T>(
  source: string,
  flags: Flags,
  console: PrepareConsole,
  use: (domain: RawDomain) => Promise<T>,
): Promise<T> {
  const { loadSettings, prepare, withFlags } = await import('./actions/prepare.ts');
  const place = await mkdtemp(join(tmpdir(), 'ferry-inspect-'));
  try {
    const directory = join(place, basename(source).replace(/(?:\.[a-z]\w*)+$/i, '') || 'raw');
    const found: string[] = [];
    const settings = /\.ya?ml$/i.test(source) ? loadSettings(source, flags) : withFlags({}, flags, source);
    await prepare(
      { ...settings, damaged: 'skip' },
      {
        ...{ out: directory, command: '', version: '' },
        ...console,
        line: (text) => found.push(text),
      },
    );
    const skipped = await readFile(join(directory, 'skipped.jsonl'), 'utf8').catch(() => '');
    const damaged = skipped
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { file: string; line: number; rule: string })
      .map(({ file, line, rule }) => `${file}:${line}: ${rule}`);
    return await use({ directory, found, damaged });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

import { copyFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError, makeDirectory, readDomain } from '@ferry/data';
import { UserError } from '@ferry/recipes';
import { hashFile } from './parquet.ts';
import { placed, type PrepareOptions } from './prepare.ts';
import type { Input, Provenance } from './provenance.ts';

/** The folder of a domain that is ready, in `from` or `from` itself. */
async function readyFolder(from: string, ready: string): Promise<string> {
  for (const folder of [join(from, ready), from])
    if ((await readdir(folder).catch((): string[] => [])).some((name) => name.endsWith('.inter')))
      return folder;
  throw new UserError(`${from} must hold ${ready} with its .inter files, got none`);
}

/**
 * Copies a domain that Ferry reads as it is, features included, and says where it is from.
 *
 * @throws InputError if it is none.
 */
export async function copyReady(from: string, ready: string, options: PrepareOptions): Promise<Provenance> {
  const folder = await readyFolder(from, ready);
  const domain = await readDomain(folder);
  const counts = {
    interactions: domain.sequences.items.length,
    users: domain.users.length,
    items: domain.items.ids.length,
  };
  return placed(options, async (target) => {
    makeDirectory(target);
    const inputs: Input[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const path = join(folder, name);
      if (!(await stat(path)).isFile() || name === 'provenance.json') continue;
      await copyFile(path, join(target, name));
      inputs.push({ file: path, ...(await hashFile(path)), form: 'copied as it is', rows: 0 });
    }
    if (inputs.length === 0) throw new InputError(folder, undefined, 'a domain needs files, got none');
    const step = { rule: `read as it is: ${domain.form ?? 'a domain'}`, before: counts, after: counts };
    return {
      ferry: options.version,
      command: options.command,
      ...(options.card ? { card: options.card } : {}),
      inputs,
      settings: {},
      found: domain.warnings,
      damaged: { count: 0, policy: 'refuse' },
      steps: [step],
      order: { by: 'file', ties: 'as in the files', tied: 0, tiedUsers: 0 },
      counts: { ...counts, ...(options.expected ? { expected: options.expected } : {}) },
      items: {
        titled: domain.items.titles.filter((title) => title !== '').length,
        texts: domain.items.texts.filter((text) => text !== '').length,
        images: domain.items.images.filter((image) => image !== undefined).length,
      },
      split: { name: domain.protocol ?? 'leave-one-out' },
      outputs: inputs.map(({ file, bytes, sha256 }) => ({ file: basename(file), bytes, sha256 })),
    };
  });
}

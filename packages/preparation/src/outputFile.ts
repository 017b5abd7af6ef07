import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** A file that was written. */
export interface Output {
  /** Its name in the domain. */
  file: string;
  /** Its size. */
  bytes: number;
  /** SHA-256 of its bytes. */
  sha256: string;
}

/** Characters written at once. */
const blockLength = 1 << 20;

/** Writes lines to a file, block by block, and hashes them. */
export async function writeHashed(
  path: string,
  name: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<Output> {
  const handle = await open(path, 'w');
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    let block: string[] = [];
    let length = 0;
    const flush = async (): Promise<void> => {
      if (block.length === 0) return;
      const text = Buffer.from(`${block.join('\n')}\n`);
      block = [];
      length = 0;
      hash.update(text);
      bytes += text.length;
      await handle.writeFile(text);
    };
    for await (const line of lines) {
      block.push(line);
      length += line.length;
      if (length >= blockLength) await flush();
    }
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file: name, bytes, sha256: hash.digest('hex') };
}

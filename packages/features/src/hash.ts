import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** Bytes that are hashed or read at once: Node takes no more than 2 GiB. */
const pieceBytes = 2 ** 30;

/** SHA-256 of a text, or of bytes one after the other, in hexadecimal. */
export function sha256(...content: readonly (string | Uint8Array)[]): string {
  const sum = createHash('sha256');
  for (const part of content)
    if (typeof part === 'string') sum.update(part);
    else for (let at = 0; at < part.length; at += pieceBytes) sum.update(part.subarray(at, at + pieceBytes));
  return sum.digest('hex');
}

/** SHA-256 of a file of any size, in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const sum = createHash('sha256');
  await pipeline(createReadStream(path), sum);
  return sum.digest('hex');
}

/** The bytes of a file of any size; `readFile` takes no more than 2 GiB. */
export async function readWhole(path: string, piece = pieceBytes): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const bytes = new Uint8Array((await handle.stat()).size);
    let at = 0;
    while (at < bytes.length) {
      const { bytesRead } = await handle.read(bytes.subarray(at, at + piece));
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } finally {
    await handle.close();
  }
}

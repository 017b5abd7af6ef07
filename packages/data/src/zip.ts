import { crc32 } from 'node:zlib';
import { fromBufferPromise, openPromise, type Entry, type ZipFile } from 'yauzl';

/** A file in a zip archive, as the archive's directory states it. */
export interface ZipEntry {
  /** Its path in the archive. */
  readonly name: string;
  /** Its bytes, unpacked. */
  readonly size: number;
  /** Its bytes in the archive. */
  readonly packed: number;
}

/** An open zip archive. */
export interface ZipArchive {
  /** Its files, folders left out. */
  readonly entries: readonly ZipEntry[];
  /**
   * Unpacks a file block by block. Throws at once where it states more than its packed bytes can hold, and on the way
   * at more bytes than stated, at fewer, and at another checksum.
   */
  blocks: (entry: ZipEntry) => AsyncGenerator<Buffer>;
  /** Frees it. */
  close: () => void;
}

/** Deflate cannot pack tighter than this. */
const deflateRatio = 1032;

async function* unpacked(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  // Sizes are compared by the stream.
  for await (const block of await zip.openReadStreamPromise(entry)) {
    sum = crc32(block as Buffer, sum);
    yield block as Buffer;
  }
  if (sum !== entry.crc32)
    throw new Error(`${entry.fileName} does not have the checksum that the archive states`);
}

/**
 * Opens a zip archive. Only its directory is read.
 *
 * @param source - A file's path, or its bytes.
 * @throws Error if it is no zip archive or is cut off.
 */
export async function openZip(source: string | Uint8Array): Promise<ZipArchive> {
  const zip =
    typeof source === 'string'
      ? await openPromise(source, { autoClose: false })
      : await fromBufferPromise(Buffer.from(source.buffer, source.byteOffset, source.byteLength));
  const close = (): void => {
    if (typeof source === 'string') zip.close();
  };
  const known = new Map<ZipEntry, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      const { fileName: name, uncompressedSize: size, compressedSize: packed } = entry;
      known.set({ name, size, packed }, entry);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    entries: [...known.keys()],
    blocks: (asked) => {
      const { name, size, packed } = asked;
      if (size > deflateRatio * (packed + 1))
        throw new Error(
          `${name} must be as large as its ${packed} packed bytes can be, got ${size} bytes stated`,
        );
      return unpacked(zip, known.get(asked)!);
    },
    close,
  };
}

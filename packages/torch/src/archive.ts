import { unzipSync } from 'fflate';

/** How much of an archive is unpacked before it is refused. */
export interface ArchiveLimits {
  /** Largest sum of the unpacked sizes, bytes. Default 8 GiB. */
  maxBytes?: number | undefined;
  /** Largest number of entries. Default 100,000. */
  maxEntries?: number | undefined;
  /** Largest ratio of an entry's unpacked to its packed size; `torch.save` does not compress. Default 1,000. */
  maxRatio?: number | undefined;
}

/** The entries of a `torch.save` archive, unpacked. */
export interface Archive {
  /** The pickle. */
  pickle: Uint8Array;
  /** Storages by key: the bytes of `data/<key>`. */
  storages: ReadonlyMap<string, Uint8Array>;
}

/**
 * Unpacks the zip archive that `torch.save` writes (`<name>/data.pkl`, `<name>/data/<key>`, `<name>/byteorder`).
 *
 * @param bytes - The file.
 * @param file - Name for messages.
 * @param limits - Against archives that unpack to far more than they are.
 * @throws Error if it is no such archive, is truncated, or exceeds a limit.
 */
export function openArchive(bytes: Uint8Array, file: string, limits: ArchiveLimits = {}): Archive {
  const { maxBytes = 8 * 2 ** 30, maxEntries = 100_000, maxRatio = 1_000 } = limits;
  const fail = (rule: string): Error => new Error(`openArchive: ${file}: ${rule}`);
  if (bytes.length < 4 || bytes[0] !== 0x50 || bytes[1] !== 0x4b)
    throw fail(
      'a zip archive is needed, as torch.save writes since PyTorch 1.6 (it does not start with "PK"); ' +
        'save an older checkpoint again with a newer PyTorch',
    );
  const sizes = new Map<string, number>();
  let total = 0;
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        if (sizes.size >= maxEntries) throw fail(`more than ${maxEntries} entries`);
        if (sizes.has(name)) throw fail(`entry ${name} occurs twice`);
        total += originalSize;
        if (total > maxBytes) throw fail(`it unpacks to more than ${maxBytes} bytes`);
        if (originalSize > maxRatio * Math.max(size, 1))
          throw fail(
            `entry ${name} unpacks from ${size} to ${originalSize} bytes, more than ${maxRatio} times`,
          );
        // A stored entry cannot be larger than the file: checked before anything is allocated.
        if (compression === 0 && originalSize > bytes.length)
          throw fail(`entry ${name} claims ${originalSize} bytes of a file of ${bytes.length} (truncated?)`);
        sizes.set(name, originalSize);
        return true;
      },
    });
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('openArchive')) throw error;
    throw fail(
      `not a readable zip archive (truncated?): ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const root = [...sizes.keys()]
    .find((name) => /^[^/]+\/data\.pkl$/.test(name))
    ?.slice(0, -'data.pkl'.length);
  if (root === undefined) throw fail('no <name>/data.pkl in the archive: not a file of torch.save');
  for (const [name, size] of sizes)
    if (entries[name]?.length !== size)
      throw fail(`entry ${name} has ${entries[name]?.length ?? 0} of ${size} bytes (truncated?)`);
  const order = entries[`${root}byteorder`];
  if (order && new TextDecoder().decode(order).trim() !== 'little')
    throw fail('only little-endian checkpoints are read');
  const storages = new Map<string, Uint8Array>();
  const prefix = `${root}data/`;
  for (const name of sizes.keys())
    if (name.startsWith(prefix)) storages.set(name.slice(prefix.length), entries[name]!);
  return { pickle: entries[`${root}data.pkl`]!, storages };
}

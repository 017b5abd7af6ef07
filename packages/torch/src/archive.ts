import { unzipSync } from 'fflate';
import { isLegacy, openLegacy } from './legacy.ts';
import { readPickle } from './pickle.ts';
import type { PickleValue } from './pickleValues.ts';

/** How much of a file is unpacked before it is refused. */
export interface ArchiveLimits {
  /**
   * Largest number of bytes that the tensors may take (several may be views of one storage). Default: eight times the
   * file and 1 MiB, at most 4 GiB.
   */
  maxBytes?: number;
  /** Largest number of entries of an archive. Default 100,000. */
  maxEntries?: number;
}

/** What a file of `torch.save` holds. */
export interface Archive {
  /** What was saved; tensors name their storages. */
  root: PickleValue;
  /** Storages by key: their bytes. */
  storages: ReadonlyMap<string, Uint8Array>;
}

/** The limits of a file of some bytes. */
export function limitsOf(bytes: Uint8Array, limits: ArchiveLimits): { maxBytes: number; maxEntries: number } {
  const { maxBytes = Math.min(8 * bytes.length + 2 ** 20, 4 * 2 ** 30), maxEntries = 100_000 } = limits;
  for (const [name, limit] of Object.entries({ maxBytes, maxEntries }))
    if (!(limit >= 0)) throw new RangeError(`${name} must be a number of at least 0, got ${limit}`);
  return { maxBytes, maxEntries };
}

/**
 * Opens a file of `torch.save`: the zip archive written since PyTorch 1.6 (`<name>/data.pkl`, `<name>/data/<key>`,
 * `<name>/byteorder`), or the older form of pickles with the storages behind them. Nothing in it is executed.
 *
 * @param bytes - The file.
 * @param file - Name for messages.
 * @param limits - Against files that unpack to far more than they are.
 * @throws Error if it is neither, is truncated, or exceeds a limit.
 */
export function openArchive(bytes: Uint8Array, file: string, limits: ArchiveLimits = {}): Archive {
  if (isLegacy(bytes)) return openLegacy(bytes, file);
  const fail = (rule: string): Error => new Error(`openArchive: ${file}: ${rule}`);
  if (bytes.length < 4 || bytes[0] !== 0x50 || bytes[1] !== 0x4b)
    throw fail(
      'a file of torch.save is needed: a zip archive, which starts with "PK", or the pickles of PyTorch before 1.6',
    );
  const entries = unzip(bytes, fail, limitsOf(bytes, limits));
  const root = [...entries.keys()]
    .find((name) => /^[^/]+\/data\.pkl$/.test(name))
    ?.slice(0, -'data.pkl'.length);
  if (root === undefined) throw fail('no <name>/data.pkl in the archive: not a file of torch.save');
  const order = entries.get(`${root}byteorder`);
  if (order && new TextDecoder().decode(order).trim() !== 'little')
    throw fail('only little-endian checkpoints are read');
  const storages = new Map<string, Uint8Array>();
  const prefix = `${root}data/`;
  for (const [name, entry] of entries)
    if (name.startsWith(prefix)) storages.set(name.slice(prefix.length), entry);
  return { root: readPickle(entries.get(`${root}data.pkl`)!, file), storages };
}

/** The entries of a zip archive that compresses none of them. */
function unzip(
  bytes: Uint8Array,
  fail: (rule: string) => Error,
  { maxBytes, maxEntries }: { maxBytes: number; maxEntries: number },
): Map<string, Uint8Array> {
  const sizes = new Map<string, number>();
  let total = 0;
  let problem: Error | undefined;
  const refuse = (rule: string): never => {
    problem = fail(rule);
    throw problem;
  };
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        if (sizes.size >= maxEntries) refuse(`more than ${maxEntries} entries`);
        if (sizes.has(name)) refuse(`entry ${name} occurs twice`);
        if (compression !== 0)
          refuse(
            `entry ${name} is compressed, which torch.save never does; unpack and store it, or save it again`,
          );
        total += originalSize;
        // Entries may overlap in the file.
        if (!(total <= maxBytes)) refuse(`it unpacks to more than ${maxBytes} bytes`);
        if (originalSize > bytes.length || size !== originalSize)
          refuse(`entry ${name} claims ${originalSize} bytes of a file of ${bytes.length} (truncated?)`);
        sizes.set(name, originalSize);
        return true;
      },
    });
  } catch (error) {
    throw problem ?? fail(`not a readable zip archive (truncated?): ${(error as Error).message}`);
  }
  return new Map(
    [...sizes].map(([name, size]) => {
      const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
      if (entry?.length !== size)
        throw fail(`entry ${name} has ${entry?.length ?? 0} of ${size} bytes (truncated?)`);
      return [name, entry];
    }),
  );
}

import { InputError, openZip, type ZipArchive, type ZipEntry } from '@ferry/data';

/** Unpacked bytes of an archive that are taken at most, unless the caller allows more: a million rows of 1,024 floats. */
const defaultLimit = 4 * 2 ** 30;

/** A file of an archive, whole. */
async function contentOf({ blocks }: ZipArchive, entry: ZipEntry): Promise<Uint8Array> {
  const coming = blocks(entry);
  const content = new Uint8Array(entry.size);
  let at = 0;
  for await (const block of coming) {
    content.set(block, at);
    at += block.length;
  }
  return content;
}

/**
 * Unpacks the arrays of a `.npz` file (a zip of `.npy` files, stored or deflated): their bytes, for {@link parseNpy}. What
 * they hold is not looked at here, so an array that nobody needs may be of any type. The sizes that the archive states are
 * looked at before anything is unpacked, and no array is unpacked beyond its own.
 *
 * @param bytes - The file's bytes.
 * @param file - Its name, for errors.
 * @param options - `take` chooses arrays by name (all by default); `maxBytes` of them at most, unpacked (4 GiB by default).
 * @returns Arrays by name, without the `.npy` ending.
 * @throws InputError if it is no zip, an array is damaged or has another size than stated, or the limit is passed.
 */
export async function unpackNpz(
  bytes: Uint8Array,
  file: string,
  options: { take?: (name: string) => boolean; maxBytes?: number } = {},
): Promise<Map<string, Uint8Array>> {
  const { take = () => true, maxBytes = defaultLimit } = options;
  const arrays = new Map<string, Uint8Array>();
  try {
    const zip = await openZip(bytes);
    const wanted = zip.entries.filter(({ name }) => name.endsWith('.npy') && take(name.slice(0, -4)));
    let total = 0;
    for (const { name, size } of wanted) {
      total += size;
      if (!(total <= maxBytes))
        throw new InputError(
          file,
          undefined,
          `the archive must unpack to at most ${maxBytes} bytes, got ${total} with ${name}`,
        );
    }
    for (const entry of wanted) arrays.set(entry.name.slice(0, -4), await contentOf(zip, entry));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      file,
      undefined,
      `a .npz file must be a whole zip archive (${(error as Error).message})`,
    );
  }
  return arrays;
}

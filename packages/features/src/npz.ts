import { InputError } from '@ferry/data';
import { unzipSync, type UnzipFileInfo } from 'fflate';

/** Unpacked bytes of an archive that are taken at most, unless the caller allows more: a million rows of 1,024 floats. */
const defaultLimit = 4 * 2 ** 30;

/** Deflate cannot pack tighter than this. */
const deflateRatio = 1032;

/**
 * Unpacks the arrays of a `.npz` file (a zip of `.npy` files, stored or deflated): their bytes, for {@link parseNpy}. What
 * they hold is not looked at here, so an array that nobody needs may be of any type.
 *
 * @param bytes - The file's bytes.
 * @param file - Its name, for errors.
 * @param options - `take` chooses arrays by name (all by default); `maxBytes` of them at most, unpacked (4 GiB by default).
 * @returns Arrays by name, without the `.npy` ending.
 * @throws InputError if it is no zip, an entry is damaged or states an impossible size, or the limit is passed.
 */
export function unpackNpz(
  bytes: Uint8Array,
  file: string,
  options: { take?: (name: string) => boolean; maxBytes?: number } = {},
): Map<string, Uint8Array> {
  const { take = () => true, maxBytes = defaultLimit } = options;
  let total = 0;
  const filter = ({ name, size, originalSize, compression }: UnzipFileInfo): boolean => {
    if (!name.endsWith('.npy') || !take(name.slice(0, -4))) return false;
    const most = compression === 0 ? bytes.length : deflateRatio * (size + 1);
    if (!(originalSize <= most))
      throw new InputError(
        file,
        undefined,
        `${name} must be as large as its ${size} packed bytes can be, got ${originalSize} bytes stated`,
      );
    total += originalSize;
    if (!(total <= maxBytes))
      throw new InputError(
        file,
        undefined,
        `the archive must unpack to at most ${maxBytes} bytes, got ${total} with ${name}`,
      );
    return true;
  };
  try {
    return new Map(
      Object.entries(unzipSync(bytes, { filter })).map(([name, content]) => [name.slice(0, -4), content]),
    );
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      file,
      undefined,
      `a .npz file must be a whole zip archive (${(error as Error).message})`,
    );
  }
}

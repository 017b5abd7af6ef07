import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { InputError } from '@ferry/data';
import { bytesOfType, decodeNumbers, encodeNumbers } from './elements.ts';
import { presentRows } from './matrix.ts';
import { blockType, encodeNpyHeader, parseNpyHeader } from './npy.ts';
import { itemsHash, readRecord, recordFormat, recordPath, type FeatureType } from './record.ts';
import type { FeatureDomain, FeatureMatrix } from './types.ts';

/**
 * Features of N items, F wide, of which only some rows are in memory at a time: for catalogues whose features, as float32,
 * would be gigabytes.
 */
export interface ItemBlocks {
  /** N. */
  count: number;
  /** F. */
  width: number;
  /** How the numbers are kept: float16 takes half the room and keeps three digits. */
  type: FeatureType;
  /** 1 where the item has the modality. Uint8 [N]. */
  present: Uint8Array;
  /**
   * Rows [from, to) as float32; rows of missing items are zero.
   *
   * @param from - First row.
   * @param to - Row after the last.
   * @param into - Where they go; [(to - from) * F] at least. Default: a buffer that the next call uses again.
   * @returns Float32 [(to - from) * F].
   * @throws RangeError for rows outside 0..N; InputError if the file has become shorter.
   */
  rows: (from: number, to: number, into?: Float32Array) => Float32Array;
  /** Closes the file. */
  close: () => void;
}

/** How {@link openItemBlocks} takes a file. */
export interface ItemBlocksOptions {
  /** Whose items the rows are: their number and, where the record states it, their order are checked. */
  domain?: Pick<FeatureDomain, 'items'>;
  /** F of a headerless file without a record. */
  width?: number;
  /** Which items have the modality, if it is known. Default: the file is gone through once; rows of zeros are missing. */
  present?: Uint8Array;
}

/** Bytes of one block, where a whole file is gone through. */
const blockBytes = 1 << 23;

/** Bytes that hold any header of a matrix. */
const headerBytes = 4096;

/** Where the numbers of a file are. */
interface Layout {
  count: number;
  width: number;
  type: FeatureType;
  offset: number;
}

/** Checks the range of rows and returns the buffer they go to. */
function place(
  { count, width }: { count: number; width: number },
  from: number,
  to: number,
  into: () => Float32Array,
): Float32Array {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > count)
    throw new RangeError(`ItemBlocks: rows must be in 0..${count}, got ${from}..${to}`);
  const target = into();
  if (target.length < (to - from) * width)
    throw new RangeError(`ItemBlocks: into must hold ${(to - from) * width} numbers, got ${target.length}`);
  return target.subarray(0, (to - from) * width);
}

/** A float32 buffer that grows to the largest size asked for. */
function growing(): (size: number) => Float32Array {
  let buffer = new Float32Array(0);
  return (size) => (buffer.length >= size ? buffer : (buffer = new Float32Array(size)));
}

/** Finds out how a file holds its matrix. */
async function layoutOf(fd: number, file: string, options: ItemBlocksOptions): Promise<Layout> {
  const record = await readRecord(file);
  const { size } = fstatSync(fd);
  const items = options.domain?.items.ids.length;
  if (record?.itemsHash !== undefined && options.domain && record.itemsHash !== itemsHash(options.domain))
    throw new InputError(file, undefined, 'out of date: the features are of other items; make them again');
  let layout: Layout;
  if (/\.npy$/i.test(file)) {
    const start = Buffer.alloc(Math.min(headerBytes, size));
    readSync(fd, start, 0, start.length, 0);
    const header = parseNpyHeader(start, file);
    const type = blockType(header);
    if (type === undefined || header.shape.length !== 2)
      throw new InputError(
        file,
        undefined,
        `features that are read by blocks must be a little-endian float matrix in C order, got '${header.descr}' ` +
          `of shape (${header.shape.join(', ')})${header.fortran ? ' in Fortran order' : ''}`,
      );
    layout = { count: header.shape[0]!, width: header.shape[1]!, type, offset: header.offset };
  } else {
    const width = options.width ?? record?.width;
    const type = record?.dtype ?? 'float32';
    if (width === undefined)
      throw new InputError(
        file,
        undefined,
        `the width of a headerless file must be stated, in ${recordPath(file)} or as an option`,
      );
    layout = { count: Math.floor(size / bytesOfType[type] / width), width, type, offset: 0 };
  }
  const { count, width, type, offset } = layout;
  if (size !== offset + count * width * bytesOfType[type])
    throw new InputError(
      file,
      undefined,
      `must hold ${count} rows of ${width} ${type} numbers, got ${size - offset} bytes (cut off?)`,
    );
  const declared = options.width ?? record?.width;
  if (declared !== undefined && declared !== width)
    throw new InputError(file, undefined, `rows must be ${declared} wide, got ${width}`);
  if (items !== undefined && items !== count)
    throw new InputError(
      file,
      undefined,
      `a feature file must have one row for each of the ${items} items, got ${count}`,
    );
  return layout;
}

/**
 * Opens a `.npy` or headerless feature file (see `readFeatureFile`) to be read by blocks of rows in the order of the item
 * index. At no time is more of it in memory than the rows asked for.
 *
 * @param file - The file.
 * @param options - What to check, and what is known.
 * @throws InputError if it is no such file, is cut off, of other items, or holds a number that is not finite.
 *
 * @example
 * ```ts
 * const blocks = await openItemBlocks('features/text-use-lite.npy', { domain });
 * for (let from = 0; from < blocks.count; from += 4096)
 *   adapt(blocks.rows(from, Math.min(from + 4096, blocks.count)));
 * blocks.close();
 * ```
 */
export async function openItemBlocks(file: string, options: ItemBlocksOptions = {}): Promise<ItemBlocks> {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    throw new InputError(file, undefined, `the feature file cannot be read (${(error as Error).message})`);
  }
  try {
    const layout = await layoutOf(fd, file, options);
    const { count, width, type, offset } = layout;
    const row = width * bytesOfType[type];
    const buffer = growing();
    let bytes = new Uint8Array(0);
    const rows: ItemBlocks['rows'] = (from, to, into) => {
      const target = place(layout, from, to, () => into ?? buffer((to - from) * width));
      const size = (to - from) * row;
      if (bytes.length < size) bytes = new Uint8Array(size);
      // One read gives at most 2 GiB.
      for (let done = 0; done < size;) {
        const read = readSync(fd, bytes, done, Math.min(size - done, 1 << 30), offset + from * row + done);
        if (read === 0)
          throw new InputError(file, undefined, `must still hold ${count} rows, got ${from} and a part`);
        done += read;
      }
      decodeNumbers(bytes.subarray(0, size), type, target);
      return target;
    };
    const present = options.present ?? new Uint8Array(count);
    if (!options.present) {
      const step = Math.max(1, Math.floor(blockBytes / row));
      for (let from = 0; from < count; from += step) {
        const to = Math.min(count, from + step);
        present.set(presentRows(rows(from, to), width, file, from), from);
      }
    }
    return {
      count,
      width,
      type,
      present,
      rows,
      close: () => {
        closeSync(fd);
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A matrix that is in memory, as blocks.
 *
 * @param matrix - The matrix.
 * @param type - `float16`: the numbers are copied and held in half the room. `float32` (the default): the matrix' own.
 */
export function blocksOf(
  matrix: Pick<FeatureMatrix, 'count' | 'width' | 'data' | 'present'>,
  type: 'float16' | 'float32' = 'float32',
): ItemBlocks {
  const { count, width, data, present } = matrix;
  const held = type === 'float16' ? encodeNumbers(data, type) : undefined;
  const buffer = growing();
  const row = width * bytesOfType[type];
  return {
    count,
    width,
    type,
    present,
    rows: (from, to, into) => {
      if (!held && !into) return place(matrix, from, to, () => data.subarray(from * width, to * width));
      const target = place(matrix, from, to, () => into ?? buffer((to - from) * width));
      if (held) decodeNumbers(held.subarray(from * row, to * row), type, target);
      else target.set(data.subarray(from * width, to * width));
      return target;
    },
    close: () => undefined,
  };
}

/**
 * Writes features block by block as a `.npy` file with its record beside it.
 *
 * @param file - The file, ending in `.npy`.
 * @param shape - N and F, the type of the numbers (float32 by default), and whose items the rows are.
 * @param blocks - The rows in order, in blocks of whole rows.
 * @throws RangeError if they are not N rows.
 */
export async function writeItemBlocks(
  file: string,
  shape: {
    count: number;
    width: number;
    type?: 'float16' | 'float32';
    encoder?: string;
    domain?: Pick<FeatureDomain, 'items'>;
  },
  blocks: Iterable<Float32Array> | AsyncIterable<Float32Array>,
): Promise<void> {
  const { count, width, type = 'float32', encoder, domain } = shape;
  const out = await open(file, 'w');
  let written = 0;
  try {
    await out.write(encodeNpyHeader(type, [count, width]));
    for await (const block of blocks) {
      written += block.length / width;
      await out.write(encodeNumbers(block, type));
    }
  } finally {
    await out.close();
  }
  if (written !== count)
    throw new RangeError(`writeItemBlocks: blocks must hold ${count} rows of ${width}, got ${written}`);
  const record = {
    format: recordFormat,
    count,
    width,
    dtype: type,
    ...(encoder === undefined ? {} : { encoder }),
    ...(domain ? { itemsHash: itemsHash(domain) } : {}),
  };
  const side = await open(recordPath(file), 'w');
  await side.write(`${JSON.stringify(record, null, 2)}\n`);
  await side.close();
}

import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError, type Domain } from '@ferry/data';
import { presentRows } from './matrix.ts';
import { parseNpy } from './npy.ts';
import { parseNpz } from './npz.ts';
import type { FeatureMatrix, Modality } from './types.ts';

/** How {@link readFeatureFile} reads a file. */
export interface FeatureFileOptions {
  /** F of a raw float32 file. Default: the file's size divided by its rows. A declared width is checked. */
  width?: number | undefined;
  /** Which array of a `.npz` holds the features. Default: its only two-dimensional numeric array. */
  array?: string | undefined;
  /**
   * Raw item id of each row. Default: the string array `ids` of a `.npz`, if it has one. With ids, rows are put
   * into the order of the item index and items without a row are missing; without, row r belongs to index r.
   */
  ids?: readonly string[] | undefined;
  /** Rows belong to items by the items' `clipRows` (a file shared with another domain) instead of by index. */
  byClipRow?: boolean | undefined;
}

interface RawRows {
  data: Float32Array;
  rows: number;
  width: number;
  ids: readonly string[] | undefined;
}

/** Headerless little-endian float32. */
function parseRaw(
  bytes: Uint8Array,
  file: string,
  rows: number | undefined,
  width: number | undefined,
): RawRows {
  const values = bytes.length / 4;
  const found = width ?? (rows === undefined ? undefined : values / rows);
  if (found === undefined || !Number.isInteger(found) || found < 1 || !Number.isInteger(values / found))
    throw new InputError(
      file,
      undefined,
      width === undefined
        ? `a raw float32 file must hold ${rows ?? 'a known number of'} equal rows (or have its width declared), got ${bytes.length} bytes`
        : `a raw float32 file must hold whole rows of ${width} numbers, got ${bytes.length} bytes (cut off?)`,
    );
  const data = new Float32Array(values);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < values; index++) data[index] = view.getFloat32(index * 4, true);
  return { data, rows: values / found, width: found, ids: undefined };
}

function checkMatrix(shape: readonly number[], file: string): [number, number] {
  if (shape.length !== 2 || shape[1] === 0)
    throw new InputError(
      file,
      undefined,
      `features must have shape (items, width), got (${shape.join(', ')})`,
    );
  return [shape[0]!, shape[1]!];
}

function parseArchive(bytes: Uint8Array, file: string, name: string | undefined): RawRows {
  const arrays = parseNpz(bytes, file);
  const matrices = [...arrays].filter(([, array]) => array.kind === 'numbers' && array.shape.length === 2);
  const chosen = name === undefined && matrices.length === 1 ? matrices[0]![0] : name;
  const array = chosen === undefined ? undefined : arrays.get(chosen);
  if (array?.kind !== 'numbers')
    throw new InputError(
      file,
      undefined,
      `the archive must hold ${name === undefined ? 'one two-dimensional numeric array' : `a numeric array '${name}'`}, got ${[...arrays.keys()].join(', ') || 'nothing'}`,
    );
  const [rows, width] = checkMatrix(array.shape, file);
  const ids = arrays.get('ids');
  return { data: array.data, rows, width, ids: ids?.kind === 'texts' ? ids.data : undefined };
}

/** For each item, its row in the file, or -1. */
function rowOfItem(domain: Domain, found: RawRows, file: string, options: FeatureFileOptions): Int32Array {
  const { ids: items, clipRows } = domain.items;
  const ids = options.ids ?? found.ids;
  if (options.byClipRow) {
    if (!clipRows)
      throw new InputError(
        file,
        undefined,
        `rows can be shared by clipRow only if items have one, got none in ${domain.name}`,
      );
    const worst = clipRows.reduce((max, row) => Math.max(max, row), -1);
    if (worst >= found.rows)
      throw new InputError(
        file,
        undefined,
        `clipRow must be a row of the file (0..${found.rows - 1}), got ${worst}`,
      );
    return clipRows;
  }
  if (ids) {
    if (ids.length !== found.rows)
      throw new InputError(
        file,
        undefined,
        `there must be one id for each of the ${found.rows} rows, got ${ids.length}`,
      );
    const numbers = new Map(items.map((id, index) => [id, index]));
    const rows = new Int32Array(items.length).fill(-1);
    for (const [row, id] of ids.entries()) {
      const index = numbers.get(id);
      if (index === undefined)
        throw new InputError(
          file,
          undefined,
          `ids must be items of the domain, got ${JSON.stringify(id)} for row ${row}`,
        );
      if (rows[index] !== -1)
        throw new InputError(
          file,
          undefined,
          `ids must be unique, got ${JSON.stringify(id)} for rows ${rows[index]!} and ${row}`,
        );
      rows[index] = row;
    }
    return rows;
  }
  if (found.rows !== items.length)
    throw new InputError(
      file,
      undefined,
      `a feature file must have one row for each of the ${items.length} items, got ${found.rows} rows of ${found.width} numbers`,
    );
  return Int32Array.from(items.keys());
}

/**
 * Reads features from a `.npy`, `.npz` or raw float32 file (any other ending, such as `.feat1CLS`) and brings the
 * rows into the order of the item index. Zero rows and absent rows are missing items.
 *
 * @param file - The file.
 * @param domain - Whose items the rows describe.
 * @param modality - What the rows describe.
 * @param options - Width, array name, row ids.
 * @throws InputError on a broken file, a wrong width or row count, an unknown or repeated id, a non-finite value.
 */
export async function readFeatureFile(
  file: string,
  domain: Domain,
  modality: Modality,
  options: FeatureFileOptions = {},
): Promise<FeatureMatrix> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new InputError(file, undefined, `the feature file cannot be read (${(error as Error).message})`);
  });
  let found: RawRows;
  if (file.endsWith('.npz')) found = parseArchive(bytes, file, options.array);
  else if (file.endsWith('.npy')) {
    const array = parseNpy(bytes, file);
    if (array.kind !== 'numbers')
      throw new InputError(file, undefined, 'features must be numbers, got texts');
    const [rows, width] = checkMatrix(array.shape, file);
    found = { data: array.data, rows, width, ids: undefined };
  } else {
    const rows = options.byClipRow ? undefined : (options.ids?.length ?? domain.items.ids.length);
    found = parseRaw(bytes, file, rows, options.width);
  }
  if (options.width !== undefined && options.width !== found.width)
    throw new InputError(file, undefined, `rows must be ${options.width} wide, got ${found.width}`);
  const have = presentRows(found.data, found.width, file);
  const rows = rowOfItem(domain, found, file, options);
  const { width } = found;
  const data = new Float32Array(rows.length * width);
  const present = new Uint8Array(rows.length);
  for (const [index, row] of rows.entries()) {
    if (row < 0 || have[row] === 0) continue;
    present[index] = 1;
    data.set(found.data.subarray(row * width, (row + 1) * width), index * width);
  }
  return {
    modality,
    encoder: basename(file),
    count: rows.length,
    width,
    data,
    present,
    source: file,
  };
}

/**
 * Writes a matrix as MISSRec's headerless little-endian float32 (`.feat1CLS` for text, `.feat3CLS` for images): rows in
 * the order of the item index, missing items as zero rows.
 *
 * @param file - The file to write.
 * @param features - The matrix.
 */
export async function writeRawFeatures(file: string, features: FeatureMatrix): Promise<void> {
  const bytes = new Uint8Array(features.data.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of features.data.entries()) {
    const row = Math.floor(index / features.width);
    view.setFloat32(index * 4, features.present[row] === 1 ? value : 0, true);
  }
  await writeFile(file, bytes);
}

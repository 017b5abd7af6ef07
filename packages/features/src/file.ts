import { basename } from 'node:path';
import { InputError } from '@ferry/data';
import { readWhole } from './hash.ts';
import { bytesOfType, decodeNumbers } from './elements.ts';
import { presentRows } from './matrix.ts';
import { parseNpy, parseNpyHeader, parseNpyIds } from './npy.ts';
import { unpackNpz } from './npz.ts';
import { checkMagnitudes, repeatedRows } from './oddities.ts';
import { itemsHash, readRecord, recordPath, type FeatureRecord } from './record.ts';
import { describeStale } from './stale.ts';
import { rowOfItem, type RawRows } from './rows.ts';
import type { FeatureDomain, FeatureMatrix, Modality } from './types.ts';
import { oddWidth } from './widthSigns.ts';

/** How {@link readFeatureFile} reads a file. */
export interface FeatureFileOptions {
  /**
   * F of a headerless file. Default: what the record beside it (`<file>.json`) states, else the file's size divided by its
   * rows. A width given here or there is checked.
   */
  width?: number;
  /** Which array of a `.npz` holds the features. Default: its only two-dimensional numeric array. */
  array?: string;
  /**
   * Raw item id of each row. Default: the strings or integers of the array `ids` (or `item_ids`, `item_id`, `id`) of a
   * `.npz`, if it has one. With ids, rows are put into the order of the item index and items without a row are missing;
   * without, row r belongs to index r.
   */
  ids?: readonly string[];
  /** Rows belong to items by the items' `clipRows` (a file shared with another domain) instead of by index. */
  byClipRow?: boolean;
}

/** Headerless little-endian numbers: float32, unless the record states another type. */
function parseRaw(
  bytes: Uint8Array,
  file: string,
  record: FeatureRecord | undefined,
  expected: { rows: number | undefined; width: number | undefined },
): RawRows {
  const type = record?.dtype ?? 'float32';
  const { rows } = expected;
  const width = expected.width ?? record?.width;
  const values = bytes.length / bytesOfType[type];
  const found = width ?? (rows === undefined ? undefined : values / rows);
  if (found === undefined || !Number.isInteger(found) || found < 1 || !Number.isInteger(values / found))
    throw new InputError(
      file,
      undefined,
      width === undefined
        ? `a raw ${type} file must hold ${rows ?? 'a known number of'} equal rows (or have its width declared), ` +
            `got ${bytes.length} bytes`
        : `a raw ${type} file must hold whole rows of ${width} numbers, got ${bytes.length} bytes (cut off?)`,
    );
  const data = new Float32Array(values);
  decodeNumbers(bytes, type, data);
  if (record?.dtype === undefined) checkMagnitudes(data, file);
  const raw = { data, rows: values / found, width: found, ids: undefined };
  if (width !== undefined) return { ...raw, notes: [] };
  const odd = oddWidth(data, found);
  const declare = `state it in ${basename(recordPath(file))}, {"width": ${found}}, or in the recipe`;
  return odd === undefined
    ? { ...raw, notes: [], advice: `the width follows from the file's size: ${declare}, to have it checked` }
    : { ...raw, notes: [`${odd} If not, ${declare}`] };
}

/** Shape of a matrix of features. */
function checkMatrix(shape: readonly number[], file: string, items: number): [number, number] {
  if (shape.length !== 2 || shape[1] === 0)
    throw new InputError(
      file,
      undefined,
      `features must have shape (items, width), got (${shape.join(', ')})`,
    );
  if (shape[0] !== items && shape[1] === items)
    throw new InputError(
      file,
      undefined,
      `features must have shape (items, width), got (${shape.join(', ')}) for ${items} items: are rows and ` +
        'columns swapped?',
    );
  return [shape[0]!, shape[1]!];
}

const idArrays = ['ids', 'item_ids', 'item_id', 'id'];

/** What an array of an archive is, or undefined where its type is not one that is read. */
function headerOf(content: Uint8Array, name: string): { numbers: boolean; shape: number[] } | undefined {
  try {
    const { descr, shape } = parseNpyHeader(content, name);
    return { numbers: /^[<>|=]?[fiub]\d/.test(descr), shape };
  } catch {
    return undefined;
  }
}

async function parseArchive(
  bytes: Uint8Array,
  file: string,
  name: string | undefined,
  items: number,
): Promise<RawRows> {
  const names: string[] = [];
  const arrays = await unpackNpz(bytes, file, {
    take: (array) => {
      names.push(array);
      return name === undefined || array === name || idArrays.includes(array);
    },
  });
  const label = (array: string): string => `${file}!${array}.npy`;
  const headers = new Map([...arrays].map(([array, content]) => [array, headerOf(content, label(array))]));
  const matrices = [...headers].filter(([, header]) => header?.numbers && header.shape.length === 2);
  const chosen = name ?? (matrices.length === 1 ? matrices[0]![0] : undefined);
  const array =
    chosen !== undefined && headers.get(chosen)?.numbers
      ? parseNpy(arrays.get(chosen)!, label(chosen))
      : undefined;
  if (array?.kind !== 'numbers')
    throw new InputError(
      file,
      undefined,
      `the archive must hold ${name === undefined ? 'one two-dimensional numeric array' : `a numeric array '${name}'`}, ` +
        `got ${names.join(', ') || 'nothing'}`,
    );
  const idArray = idArrays.find((other) => other !== chosen && arrays.has(other));
  const ids = idArray === undefined ? undefined : parseNpyIds(arrays.get(idArray)!, label(idArray));
  const [rows, width] = checkMatrix(array.shape, label(chosen!), ids ? array.shape[0]! : items);
  const unread = [...headers.keys()].filter(
    (other) => other !== chosen && other !== idArray && headers.get(other)?.shape.join() === String(rows),
  );
  const notes =
    ids || unread.length === 0
      ? []
      : [`rows go by position: ids are read from ${idArrays.join(', ')}, not from ${unread.join(', ')}`];
  return { data: array.data, rows, width, ids, notes };
}

/**
 * Reads features from a `.npy`, `.npz` or headerless file (any other ending, such as `.feat1CLS`) and brings the
 * rows into the order of the item index. Zero rows and absent rows are missing items.
 *
 * A record beside the file (`<file>.json`, see {@link FeatureRecord}) is checked against it and the domain. Headerless
 * files without one are searched for signs of another type or width; what is only odd becomes a note.
 *
 * @param file - The file.
 * @param domain - Whose items the rows describe.
 * @param modality - What the rows describe.
 * @param options - Width, array name, row ids.
 * @throws InputError on a broken file, a wrong width, type or row count, a repeated id, a non-finite value, or items that
 *   are not those of the record.
 */
export async function readFeatureFile(
  file: string,
  domain: FeatureDomain,
  modality: Modality,
  options: FeatureFileOptions = {},
): Promise<FeatureMatrix> {
  const bytes = await readWhole(file).catch((error: unknown) => {
    throw new InputError(file, undefined, `the feature file cannot be read (${(error as Error).message})`);
  });
  const record = await readRecord(file);
  const items = domain.items.ids.length;
  let found: RawRows;
  if (/\.npz$/i.test(file)) found = await parseArchive(bytes, file, options.array, items);
  else if (/\.npy$/i.test(file)) {
    const array = parseNpy(bytes, file);
    if (array.kind !== 'numbers')
      throw new InputError(file, undefined, 'features must be numbers, got texts');
    const free = options.ids !== undefined || options.byClipRow === true;
    const [rows, width] = checkMatrix(array.shape, file, free ? array.shape[0]! : items);
    found = { data: array.data, rows, width, ids: undefined, notes: [] };
  } else {
    const rows = options.byClipRow ? undefined : (options.ids?.length ?? record?.count ?? items);
    found = parseRaw(bytes, file, record, { rows, width: options.width });
  }
  const declared = options.width ?? record?.width;
  if (declared !== undefined && declared !== found.width)
    throw new InputError(file, undefined, `rows must be ${declared} wide, got ${found.width}`);
  const stale = record && (await describeStale(record, domain, modality));
  if (record?.itemsHash !== undefined && record.itemsHash !== itemsHash(domain) && !options.ids)
    throw new InputError(file, undefined, `${stale ?? 'the items are others'}; make it again`);
  const have = presentRows(found.data, found.width, file);
  const { rows, notes } = rowOfItem(domain, found, file, options);
  const { width } = found;
  const data = new Float32Array(rows.length * width);
  const present = new Uint8Array(rows.length);
  for (const [index, row] of rows.entries()) {
    if (row < 0 || have[row] === 0) continue;
    present[index] = 1;
    data.set(found.data.subarray(row * width, (row + 1) * width), index * width);
  }
  const none = present.some((flag) => flag === 1)
    ? undefined
    : 'all rows are zeros: no item has this modality';
  const all = [
    ...(record?.notes ?? []),
    ...found.notes,
    ...notes,
    stale,
    repeatedRows(data, width, present),
    none,
  ];
  return {
    modality,
    encoder: record?.encoder ?? basename(file),
    count: rows.length,
    width,
    data,
    present,
    source: file,
    ...(all.some(Boolean) ? { notes: all.filter((note) => note !== undefined) } : {}),
    ...(found.advice === undefined ? {} : { advice: found.advice }),
  };
}

import { InputError } from '@ferry/data';
import type { FeatureDomain } from './types.ts';

/** A matrix as a file holds it. */
export interface RawRows {
  /** Float32 [rows * width]. */
  data: Float32Array;
  /** Rows. */
  rows: number;
  /** F. */
  width: number;
  /** Item id of each row, if the file states it. */
  ids: readonly string[] | undefined;
  /** What a user should know. */
  notes: string[];
  /** What a user may do. */
  advice?: string;
}

/** Rows by the ids they carry. Rows of items that the domain has not are left out. */
function rowsById(
  domain: FeatureDomain,
  ids: readonly string[],
  file: string,
): { rows: Int32Array; notes: string[] } {
  const items = domain.items.ids;
  const numbers = new Map(items.map((id, index) => [id, index]));
  const rows = new Int32Array(items.length).fill(-1);
  const seen = new Map<string, number>();
  let strangers = 0;
  for (const [row, id] of ids.entries()) {
    const before = seen.get(id);
    if (before !== undefined)
      throw new InputError(
        file,
        undefined,
        `ids must be unique, got ${JSON.stringify(id)} for rows ${before} and ${row}`,
      );
    seen.set(id, row);
    const index = numbers.get(id);
    if (index === undefined) strangers++;
    else rows[index] = row;
  }
  if (strangers === ids.length)
    throw new InputError(
      file,
      undefined,
      `ids must be items of the domain (such as ${JSON.stringify(items[0])}), got none of ${ids.length} (such as ` +
        `${JSON.stringify(ids[0])})`,
    );
  const notes =
    strangers === 0 ? [] : [`${strangers} of ${ids.length} rows are of items that ${domain.name} has not`];
  return { rows, notes };
}

/** For each item, its row in the file, or -1. */
export function rowOfItem(
  domain: FeatureDomain,
  found: RawRows,
  file: string,
  options: { ids?: readonly string[]; byClipRow?: boolean },
): { rows: Int32Array; notes: string[] } {
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
    return { rows: clipRows, notes: [] };
  }
  if (ids) {
    if (ids.length !== found.rows)
      throw new InputError(
        file,
        undefined,
        `there must be one id for each of the ${found.rows} rows, got ${ids.length}`,
      );
    return rowsById(domain, ids, file);
  }
  if (found.rows !== items.length)
    throw new InputError(
      file,
      undefined,
      `a feature file must have one row for each of the ${items.length} items, got ${found.rows} rows of ` +
        `${found.width} numbers`,
    );
  return { rows: Int32Array.from(items.keys()), notes: [] };
}

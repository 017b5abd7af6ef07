import { InputError, quoted } from './errors.ts';
import { eachTsvLine } from './tsv.ts';

/** A non-negative integer written in plain digits. */
export function parseIndex(text: string, file: string, line: number, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const hint = /^\d+-\d+$/.test(text)
    ? ': a file merged from several domains; read the domains one by one'
    : '';
  throw new InputError(file, line, `${what} must be an integer, got ${quoted(text)}${hint}`);
}

/**
 * Reads an index file (`raw id⇥index`, no header). Lines may come in any order; together the indices must be
 * 0..n-1, each once.
 *
 * @returns Raw ids, by index.
 */
export async function readIndex(file: string): Promise<string[]> {
  const ids: (string | undefined)[] = [];
  const lineOf = new Map<string, number>();
  await eachTsvLine(file, (cells, line) => {
    cells.trim(2);
    const [id, index] = [cells.text(0), cells.text(1)];
    if (cells.count !== 2 || id.trim() === '')
      throw new InputError(file, line, `a line must be id⇥index, got ${quoted(cells.texts().join('\t'))}`);
    const at = parseIndex(index, file, line, 'an index');
    const earlier = lineOf.get(id);
    if (earlier !== undefined)
      throw new InputError(
        file,
        line,
        `ids must be unique, got ${quoted(id)} again (first on line ${earlier})`,
      );
    if (ids[at] !== undefined)
      throw new InputError(
        file,
        line,
        `indices must be unique, got ${at} again (first on line ${lineOf.get(ids[at])!})`,
      );
    lineOf.set(id, line);
    ids[at] = id;
  });
  const { size } = lineOf;
  if (size === 0)
    throw new InputError(file, undefined, 'an index needs at least one line, got an empty file');
  for (let index = 0; index < size; index++)
    if (ids[index] === undefined)
      throw new InputError(
        file,
        undefined,
        `indices must be 0..${size - 1} without gaps, got none for ${index}`,
      );
  return ids as string[];
}

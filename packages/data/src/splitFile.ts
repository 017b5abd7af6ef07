import { parseIndex } from './atomicIndex.ts';
import type { AtomicRow } from './atomicRows.ts';
import { InputError } from './errors.ts';
import { eachTypedLine } from './tsv.ts';

/**
 * Reads one `.inter` file of ready-made examples (`user_id:token⇥item_id_list:token_seq⇥item_id:token`).
 *
 * @param file - The file.
 * @param sizes - Entries of the item index and, where there is one, of the user index.
 * @throws InputError naming file, line and value.
 */
export async function readRows(
  file: string,
  sizes: { items: number; users: number | undefined },
): Promise<AtomicRow[]> {
  const rows: AtomicRow[] = [];
  const item = (text: string, line: number, what: string): number => {
    const index = parseIndex(text, file, line, what);
    if (index >= sizes.items)
      throw new InputError(
        file,
        line,
        `every item must be in the item index (0..${sizes.items - 1}), got ${index}`,
      );
    return index + 1;
  };
  const required = { user_id: 'token', item_id_list: 'token_seq', item_id: 'token' };
  await eachTypedLine(file, required, (columns) => {
    const [user, list, target] = ['user_id', 'item_id_list', 'item_id'].map((name) => columns.find(name)!);
    return (cells, line) => {
      if (cells.blank(user!)) throw new InputError(file, line, 'user_id must not be empty');
      const token = cells.text(user!);
      if (sizes.users !== undefined) {
        const index = parseIndex(token, file, line, 'user_id');
        if (index >= sizes.users)
          throw new InputError(
            file,
            line,
            `every user must be in the user index (0..${sizes.users - 1}), got ${index}`,
          );
      }
      if (cells.blank(list!))
        throw new InputError(file, line, `a history needs at least one item, got none for user ${token}`);
      const history = cells.text(list!).trim().split(/ +/);
      rows.push({
        user: sizes.users === undefined ? token : String(Number(token)),
        history: history.map((text) => item(text, line, 'an entry of item_id_list')),
        target: item(cells.text(target!), line, 'item_id'),
      });
    };
  });
  return rows;
}

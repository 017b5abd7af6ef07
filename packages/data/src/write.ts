import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { jsonlFiles } from './jsonl.ts';
import { leaveOneOut } from './split.ts';
import type { Domain, Rows } from './types.ts';

/** What a writer had to change. */
export interface WriteReport {
  /** Titles and texts in which tabs or line breaks became spaces, because the format has no way to write them. */
  spacesReplaced: number;
}

/**
 * Writes the jsonl form: `items.jsonl` and `sequences.jsonl`. {@link readDomain} reads back an equal domain.
 *
 * @param domain - The domain; its splits must be the leave-one-out split of its sequences, which is all that this
 *   form can say.
 * @param directory - Made if it does not exist; files in it are overwritten.
 * @throws RangeError if the splits are others.
 */
export async function writeJsonlDomain(domain: Domain, directory: string): Promise<void> {
  const { items, sequences } = domain;
  const split = leaveOneOut(sequences, items.ids.length);
  for (const part of ['train', 'valid', 'test'] as const)
    if (split[part].targets.join() !== domain[part].targets.join())
      throw new RangeError(
        `writeJsonlDomain: splits must be leave-one-out of the sequences, got other ${part} rows in ${domain.name}`,
      );
  await mkdir(directory, { recursive: true });
  const itemLines = items.ids.map((id, index) => {
    const clipRow = items.clipRows?.[index] ?? -1;
    return JSON.stringify({
      id,
      title: items.titles[index],
      text: items.texts[index],
      image: items.images[index],
      ...(clipRow >= 0 ? { clipRow } : {}),
    });
  });
  const sequenceLines = domain.users.map((user, index) => {
    const [start, end] = [sequences.starts[index]!, sequences.ends[index]!];
    return JSON.stringify({
      user,
      items: Array.from(sequences.items.subarray(start, end), (number) => items.ids[number - 1]),
      ...(sequences.times ? { ts: [...sequences.times.subarray(start, end)] } : {}),
    });
  });
  await writeFile(join(directory, jsonlFiles.items), `${itemLines.join('\n')}\n`);
  await writeFile(join(directory, jsonlFiles.sequences), `${sequenceLines.join('\n')}\n`);
}

/** One id as a cell. */
function idCell(id: string): string {
  if (/[\t\r\n]/.test(id))
    throw new RangeError(`writeAtomicDomain: ids must have no tab or line break, got ${JSON.stringify(id)}`);
  return id;
}

/** A split as an `.inter` file. */
function interFile(rows: Rows): string {
  const lines = ['user_id:token\titem_id_list:token_seq\titem_id:token'];
  for (let row = 0; row < rows.targets.length; row++) {
    const history = Array.from(
      rows.items.subarray(rows.starts[row], rows.ends[row]),
      (number) => number - 1,
    ).join(' ');
    lines.push(`${rows.users[row]!}\t${history}\t${rows.targets[row]! - 1}`);
  }
  return `${lines.join('\n')}\n`;
}

/**
 * Writes a MISSRec / UniSRec atomic directory: `.train.inter`, `.valid.inter`, `.test.inter`, `.item2index`,
 * `.user2index`, `.text`, and an `.item` file (RecBole's: `item_id`, `title`, `image`, `clip_row`) if titles differ
 * from texts or items have pictures. Times are not part of this form. {@link readDomain} reads back the same rows.
 *
 * @param domain - The domain.
 * @param directory - Made if it does not exist; files in it are overwritten.
 * @param stem - What the files are called before their ending. Default: the directory's name.
 * @returns What had to be changed.
 * @throws RangeError if an id holds a tab or a line break.
 */
export async function writeAtomicDomain(
  domain: Domain,
  directory: string,
  stem = basename(resolve(directory)),
): Promise<WriteReport> {
  const { items } = domain;
  const report: WriteReport = { spacesReplaced: 0 };
  const textCell = (text: string): string => {
    if (!/[\t\r\n]/.test(text)) return text;
    report.spacesReplaced++;
    return text.replace(/[\t\r\n]+/g, ' ');
  };
  const index = (ids: readonly string[]) => ids.map((id, at) => `${idCell(id)}\t${at}\n`).join('');
  const files: Record<string, string> = {
    'train.inter': interFile(domain.train),
    'valid.inter': interFile(domain.valid),
    'test.inter': interFile(domain.test),
    item2index: index(items.ids),
    user2index: index(domain.users),
    text: [
      'item_id:token\ttext:token_seq\n',
      ...items.ids.map((id, at) => `${idCell(id)}\t${textCell(items.texts[at]!)}\n`),
    ].join(''),
  };
  const detailed =
    items.clipRows !== undefined ||
    items.ids.some((_, at) => items.images[at] !== undefined || items.titles[at] !== items.texts[at]);
  if (detailed)
    files['item'] = [
      'item_id:token\ttitle:token_seq\timage:token\tclip_row:float\n',
      ...items.ids.map((id, at) => {
        const row = items.clipRows?.[at] ?? -1;
        const image = textCell(items.images[at] ?? '');
        return `${idCell(id)}\t${textCell(items.titles[at]!)}\t${image}\t${row < 0 ? '' : row}\n`;
      }),
    ].join('');
  await mkdir(directory, { recursive: true });
  for (const [ending, content] of Object.entries(files))
    await writeFile(join(directory, `${stem}.${ending}`), content);
  return report;
}

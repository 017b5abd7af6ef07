import { open } from 'node:fs/promises';
import { makeDirectory } from './directories.ts';
import { basename, join, resolve } from 'node:path';
import { jsonlFiles } from './jsonl.ts';
import { leaveOneOut } from './split.ts';
import type { Domain, Rows } from './types.ts';

/** What a writer had to change. */
export interface WriteReport {
  /** Titles and texts in which tabs, line breaks and NUL became spaces, because the format has no way to write them. */
  spacesReplaced: number;
}

/** Characters of a file that are written at once. */
const blockLength = 1 << 20;

/** Writes lines to a file, block by block: a large file is longer than a string may be. */
async function writeLines(file: string, lines: Iterable<string>): Promise<void> {
  const handle = await open(file, 'w');
  try {
    let block: string[] = [];
    let length = 0;
    const flush = async (): Promise<void> => {
      if (block.length > 0) await handle.writeFile(`${block.join('\n')}\n`);
      block = [];
      length = 0;
    };
    for (const line of lines) {
      block.push(line);
      length += line.length;
      if (length >= blockLength) await flush();
    }
    await flush();
  } finally {
    await handle.close();
  }
}

/** Whether two splits hold the same rows. */
function sameRows(a: Rows, b: Rows): boolean {
  if (a.targets.length !== b.targets.length) return false;
  for (let row = 0; row < a.targets.length; row++) {
    const [start, end, other] = [a.starts[row]!, a.ends[row]!, b.starts[row]!];
    if (a.targets[row] !== b.targets[row] || end - start !== b.ends[row]! - other) return false;
    for (let at = 0; at < end - start; at++) if (a.items[start + at] !== b.items[other + at]) return false;
  }
  return true;
}

function* itemLines({ items }: Domain): Generator<string> {
  for (const [index, id] of items.ids.entries()) {
    const clipRow = items.clipRows?.[index] ?? -1;
    yield JSON.stringify({
      id,
      title: items.titles[index],
      text: items.texts[index],
      image: items.images[index],
      ...(clipRow >= 0 ? { clipRow } : {}),
    });
  }
}

function* sequenceLines({ users, items, sequences }: Domain): Generator<string> {
  for (const [index, user] of users.entries()) {
    const [start, end] = [sequences.starts[index]!, sequences.ends[index]!];
    yield JSON.stringify({
      user,
      items: Array.from(sequences.items.subarray(start, end), (number) => items.ids[number - 1]),
      ...(sequences.times ? { ts: Array.from(sequences.times.subarray(start, end)) } : {}),
    });
  }
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
  const split = leaveOneOut(domain.sequences, domain.items.ids.length);
  for (const part of ['train', 'valid', 'test'] as const)
    if (!sameRows(split[part], domain[part]))
      throw new RangeError(
        `writeJsonlDomain: splits must be leave-one-out of the sequences, got other ${part} rows in ${domain.name}`,
      );
  makeDirectory(directory);
  await writeLines(join(directory, jsonlFiles.items), itemLines(domain));
  await writeLines(join(directory, jsonlFiles.sequences), sequenceLines(domain));
}

/** One id as a cell. */
function idCell(id: string): string {
  if (/[\t\r\n\0]/.test(id) || id.startsWith('\uFEFF') || Buffer.from(id).toString() !== id)
    throw new RangeError(
      'writeAtomicDomain: ids must be Unicode text without tab, line break, NUL or leading byte order mark, got ' +
        JSON.stringify(id),
    );
  return id;
}

/** A split as an `.inter` file. */
function* interLines(rows: Rows): Generator<string> {
  yield 'user_id:token\titem_id_list:token_seq\titem_id:token';
  for (let row = 0; row < rows.targets.length; row++) {
    const history = Array.from(
      rows.items.subarray(rows.starts[row], rows.ends[row]),
      (number) => number - 1,
    ).join(' ');
    yield `${rows.users[row]!}\t${history}\t${rows.targets[row]! - 1}`;
  }
}

/**
 * Writes a MISSRec / UniSRec atomic directory: `.train.inter`, `.valid.inter`, `.test.inter`, `.item2index`,
 * `.user2index`, `.text`, and an `.item` file (RecBole's: `item_id`, `title`, `image`, `clip_row`) if titles differ
 * from texts or items have pictures. Times are not part of this form, nor are the interactions of users with fewer than
 * three. {@link readDomain} reads back the same rows.
 *
 * @param domain - The domain.
 * @param directory - Made if it does not exist; files in it are overwritten.
 * @param stem - What the files are called before their ending. Default: the directory's name.
 * @returns What had to be changed.
 * @throws RangeError if an id cannot be written; nothing is written then.
 */
export async function writeAtomicDomain(
  domain: Domain,
  directory: string,
  stem = basename(resolve(directory)),
): Promise<WriteReport> {
  const { items, users } = domain;
  const report: WriteReport = { spacesReplaced: 0 };
  const textCell = (text: string): string => {
    if (!/[\t\r\n\0]/.test(text)) return text;
    report.spacesReplaced++;
    return text.replace(/[\t\r\n\0]+/g, ' ');
  };
  for (const ids of [items.ids, users]) ids.forEach(idCell);
  function* index(ids: readonly string[]): Generator<string> {
    for (const [at, id] of ids.entries()) yield `${id}\t${at}`;
  }
  function* texts(): Generator<string> {
    yield 'item_id:token\ttext:token_seq';
    for (const [at, id] of items.ids.entries()) yield `${id}\t${textCell(items.texts[at]!)}`;
  }
  function* details(): Generator<string> {
    yield 'item_id:token\ttitle:token_seq\timage:token\tclip_row:float';
    for (const [at, id] of items.ids.entries()) {
      const row = items.clipRows?.[at] ?? -1;
      yield `${id}\t${textCell(items.titles[at]!)}\t${textCell(items.images[at] ?? '')}\t${row < 0 ? '' : row}`;
    }
  }
  const detailed =
    items.clipRows !== undefined ||
    items.ids.some((_, at) => items.images[at] !== undefined || items.titles[at] !== items.texts[at]);
  const files: Record<string, Iterable<string>> = {
    'train.inter': interLines(domain.train),
    'valid.inter': interLines(domain.valid),
    'test.inter': interLines(domain.test),
    item2index: index(items.ids),
    user2index: index(users),
    text: texts(),
    ...(detailed ? { item: details() } : {}),
  };
  makeDirectory(directory);
  for (const [ending, lines] of Object.entries(files))
    await writeLines(join(directory, `${stem}.${ending}`), lines);
  return report;
}

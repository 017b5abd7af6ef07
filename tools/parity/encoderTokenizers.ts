/**
 * Compares Ferry's tokenizers with Python's on the texts that `encoder_tokenizers.py --titles <folder>` wrote, text by
 * text: `npx tsx tools/parity/encoderTokenizers.ts <folder>`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '@ferry/encoders';

const folder = process.argv[2];
if (folder === undefined)
  throw new Error('encoderTokenizers: the folder must be named that encoder_tokenizers.py --titles wrote');
const { texts, numbers } = JSON.parse(readFileSync(join(folder, 'numbers.json'), 'utf8')) as {
  texts: Record<string, string[]>;
  numbers: Record<string, Record<string, number[][]>>;
};
const kinds = { wordpiece: 'wordpiece', bpe: 'bpe', unigram: 'unigram', vocab: 'wordpiece', merges: 'bpe' };

for (const [name, like] of Object.entries(kinds)) {
  const tokenizer = await loadTokenizer(join(folder, name));
  const equal = Object.entries(texts).map(([of, own]) => {
    const wrong = own.filter(
      (text, i) => tokenizer.numbers(text, 40).join() !== numbers[like]![of]![i]!.join(),
    );
    for (const text of wrong.slice(0, 3)) console.log(`  ${name}, ${of}: ${JSON.stringify(text)} differs`);
    return `${of} ${own.length - wrong.length} of ${own.length}`;
  });
  console.log(`${name}: equal ${equal.join(', ')}`);
}

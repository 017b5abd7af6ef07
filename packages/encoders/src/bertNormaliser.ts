/**
 * What BERT's tokenizers do to a text before it is cut into words, character by character as Python's `tokenizers` does
 * it. (The library's own takes characters beyond U+FFFF for two, and lowers a sigma by its place in the word.)
 */

/** Settings of `BertNormalizer` in a `tokenizer.json`. */
export interface BertNormaliserOptions {
  /** Whether control characters go and all white space becomes spaces. */
  readonly clean_text?: boolean;
  /** Whether Chinese characters are words of their own. */
  readonly handle_chinese_chars?: boolean;
  /** Whether accents go. Default (null): with the capitals. */
  readonly strip_accents?: boolean | null;
  /** Whether capitals become small. */
  readonly lowercase?: boolean;
}

/** The blocks of Chinese characters that Python's `tokenizers` knows. */
const chinese = new RegExp(
  '[\\u4E00-\\u9FFF\\u3400-\\u4DBF\\u{20000}-\\u{2A6DF}\\u{2A700}-\\u{2B73F}\\u{2B740}-\\u{2B81F}' +
    '\\u{2B920}-\\u{2CEAF}\\uF900-\\uFAFF\\u{2F800}-\\u{2FA1F}]',
  'gu',
);

/** What is no text: controls but tab and ends of lines, formats, private use, halves of characters, damage. */
const noText = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]/gu;

/** The function that these settings ask for. */
export function bertNormaliser({
  clean_text: cleans = true,
  handle_chinese_chars: separates = true,
  lowercase = true,
  strip_accents,
}: BertNormaliserOptions): (text: string) => string {
  const strips = strip_accents ?? lowercase;
  return (given) => {
    let text = given;
    if (cleans) text = text.replace(noText, '').replace(/\s/gu, ' ');
    if (separates) text = text.replace(chinese, ' $& ');
    if (strips) text = text.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lowercase ? Array.from(text, (letter) => letter.toLowerCase()).join('') : text;
  };
}

import fc from 'fast-check';

/** Text with what breaks readers: separators of many kinds, marks, quotes, and any character. */
export const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '\u2028',
          '\u2029',
          '\u0085',
          '\u000B',
          '\f',
          '\u00A0',
          '\uFEFF',
          '\uFFFD',
          '"',
          "'",
          '\\',
          ',',
          ';',
          '|',
        ],
        ...[' ', '\t', '\r', '\n', 'é', '汉', '😀'],
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.from(parts.join('')).toString());

/** The same as an id. */
export const id = text.filter((value) => value.trim() !== '');

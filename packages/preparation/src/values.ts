import { missingWords } from '@ferry/data';
import { literal } from './engine.ts';

/** SQL of a number in a cell, NULL where it is none: `12`, `-3.5`, `8.8e8`. Infinities, NaN and `1_000` are none. */
export function numberOf(cell: string): string {
  return (
    `CASE WHEN isfinite(TRY_CAST(${cell} AS DOUBLE)) AND NOT contains(${cell}, '_') THEN TRY_CAST(${cell} AS ` +
    'DOUBLE) END'
  );
}

/** Dates that are no ISO 8601: MIND's and other American ones, Amazon's. The month comes first. */
const dateForms = ['%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y', '%m %d, %Y'];

/** How a date begins: words such as `infinity` are times to DuckDB, and a year of two digits is one of the first century. */
const dated =
  '\\s*(\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}|\\d{1,2}/\\d{1,2}/\\d{4}|\\d{1,2} \\d{1,2}, \\d{4})(\\D.*)?';

/** What a time must be, in words. */
export const timeRule =
  'time must be a number or a date (2019-11-12 14:14:46, or 11/12/2019 with the month first)';

/**
 * SQL of a time in a cell: a number as it is, a date as seconds since 1970 (UTC where it names no zone); NULL where it
 * is neither.
 */
export function timeOf(cell: string): string {
  const forms = dateForms.map((form) => `'${form}'`).join(', ');
  return (
    `COALESCE(${numberOf(cell)}, CASE WHEN regexp_full_match(${cell}, '${dated}') THEN ` +
    `COALESCE(epoch(TRY_CAST(${cell} AS TIMESTAMPTZ)), epoch(try_strptime(trim(${cell}), [${forms}]))) END)`
  );
}

/** SQL that says whether a spreadsheet has rounded an id: two long ones are then one. */
function rounded(cell: string): string {
  return (
    `((contains(${cell}, 'E+') OR contains(${cell}, 'e+')) AND ` +
    `regexp_full_match(trim(${cell}), '\\d(\\.\\d+)?[eE]\\+\\d+'))`
  );
}

const roundedRule =
  'a spreadsheet has written it in scientific notation and its last digits are lost; export it as text';

/** SQL that says whether a cell is what programs write where a value is missing. */
export function withoutValue(cell: string): string {
  return `lower(trim(${cell})) IN (${missingWords.map(literal).join(', ')})`;
}

const withoutValueRule = 'programs write that for a value that is missing';

/** SQL that says what is wrong with an id, as one of the cases of a CASE. */
export function idProblems(cell: string, what: string): string {
  return (
    `WHEN ${cell} IS NULL OR trim(${cell}) = '' THEN '${what} must not be empty' ` +
    `WHEN left(${cell}, 1) = '{' AND json_valid(${cell}) THEN '${what} must be one id, got the object ' || ` +
    `left(${cell}, 60) || ': name what lies in it, with a point between, such as user.id' ` +
    `WHEN ${rounded(cell)} THEN '${what} must be an id, got "' || left(${cell}, 60) || '": ${roundedRule}' ` +
    `WHEN ${withoutValue(cell)} THEN '${what} must be an id, got "' || ${cell} || '": ${withoutValueRule}'`
  );
}

/** SQL of the ids that a cell lists: JSON, or with blanks or commas between; NULL where it is broken JSON. */
export function idsOf(cell: string): string {
  return (
    `CASE WHEN left(trim(${cell}), 1) = '[' THEN TRY(json_extract_string(${cell}, '$[*]')) ` +
    `ELSE list_filter(string_split_regex(trim(${cell}), '[ ,]+'), x -> x <> '') END`
  );
}

/** SQL that says which id of a list a spreadsheet has rounded, or stands for none, as cases of a CASE. */
export function wrongAmong(list: string, what: string): string {
  const cases = [
    [rounded('x'), roundedRule],
    [withoutValue('x'), withoutValueRule],
  ] as const;
  return cases
    .map(([wrong, rule]) => {
      const found = `list_filter(${list}, x -> ${wrong})`;
      return `WHEN len(${found}) > 0 THEN '${what} must list ids, got "' || ${found}[1] || '": ${rule}'`;
    })
    .join(' ');
}

/** SQL that says what is wrong with a list of ids, as cases of a CASE. */
export function idsProblems(cell: string, what: string): string {
  const list = `left(trim(${cell}), 1) = '['`;
  const some = (wrong: string): string => `len(list_filter(${idsOf(cell)}, x -> ${wrong})) > 0`;
  const got = `got ' || left(${cell}, 60)`;
  return (
    `WHEN ${list} AND NOT json_valid(${cell}) THEN '${what} must be a list, JSON or with blanks or commas between, ${got} ` +
    `WHEN ${some("x IS NULL OR trim(x) = ''")} THEN '${what} must list ids, none of them empty, ${got} ` +
    `WHEN ${list} AND list_has_any(TRY(json_type(${cell}, '$[*]')), ['ARRAY', 'OBJECT', 'BOOLEAN']) ` +
    `THEN '${what} must list ids, texts or numbers, ${got} ` +
    wrongAmong(idsOf(cell), what)
  );
}

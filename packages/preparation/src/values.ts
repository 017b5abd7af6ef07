/** SQL of a number in a cell, NULL where it is none: `12`, `-3.5`, `8.8e8`. Infinities, NaN and `1_000` are none. */
export function numberOf(cell: string): string {
  return (
    `CASE WHEN isfinite(TRY_CAST(${cell} AS DOUBLE)) AND NOT contains(${cell}, '_') THEN TRY_CAST(${cell} AS ` +
    'DOUBLE) END'
  );
}

/** Dates that are no ISO 8601: MIND's and other American ones, Amazon's. The month comes first. */
const dateForms = ['%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y', '%m %d, %Y'];

/**
 * SQL of a time in a cell: a number as it is, a date as seconds since 1970 (UTC where it names no zone); NULL where it
 * is neither.
 */
export function timeOf(cell: string): string {
  const forms = dateForms.map((form) => `'${form}'`).join(', ');
  return (
    `COALESCE(${numberOf(cell)}, epoch(TRY_CAST(${cell} AS TIMESTAMPTZ)), ` +
    `epoch(try_strptime(trim(${cell}), [${forms}])))`
  );
}

/** SQL that says what is wrong with an id, as one of the cases of a CASE. */
export function idProblems(cell: string, what: string): string {
  return (
    `WHEN ${cell} IS NULL OR trim(${cell}) = '' THEN '${what} must not be empty' ` +
    // Two long ids that a spreadsheet rounded are one.
    (`WHEN (contains(${cell}, 'E+') OR contains(${cell}, 'e+')) AND regexp_full_match(trim(${cell}), ` +
      `'\\d(\\.\\d+)?[eE]\\+\\d+') `) +
    (`THEN '${what} must be an id, got "' || left(${cell}, 60) || '": a spreadsheet has written it in scientific ` +
      `notation and its last digits are lost; export it as text'`)
  );
}

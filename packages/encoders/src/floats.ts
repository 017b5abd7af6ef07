/**
 * `config.json` with numbers as they were written: Python's transformers takes 1.0 where it wants a float and refuses
 * 1, between which JavaScript sees no difference.
 */

/** Put before the text of a number while it is held as a string. */
const MARK = '\u0000';

/** Parses JSON; numbers with a point or an exponent become marked strings, for {@link writeJson}. */
export function parseKeepingFloats(text: string): Record<string, unknown> {
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    !token.startsWith('"') && /[.eE]/.test(token) ? JSON.stringify(MARK + token) : token,
  );
  return JSON.parse(marked) as Record<string, unknown>;
}

/** Keys whose numbers are floats, however they came to be whole. */
const floatKeys =
  /"(\w*(?:dropout|_prob|_rate|_range|_factor|_eps|mask_ratio|layerscale_value))": (-?\d+)(?=[,\n])/g;

/** JSON for people and for Python: marked numbers as they were, and floats as floats. */
export function writeJson(value: object): string {
  const text = JSON.stringify(value, null, 2)
    .replace(/"\\u0000([^"]+)"/g, '$1')
    .replace(floatKeys, '"$1": $2.0');
  return `${text}\n`;
}

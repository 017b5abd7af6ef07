/** A number as Python's `str` of a float writes it: `0.005`, `1e-05`, `1000.0`. */
export function pythonFloat(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits = '', exponent = ''] = value.toExponential().split('e');
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/**
 * Reads a tuple of texts as Python writes it: `('visual','textual')`, also `('visual',)`.
 *
 * @returns undefined for anything else.
 */
export function pythonTuple(text: string): string[] | undefined {
  const inner = /^\s*\(\s*((?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*)\s*,?\s*\)\s*$/.exec(text)?.[1];
  return inner?.match(/'[^']*'|"[^"]*"/g)?.map((part) => part.slice(1, -1));
}

/**
 * Reads a tuple of numbers as Python writes it, such as `(1.0,50)`.
 *
 * @returns The numbers as Python's `str` writes them, `1.0` and `50`; undefined for anything else.
 */
export function pythonNumbers(text: string): string[] | undefined {
  const inner = /^\s*\(([^()]*)\)\s*$/.exec(text)?.[1];
  const parts = inner?.split(',').map((part) => part.trim());
  if (parts && parts.length > 1 && parts.at(-1) === '') parts.pop();
  else if (parts?.length === 1) return undefined;
  return parts?.every((part) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(part))
    ? parts.map((part) => (/^[+-]?\d+$/.test(part) ? String(Number(part)) : pythonFloat(Number(part))))
    : undefined;
}

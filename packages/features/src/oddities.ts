import { InputError } from '@ferry/data';
import { recordPath } from './record.ts';

/** Numbers of a file that are looked at: enough for the statistics below, few enough to take no time. */
const sampled = 1 << 16;

/** Powers of two beyond which a number is strange in features. */
const strange = 40;

/** Where one number in this many is strange, the file does not hold float32. */
const strangeShare = 1 / 25;

/** The share of numbers, zeros apart, that are larger than 2^40 or smaller than 2^-40. */
function shareOfStrange(data: Float32Array): number {
  let [numbers, odd] = [0, 0];
  for (const value of data) {
    if (value === 0) continue;
    numbers++;
    if (Math.abs(Math.log2(Math.abs(value))) > strange) odd++;
  }
  return numbers === 0 ? 0 : odd / numbers;
}

/**
 * Whether the lower halves of numbers are numbers themselves, of 16 bits and usual size. In numbers of 32 bits they are
 * the last places, which are anything, or zero.
 */
function halvesAreNumbers(data: Float32Array): boolean {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let usual = 0;
  for (const word of words) {
    const exponent = (word >> 10) & 31;
    if (exponent >= 5 && exponent <= 21) usual++; // 2^-10 to 2^6
  }
  return words.length >= 64 && usual > 0.9 * words.length;
}

/** Whether every second number is zero and the others are not, as in the halves of doubles. */
function everySecondIsZero(data: Float32Array): boolean {
  const zeros = [0, 0];
  for (const [at, value] of data.entries()) if (value === 0) zeros[at % 2]!++;
  const half = data.length / 2;
  return data.length >= 64 && Math.max(...zeros) > 0.99 * half && Math.min(...zeros) < 0.9 * half;
}

/**
 * Refuses a headerless file whose numbers, read as float32, have magnitudes that no features have: those of float16,
 * float64, integers or big-endian numbers read as something else.
 *
 * @throws InputError that says how to declare the type.
 */
export function checkMagnitudes(data: Float32Array, file: string): void {
  const sample = data.subarray(0, sampled);
  const share = shareOfStrange(sample);
  const found =
    share > strangeShare
      ? `${(share * 100).toFixed(0)} % of the numbers above 2^${strange} or below 2^-${strange}`
      : everySecondIsZero(sample)
        ? 'zero for every second number'
        : halvesAreNumbers(sample)
          ? 'numbers whose halves are numbers of 16 bits'
          : undefined;
  if (found !== undefined)
    throw new InputError(
      file,
      undefined,
      `a headerless file must hold little-endian float32 numbers, got ${found}, as where another type is read as ` +
        'float32; ' +
        `state {"dtype": "float16"}, "float64" or, if it is right, "float32" in ${recordPath(file)}`,
    );
}

/** Rows of which more than this share occur more than once are worth a word. */
const repeatedShare = 0.1;

/** A sentence if many present rows are the same as another. */
export function repeatedRows(data: Float32Array, width: number, present: Uint8Array): string | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const seen = new Set<string>();
  let rows = 0;
  for (let row = 0; row < present.length && rows < 20_000; row++) {
    if (present[row] === 0) continue;
    rows++;
    seen.add(bytes.toString('latin1', row * width * 4, (row + 1) * width * 4));
  }
  const repeated = rows - seen.size;
  return rows >= 3 && repeated > repeatedShare * rows
    ? `${repeated.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows are equal to another`
    : undefined;
}

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
        : undefined;
  if (found !== undefined)
    throw new InputError(
      file,
      undefined,
      `a headerless file must hold little-endian float32 numbers, got ${found}, as where another type is read as float32; ` +
        `state {"dtype": "float16"}, "float64" or, if it is right, "float32" in ${recordPath(file)}`,
    );
}

/** Correlation of numbers `lag` apart. */
function correlation(data: Float32Array, lag: number): number {
  let [sum, squares, products] = [0, 0, 0];
  for (const value of data) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / data.length;
  const variance = squares / data.length - mean * mean;
  const pairs = data.length - lag;
  if (pairs < 64 || !(variance > 0)) return 0;
  for (let at = 0; at < pairs; at++) products += (data[at]! - mean) * (data[at + lag]! - mean);
  return products / pairs / variance;
}

/** Widths that a matrix may have: all small ones, then those that encoders have. */
const plausibleWidths = [
  ...Array.from({ length: 126 }, (_, at) => at + 2),
  ...Array.from({ length: 225 }, (_, at) => 128 + at * 4),
  ...Array.from({ length: 48 }, (_, at) => 1088 + at * 64),
];

/** A correlation below this says nothing. */
const telling = 0.15;

/**
 * Judges the width of a headerless matrix by what columns have in common: every column has a mean of its own, so that numbers
 * one width apart are alike. Features whose columns are alike give no sign.
 *
 * @returns A sentence if the rows look wider, narrower, or transposed.
 */
export function oddWidth(data: Float32Array, width: number): string | undefined {
  const sample = data.subarray(0, sampled);
  if (sample.length < 8 * width || sample.length < 256) return undefined;
  const own = correlation(sample, width);
  const near = [1, 2, 3, 5].map((lag) => correlation(sample, lag));
  if (width > 5 && Math.min(...near) > Math.max(telling, 0.8 * own))
    return 'neighbouring numbers of a row are as alike as those of a column: are rows and columns swapped?';
  const others = plausibleWidths
    .filter((lag) => lag % width !== 0 && lag * 4 < sample.length)
    .map((lag) => ({ lag, alike: correlation(sample, lag) }));
  const most = others.reduce((best, { alike }) => Math.max(best, alike), 0);
  if (most < telling) return undefined;
  if (own > most / 2) {
    const part = others.find(({ lag, alike }) => width % lag === 0 && alike > 0.9 * own);
    return (
      part && `rows look ${part.lag} wide, not ${width}: numbers ${part.lag} apart are as alike as whole rows`
    );
  }
  const { lag } = others.find(({ alike }) => alike > 0.8 * most)!;
  return `rows look ${lag} wide, not ${width} (numbers ${lag} apart are alike, correlation ${most.toFixed(2)} against ${own.toFixed(2)}): is the file cut off?`;
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

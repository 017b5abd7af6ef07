/** Numbers of a file that are looked at: enough for the statistics below, few enough to take no time. */
const sampled = 1 << 16;

/** Widths that a matrix may have: all small ones, then those that encoders have. */
const plausibleWidths = [
  ...Array.from({ length: 126 }, (_, at) => at + 2),
  ...Array.from({ length: 225 }, (_, at) => 128 + at * 4),
  ...Array.from({ length: 48 }, (_, at) => 1088 + at * 64),
  ...[5120, 6144, 7168, 8192],
];

/** What encoders of texts and pictures make, and what their vectors are commonly reduced to. */
const usualWidths = new Set([
  ...[50, 64, 96, 100, 128, 192, 200, 256, 288, 300, 312, 320, 384, 400, 500, 512, 576, 600, 640, 672, 700],
  ...[768, 800, 896, 960, 1000, 1024, 1152, 1280, 1408, 1472, 1536, 1664, 1792, 1920, 2048, 2208, 2304, 2560],
  ...[2816, 2880, 3072, 3584, 4096, 5120, 6144, 7168, 8192],
]);

/** A correlation of this many numbers says something from here on. */
const telling = (count: number, least: number): number => Math.max(least, 5 / Math.sqrt(count));

/** How alike numbers some way apart are: the correlation of those `lag` apart. */
function correlations(values: Float32Array): (lag: number) => number {
  let mean = 0;
  for (let at = 0; at < values.length; at++) mean += values[at]! / values.length;
  const centred = new Float32Array(values.length);
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += (centred[at] = values[at]! - mean) ** 2;
  return (lag) => {
    const pairs = values.length - lag;
    if (pairs < 64 || !(squares > 0)) return 0;
    let products = 0;
    for (let at = 0; at < pairs; at++) products += centred[at]! * centred[at + lag]!;
    return (products / pairs / squares) * values.length;
  };
}

/** What columns have in common: numbers one width apart are alike where each column has a mean of its own. */
function signOfColumns(sample: Float32Array, width: number): string | undefined {
  const alike = correlations(sample);
  const own = alike(width);
  const least = telling(sample.length, 0.15);
  const near = [1, 2, 3, 5].map(alike);
  if (width > 5 && Math.min(...near) > Math.max(least, 0.8 * own))
    return 'neighbouring numbers of a row are as alike as those of a column: are rows and columns swapped?';
  return compareWidths(sample, width, alike, least);
}

/**
 * The same of columns that have spreads of their own. What neighbours have in common, such as the length of their row,
 * is left out.
 */
function signOfSpreads(sample: Float32Array, width: number): string | undefined {
  let mean = 0;
  for (let at = 0; at < sample.length; at++) mean += sample[at]! / sample.length;
  const alike = correlations(sample.map((value) => (value - mean) ** 2));
  const peak = (lag: number): number => alike(lag) - (alike(lag - 1) + alike(lag + 1)) / 2;
  return compareWidths(sample, width, peak, telling(sample.length, 0.05));
}

/** Judges a width by how alike numbers that far apart are, and numbers other widths apart. */
function compareWidths(
  sample: Float32Array,
  width: number,
  alike: (lag: number) => number,
  least: number,
): string | undefined {
  const own = alike(width);
  const others = plausibleWidths
    .filter((lag) => lag !== width && lag * 4 < sample.length)
    .map((lag) => ({ lag, alike: alike(lag) }));
  const most = others.reduce((best, other) => Math.max(best, other.alike), 0);
  if (most < least) return undefined;
  if (own > most / 2) {
    const part = others.find((other) => width % other.lag === 0 && other.alike > 0.9 * own);
    return (
      part && `rows look ${part.lag} wide, not ${width}: numbers ${part.lag} apart are as alike as whole rows`
    );
  }
  const { lag } = others.find((other) => other.alike > 0.6 * most)!;
  return (
    `rows look ${lag} wide, not ${width} (numbers ${lag} apart are alike, correlation ${most.toFixed(2)} against ` +
    `${own.toFixed(2)}): is the file cut off?`
  );
}

/** How far the lengths of rows vary, as a share of their mean; rows of zeros apart. */
function spreadOfLengths(sums: Float64Array, width: number): number {
  const lengths: number[] = [];
  for (let from = 0; from + width < sums.length; from += width) {
    const squares = sums[from + width]! - sums[from]!;
    if (squares > 0) lengths.push(Math.sqrt(squares));
  }
  if (lengths.length < 4) return Infinity;
  const mean = lengths.reduce((a, b) => a + b, 0) / lengths.length;
  return Math.sqrt(lengths.reduce((sum, length) => sum + (length - mean) ** 2, 0) / lengths.length) / mean;
}

/** Rows of one length, as many encoders make them, betray their width. */
function signOfLengths(sample: Float32Array, width: number): string | undefined {
  const sums = new Float64Array(sample.length + 1);
  for (let at = 0; at < sample.length; at++) sums[at + 1] = sums[at]! + sample[at]! ** 2;
  const equal = (lag: number): boolean => spreadOfLengths(sums, lag) < 1e-3;
  const varied = (lag: number): boolean => spreadOfLengths(sums, lag) > 1e-2;
  // Where a width has rows of one length, so have its multiples.
  const own = equal(width);
  const found = plausibleWidths.find(
    (lag) => (own ? lag < width && width % lag === 0 : lag !== width) && equal(lag),
  );
  if (found === undefined) return undefined;
  // Numbers that are all of one size have rows of one length at every width.
  if (!varied(found - 1) && !varied(found + 1)) return undefined;
  return `rows look ${found} wide, not ${width}: rows of ${found} numbers all have one length`;
}

/** Zeros in a row that are a missing item and not a number that happens to be zero. */
const longRun = 12;

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** As many missing items do not all lie, by chance, at even rows and in pairs. */
const manyRuns = 8;

/** Rows of zeros, the sign of missing items, must be whole rows. */
function signOfZeros(data: Float32Array, width: number): string | undefined {
  let [divisor, runs, inRuns, zeros, run] = [0, 0, 0, 0, 0];
  for (let at = 0; at < data.length; at++) {
    if (data[at] === 0) {
      zeros++;
      run++;
      continue;
    }
    if (run >= longRun) {
      divisor = commonDivisor(commonDivisor(divisor, at - run), run);
      inRuns += run;
      runs++;
    }
    run = 0;
  }
  // Many zeros elsewhere, or runs of any length: the features are sparse.
  const elsewhere = zeros - inRuns - run;
  if (divisor < longRun || elsewhere > 0.01 * data.length) return undefined;
  if (divisor === width || (divisor % width === 0 && runs < manyRuns)) return undefined;
  return `zeros, the sign of a missing item, fill whole rows of ${divisor} numbers, not of ${width}: is the file cut off?`;
}

/**
 * Judges the width of a headerless matrix by what its numbers tell: columns that have means or spreads of their own,
 * rows of one length, rows of zeros; and whether encoders make vectors of that width at all.
 *
 * @returns A sentence if the rows look wider, narrower, or transposed.
 */
export function oddWidth(data: Float32Array, width: number): string | undefined {
  const sample = data.subarray(0, sampled);
  const enough = sample.length >= 8 * width && sample.length >= 256;
  const sign =
    signOfZeros(data, width) ??
    (enough
      ? (signOfColumns(sample, width) ?? signOfLengths(sample, width) ?? signOfSpreads(sample, width))
      : undefined);
  if (sign !== undefined || usualWidths.has(width)) return sign;
  return `${width} numbers a row, which follows from the file's size, is what no usual encoder makes: is the file cut off?`;
}

/** Moves the k smallest of `values` to its front (Hoare's selection). */
function gatherSmallest(values: Float64Array, k: number): void {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i <= j) {
        const kept = values[i]!;
        values[i++] = values[j]!;
        values[j--] = kept;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
}

/** Moves the k smallest of `values` to its front and returns their sum. */
export function sumOfSmallest(values: Float64Array, k: number): number {
  gatherSmallest(values, k);
  let sum = 0;
  for (let i = 0; i < k; i++) sum += values[i]!;
  return sum;
}

/** The k-th smallest of `values`, whose order changes. */
function kthSmallest(values: Float64Array, k: number): number {
  gatherSmallest(values, k);
  let largest = -Infinity;
  for (let i = 0; i < k; i++) if (values[i]! > largest) largest = values[i]!;
  return largest;
}

/** The smallest values of a row, ascending, and where they stand. */
export interface Near {
  values: Float32Array;
  columns: Int32Array;
}

/** Values of a row that are sampled to guess how large its k-th smallest value is. */
const sampled = 1024;

/**
 * Makes a function that finds the k smallest of T values that are not negative, in O(T) and in double precision.
 *
 * A sample of the row brackets its k-th smallest value. One pass without branches copies what lies below the bracket's
 * upper end; only what lies inside the bracket is partitioned. Where the sample misled, the whole row is.
 *
 * @param total - T.
 * @param k - How many are summed, 1..T.
 * @returns A function of a row [T] and the largest of its values that fills `near` with the smallest, ascending (equal ones
 * by column), and returns the sum of the k smallest.
 */
export function rowSelector(
  total: number,
  k: number,
): (row: Float32Array, largest: number, near: Near) => number {
  const stride = Math.max(1, Math.floor(total / sampled));
  const sample = new Float64Array(Math.ceil(total / stride));
  // The share of the sample that lies below the k-th smallest value deviates by this; four deviations are rarely passed.
  const share = k / total;
  const margin = 4 * Math.sqrt((share * (1 - share)) / sample.length) + 1 / sample.length;
  const lowRank = Math.floor((share - margin) * sample.length);
  const highRank = Math.ceil((share + margin) * sample.length);
  const kept = new Float32Array(total);
  // Floats that are not negative are ordered like their bits, and integers are compared without a branch.
  const keptBits = new Int32Array(kept.buffer);
  const keptColumns = new Int32Array(total);
  const inside = new Float64Array(total);
  const bitsOf = (value: number): number => new Int32Array(Float32Array.of(value).buffer)[0]!;

  /** Copies the values up to `limit` to the front of `kept` and returns how many there are. */
  function keep(row: Int32Array, limit: number): number {
    let count = 0;
    for (let j = 0; j < total; j++) {
      const bits = row[j]!;
      keptBits[count] = bits;
      keptColumns[count] = j;
      count += (bits - limit - 1) >>> 31;
    }
    return count;
  }

  /** Fills `near` from the first `count` values kept. */
  function fill({ values, columns }: Near, count: number): void {
    values.fill(Infinity);
    const last = values.length - 1;
    let limit = Infinity;
    for (let j = 0; j < count; j++) {
      const value = kept[j]!;
      if (value >= limit) continue;
      let at = last;
      for (; at > 0 && values[at - 1]! > value; at--) {
        values[at] = values[at - 1]!;
        columns[at] = columns[at - 1]!;
      }
      values[at] = value;
      columns[at] = keptColumns[j]!;
      limit = values[last]!;
    }
  }

  /** Sum of the k smallest of the first `count` values kept, if the k-th is not below `low`; else undefined. */
  function sumAbove(low: number, count: number): number | undefined {
    let sum = 0;
    let middle = 0;
    for (let j = 0; j < count; j++) {
      const value = kept[j]!;
      const below = (keptBits[j]! - low) >>> 31;
      sum += value * below;
      inside[middle] = value;
      middle += 1 - below;
    }
    const wanted = k - (count - middle);
    return wanted < 0 || wanted > middle
      ? undefined
      : sum + sumOfSmallest(inside.subarray(0, middle), wanted);
  }

  return (row, largest, near) => {
    const bits = new Int32Array(row.buffer, row.byteOffset, total);
    const all = bitsOf(largest);
    for (let i = 0, j = 0; j < total; i++, j += stride) sample[i] = row[j]!;
    const high = highRank < sample.length ? bitsOf(kthSmallest(sample, highRank)) : all;
    const low = lowRank > 0 ? bitsOf(kthSmallest(sample.subarray(0, highRank), lowRank)) : 0;
    let count = keep(bits, high);
    let sum = sumAbove(low, count);
    if (sum === undefined) {
      count = keep(bits, all);
      sum = sumAbove(0, count)!;
    }
    fill(near, count);
    return sum;
  };
}

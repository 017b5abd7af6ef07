// The nearest of many columns to each row, by squared distances.

/** Distances that are sampled of a row to guess how large its k-th smallest is. */
const SAMPLED: i32 = 1024;
/** Bytes at the front of the scratch: for each of the 16 masks of four lanes, how its lanes move to the front. */
const MOVES: usize = 256;

function writeMoves(at: usize): void {
  for (let mask = 0; mask < 16; mask++) {
    let to = at + <usize>(mask << 4);
    v128.store(to, i8x16.splat(-1));
    for (let lane = 0; lane < 4; lane++)
      if ((mask >> lane) & 1) {
        for (let byte = 0; byte < 4; byte++) store<u8>(to + byte, <u8>((lane << 2) + byte));
        to += 4;
      }
  }
}

/** |a|^2 + |b|^2 - 2ab of four columns; 0 for what is rounding error. */
@inline
function squaredDistances(products: usize, norms: usize, own: v128, tolerance: v128): v128 {
  const sum = f32x4.add(own, v128.load(norms));
  const square = f32x4.add(v128.load(products), sum);
  return v128.and(square, f32x4.gt(square, f32x4.mul(sum, tolerance)));
}

/** Moves the k smallest of n numbers to the front (Hoare's selection). */
function gatherSmallest(at: usize, n: i32, k: i32): void {
  let low = 0;
  let high = n - 1;
  while (low < high) {
    const pivot = load<f32>(at + (<usize>((low + high) >>> 1) << 2));
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<f32>(at + (<usize>i << 2)) < pivot) i++;
      while (load<f32>(at + (<usize>j << 2)) > pivot) j--;
      if (i <= j) {
        const x = load<f32>(at + (<usize>i << 2));
        store<f32>(at + (<usize>i << 2), load<f32>(at + (<usize>j << 2)));
        store<f32>(at + (<usize>j << 2), x);
        i++;
        j--;
      }
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
}

/** The k-th smallest of n numbers, whose order changes. */
function kthSmallest(at: usize, n: i32, k: i32): f32 {
  gatherSmallest(at, n, k);
  let largest: f32 = 0;
  for (let i = 0; i < k; i++) largest = max(largest, load<f32>(at + (<usize>i << 2)));
  return largest;
}

let largestOfRow: f32 = 0;

/** Copies a row's distances up to `limit`, and their columns, to the front; sets the row's largest. */
function keepUpTo(
  limit: f32, values: usize, places: usize, moves: usize,
  products: usize, norms: usize, own: f32, tolerance: f32, columns: i32,
): i32 {
  const ownFour = f32x4.splat(own);
  const toleranceFour = f32x4.splat(tolerance);
  const limitFour = f32x4.splat(limit);
  const end = i32x4.splat(columns);
  let column = i32x4(0, 1, 2, 3);
  let largest = f32x4.splat(0);
  let count: usize = 0;
  for (let j: usize = 0; j < <usize>columns << 2; j += 16) {
    // Past the end stands the next row, or whatever lies there.
    const inside = i32x4.lt_s(column, end);
    const square = v128.and(inside, squaredDistances(products + j, norms + j, ownFour, toleranceFour));
    largest = f32x4.pmax(largest, square);
    const mask = i32x4.bitmask(v128.and(inside, f32x4.le(square, limitFour)));
    const move = v128.load(moves + (<usize>mask << 4));
    v128.store(values + count, i8x16.swizzle(square, move));
    v128.store(places + count, i8x16.swizzle(column, move));
    count += <usize>popcnt(mask) << 2;
    column = i32x4.add(column, i32x4.splat(4));
  }
  // Fours are read to their end.
  v128.store(values + count, f32x4.splat(<f32>Infinity));
  largestOfRow = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  );
  return <i32>(count >> 2);
}

/** Writes the `kept` smallest of n values and their columns, ascending, equal ones in their order. */
function writeNearest(out: usize, kept: i32, values: usize, places: usize, n: i32): void {
  const columns = out + (<usize>kept << 2);
  const last = <usize>(kept - 1) << 2;
  for (let at: usize = 0; at <= last; at += 4) store<f32>(out + at, <f32>Infinity);
  let limit: f32 = <f32>Infinity;
  for (let four: usize = 0; four < <usize>n << 2; four += 16) {
    if (!v128.any_true(f32x4.lt(v128.load(values + four), f32x4.splat(limit)))) continue;
    for (let j = four; j < four + 16; j += 4) {
      const value = load<f32>(values + j);
      if (value >= limit) continue;
      let at = last;
      for (; at > 0 && load<f32>(out + at - 4) > value; at -= 4) {
        store<f32>(out + at, load<f32>(out + at - 4));
        store<f32>(columns + at, load<f32>(columns + at - 4));
      }
      store<f32>(out + at, value);
      store<f32>(columns + at, <f32>load<i32>(places + j));
      limit = load<f32>(out + last);
    }
  }
}

let sumBelow: f64 = 0;

/**
 * Parts n values: those below the limit to `below` and their sum to `sumBelow`, the others to `above`; returns how many
 * are below. Either may be where they lie. Infinity past the end is in neither part.
 */
function part(limit: f32, values: usize, n: i32, below: usize, above: usize, moves: usize): i32 {
  const limitFour = f32x4.splat(limit);
  const infinity = f32x4.splat(<f32>Infinity);
  v128.store(values + (<usize>n << 2), infinity);
  let sums = f64x2.splat(0);
  let to = below;
  for (let j: usize = 0; j < <usize>n << 2; j += 16) {
    const x = v128.load(values + j);
    const less = f32x4.lt(x, limitFour);
    const small = v128.and(x, less);
    sums = f64x2.add(sums, f64x2.promote_low_f32x4(small));
    sums = f64x2.add(sums, f64x2.promote_low_f32x4(v128.shuffle<f32>(small, small, 2, 3, 2, 3)));
    const lower = i32x4.bitmask(less);
    const upper = i32x4.bitmask(v128.andnot(f32x4.lt(x, infinity), less));
    v128.store(to, i8x16.swizzle(x, v128.load(moves + (<usize>lower << 4))));
    to += <usize>popcnt(lower) << 2;
    v128.store(above, i8x16.swizzle(x, v128.load(moves + (<usize>upper << 4))));
    above += <usize>popcnt(upper) << 2;
  }
  sumBelow = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  return <i32>((to - below) >> 2);
}

/**
 * The sum of the k smallest of n values in [0, high], if the k-th is not below `low`; else -1. What lies between is
 * parted where the k-th would be if values were spread evenly, until few are left. Values and spare are written over.
 */
function sumOfSmallest(
  values: usize, spare: usize, n: i32, k: i32, low: f32, high: f32, moves: usize,
): f64 {
  // Nobody asks for those below `low` again: what comes after them in the spare room may be written over.
  const below = part(low, values, n, spare, values, moves);
  let sum = sumBelow;
  let wanted = k - below;
  let left = n - below;
  if (wanted < 0 || wanted > left) return -1;
  let from = low;
  let to = high;
  for (let round = 0; round < 8 && wanted > 0 && left > 32; round++) {
    const pivot = from + (to - from) * (<f32>wanted / <f32>left);
    const less = part(pivot, values, left, spare, values, moves);
    if (less <= wanted) {
      sum += sumBelow;
      wanted -= less;
      left -= less;
      from = pivot;
    } else {
      const lower = spare;
      spare = values;
      values = lower;
      left = less;
      to = pivot;
    }
  }
  if (wanted > 0) gatherSmallest(values, left, wanted);
  for (let j = 0; j < wanted; j++) sum += <f64>load<f32>(values + (<usize>j << 2));
  return sum;
}

/**
 * Of each row of squared distances: the sum of the k smallest, in two floats, the largest, the `kept` smallest and their
 * columns; out [rows, 3 + 2 kept]. Scratch: 64 + 2 (columns + 8) floats.
 *
 * A sample of the row brackets its k-th smallest. One pass without branches copies what lies below the bracket's upper
 * end; only what lies inside it is parted. Where the sample misled, the whole row is.
 */
export function nearestDistances(
  out: usize, scratch: usize, products: usize, norms: usize, columnNorms: usize,
  rows: i32, columns: i32, k: i32, kept: i32, tolerance: f32,
): void {
  writeMoves(scratch);
  const values = scratch + MOVES;
  const places = values + (((<usize>columns + 8) & ~3) << 2);
  const stride = max(1, columns / SAMPLED);
  const sampled = (columns + stride - 1) / stride;
  // The share of the sample below the k-th smallest deviates by this; four deviations are rarely passed.
  const share = <f64>k / <f64>columns;
  const margin = 4 * Math.sqrt((share * (1 - share)) / <f64>sampled) + 1 / <f64>sampled;
  const lowRank = <i32>Math.floor((share - margin) * <f64>sampled);
  const highRank = <i32>Math.ceil((share + margin) * <f64>sampled);
  for (let r = 0; r < rows; r++) {
    const own = load<f32>(norms + (<usize>r << 2));
    for (let i = 0, j: usize = 0; i < sampled; i++, j += <usize>stride << 2) {
      const sum = own + load<f32>(columnNorms + j);
      const square = load<f32>(products + j) + sum;
      store<f32>(values + (<usize>i << 2), square > sum * tolerance ? square : 0);
    }
    const high = highRank < sampled ? kthSmallest(values, sampled, highRank) : <f32>Infinity;
    const low: f32 = lowRank > 0 ? kthSmallest(values, min(highRank, sampled), lowRank) : 0;
    let n = keepUpTo(high, values, places, scratch, products, columnNorms, own, tolerance, columns);
    writeNearest(out + 12, kept, values, places, n);
    let sum = sumOfSmallest(values, places, n, k, low, min(high, largestOfRow), scratch);
    if (sum < 0) {
      n = keepUpTo(<f32>Infinity, values, places, scratch, products, columnNorms, own, tolerance, columns);
      writeNearest(out + 12, kept, values, places, n);
      sum = sumOfSmallest(values, places, n, k, 0, largestOfRow, scratch);
    }
    store<f32>(out, <f32>sum);
    store<f32>(out, <f32>(sum - <f64><f32>sum), 4);
    store<f32>(out, largestOfRow, 8);
    out += <usize>(3 + 2 * kept) << 2;
    products += <usize>columns << 2;
  }
}

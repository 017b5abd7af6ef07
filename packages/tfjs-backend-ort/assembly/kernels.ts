// Host kernels, compiled to WebAssembly with SIMD by tools/build-wasm.js. All pointers are byte offsets into the
// imported memory, 16-byte aligned, and every buffer is padded so that whole vectors may be read and written past its
// end.

/** Four Philox4x32-10 blocks at once, one per lane; results in o0..o3. */
const M0: i32 = <i32>0xd2511f53;
const M1: i32 = <i32>0xcd9e8d57;
let o0: v128 = i32x4.splat(0);
let o1: v128 = i32x4.splat(0);
let o2: v128 = i32x4.splat(0);
let o3: v128 = i32x4.splat(0);

@inline
function philox(counter: i32, site: i32, s0: i32, s1: i32, key0: i32, key1: i32): void {
  const m0 = i32x4.splat(M0);
  const m1 = i32x4.splat(M1);
  let c0 = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(site);
  let c2 = i32x4.splat(s0);
  let c3 = i32x4.splat(s1);
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < 10; round++) {
    const aLow = i64x2.extmul_low_i32x4_u(m0, c0);
    const aHigh = i64x2.extmul_high_i32x4_u(m0, c0);
    const bLow = i64x2.extmul_low_i32x4_u(m1, c2);
    const bHigh = i64x2.extmul_high_i32x4_u(m1, c2);
    const high0 = v128.shuffle<i32>(aLow, aHigh, 1, 3, 5, 7);
    const low0 = v128.shuffle<i32>(aLow, aHigh, 0, 2, 4, 6);
    const high1 = v128.shuffle<i32>(bLow, bHigh, 1, 3, 5, 7);
    const low1 = v128.shuffle<i32>(bLow, bHigh, 0, 2, 4, 6);
    c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(k0));
    c1 = low1;
    c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(k1));
    c3 = low0;
    k0 += <i32>0x9e3779b9;
    k1 += <i32>0xbb67ae85;
  }
  o0 = c0;
  o1 = c1;
  o2 = c2;
  o3 = c3;
}

@inline
function storeMask(out: usize, words: v128, threshold: v128, scale: v128): void {
  const kept = i16x8.ge_u(words, threshold);
  v128.store(out, v128.and(i32x4.extend_low_i16x8_s(kept), scale));
  v128.store(out, v128.and(i32x4.extend_high_i16x8_s(kept), scale), 16);
}

/**
 * Elements from..from + size of a dropout mask, written from `out` on: `scale` where a 16-bit random number is at least
 * `threshold`, else 0. `from` is a multiple of 32.
 */
export function keepMask(
  out: usize, from: i32, size: i32, threshold: i32, scale: f32,
  key0: i32, key1: i32, s0: i32, s1: i32, site: i32,
): void {
  const limit = i16x8.splat(<i16>threshold);
  const factor = f32x4.splat(scale);
  for (let i = 0; i < size; i += 32) {
    philox((from + i) >> 3, site, s0, s1, key0, key1);
    const at = out + (<usize>i << 2);
    storeMask(at, o0, limit, factor);
    storeMask(at + 32, o1, limit, factor);
    storeMask(at + 64, o2, limit, factor);
    storeMask(at + 96, o3, limit, factor);
  }
}

@inline
function unit(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), f32x4.splat(1.0 / 16777216.0));
}

/** Elements from..from + size, uniform in [0, 1), 24 bits; `from` is a multiple of 16. */
export function uniform(out: usize, from: i32, size: i32, key0: i32, key1: i32, s0: i32, s1: i32, site: i32): void {
  for (let i = 0; i < size; i += 16) {
    philox((from + i) >> 2, site, s0, s1, key0, key1);
    const at = out + (<usize>i << 2);
    v128.store(at, unit(o0));
    v128.store(at, unit(o1), 16);
    v128.store(at, unit(o2), 32);
    v128.store(at, unit(o3), 48);
  }
}

/** One update of AdamW, in place. */
export function adam(
  value: usize, m: usize, v: usize, gradient: usize, size: i32,
  lr: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, epsilon: f32, decay: f32,
  correction1: f32, correction2: f32, scale: f32,
): void {
  const b1 = f32x4.splat(beta1);
  const r1 = f32x4.splat(rest1);
  const b2 = f32x4.splat(beta2);
  const r2 = f32x4.splat(rest2);
  const eps = f32x4.splat(epsilon);
  const keep = f32x4.splat(<f32>(1.0 - <f64>lr * <f64>decay));
  const step = f32x4.splat(<f32>(<f64>lr / <f64>correction1));
  const root = f32x4.splat(<f32>(1.0 / Math.sqrt(<f64>correction2)));
  const factor = f32x4.splat(scale);
  for (let i: usize = 0; i < <usize>size << 2; i += 16) {
    const g = f32x4.mul(v128.load(gradient + i), factor);
    const first = f32x4.add(f32x4.mul(v128.load(m + i), b1), f32x4.mul(g, r1));
    const second = f32x4.add(f32x4.mul(v128.load(v + i), b2), f32x4.mul(f32x4.mul(g, g), r2));
    v128.store(m + i, first);
    v128.store(v + i, second);
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(second), root), eps);
    const moved = f32x4.mul(step, f32x4.div(first, denominator));
    v128.store(value + i, f32x4.sub(f32x4.mul(v128.load(value + i), keep), moved));
  }
}

/**
 * Adds row i of `rows` [n, width] to row ids[i] of `out` [count, width], in order; ids outside [0, count) are dropped.
 */
export function segmentSum(out: usize, rows: usize, ids: usize, n: i32, width: i32, count: i32): void {
  memory.fill(out, 0, (<usize>count * <usize>width) << 2);
  const vectors = width & ~3;
  for (let i = 0; i < n; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>count) continue;
    const to = out + ((<usize>id * <usize>width) << 2);
    const from = rows + ((<usize>i * <usize>width) << 2);
    let j = 0;
    for (; j < vectors; j += 4) {
      const at = <usize>j << 2;
      v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
    }
    for (; j < width; j++) {
      const at = <usize>j << 2;
      store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
    }
  }
}

/** The sum of four accumulators' lanes, one in each lane of the result: (0 + 2) + (1 + 3). */
@inline
function laneSums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 1, 4, 5), v128.shuffle<f32>(c, d, 2, 3, 6, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7));
}

/** The first of n ids that is not in [0, count); n if all are. */
export function firstOutside(ids: usize, n: i32, count: i32): i32 {
  for (let i = 0; i < n; i++) if (<u32>load<i32>(ids + (<usize>i << 2)) >= <u32>count) return i;
  return n;
}

/** out[r, k] = queries[r] . table[ids[r, k]]; ids are in the table. */
export function gatheredProducts(
  out: usize, queries: usize, table: usize, ids: usize, rows: i32, perRow: i32, width: i32,
): void {
  const bytes = <usize>width << 2;
  const vectors = (<usize>width & ~3) << 2;
  for (let r = 0; r < rows; r++) {
    const q = queries + <usize>r * bytes;
    let k = 0;
    for (; k < perRow; k += 4) {
      // Past the end the last id is read again; what it gives is written over by the next row.
      const last = ids + (<usize>(perRow - 1) << 2);
      const at = ids + (<usize>k << 2);
      const t0 = table + <usize>load<i32>(at) * bytes;
      const t1 = table + <usize>load<i32>(min(at + 4, last)) * bytes;
      const t2 = table + <usize>load<i32>(min(at + 8, last)) * bytes;
      const t3 = table + <usize>load<i32>(min(at + 12, last)) * bytes;
      let s0 = f32x4.splat(0);
      let s1 = f32x4.splat(0);
      let s2 = f32x4.splat(0);
      let s3 = f32x4.splat(0);
      let j: usize = 0;
      for (; j < vectors; j += 16) {
        const x = v128.load(q + j);
        s0 = f32x4.add(s0, f32x4.mul(x, v128.load(t0 + j)));
        s1 = f32x4.add(s1, f32x4.mul(x, v128.load(t1 + j)));
        s2 = f32x4.add(s2, f32x4.mul(x, v128.load(t2 + j)));
        s3 = f32x4.add(s3, f32x4.mul(x, v128.load(t3 + j)));
      }
      let sums = laneSums(s0, s1, s2, s3);
      for (; j < bytes; j += 4) {
        const rest = f32x4(load<f32>(t0 + j), load<f32>(t1 + j), load<f32>(t2 + j), load<f32>(t3 + j));
        sums = f32x4.add(sums, f32x4.mul(f32x4.splat(load<f32>(q + j)), rest));
      }
      v128.store(out + (<usize>k << 2), sums);
    }
    ids += <usize>perRow << 2;
    out += <usize>perRow << 2;
  }
}

/** out[r] = sum over k of weights[r, k] table[ids[r, k]]; ids are in the table. */
export function gatheredSums(
  out: usize, weights: usize, table: usize, ids: usize, rows: i32, perRow: i32, width: i32,
): void {
  const bytes = <usize>width << 2;
  const vectors = (<usize>width & ~3) << 2;
  const fours = perRow & ~3;
  memory.fill(out, 0, <usize>rows * bytes);
  for (let r = 0; r < rows; r++) {
    let k = 0;
    for (; k < fours; k += 4) {
      const at = ids + (<usize>k << 2);
      const w = weights + (<usize>k << 2);
      const t0 = table + <usize>load<i32>(at) * bytes;
      const t1 = table + <usize>load<i32>(at, 4) * bytes;
      const t2 = table + <usize>load<i32>(at, 8) * bytes;
      const t3 = table + <usize>load<i32>(at, 12) * bytes;
      const w0 = load<f32>(w);
      const w1 = load<f32>(w, 4);
      const w2 = load<f32>(w, 8);
      const w3 = load<f32>(w, 12);
      const v0 = f32x4.splat(w0);
      const v1 = f32x4.splat(w1);
      const v2 = f32x4.splat(w2);
      const v3 = f32x4.splat(w3);
      let j: usize = 0;
      for (; j < vectors; j += 16) {
        const a = f32x4.add(f32x4.mul(v0, v128.load(t0 + j)), f32x4.mul(v1, v128.load(t1 + j)));
        const b = f32x4.add(f32x4.mul(v2, v128.load(t2 + j)), f32x4.mul(v3, v128.load(t3 + j)));
        v128.store(out + j, f32x4.add(v128.load(out + j), f32x4.add(a, b)));
      }
      for (; j < bytes; j += 4) {
        const a = w0 * load<f32>(t0 + j) + w1 * load<f32>(t1 + j);
        const b = w2 * load<f32>(t2 + j) + w3 * load<f32>(t3 + j);
        store<f32>(out + j, load<f32>(out + j) + (a + b));
      }
    }
    for (; k < perRow; k++) {
      const t = table + <usize>load<i32>(ids + (<usize>k << 2)) * bytes;
      const w = load<f32>(weights + (<usize>k << 2));
      for (let j: usize = 0; j < bytes; j += 4)
        store<f32>(out + j, load<f32>(out + j) + w * load<f32>(t + j));
    }
    ids += <usize>perRow << 2;
    weights += <usize>perRow << 2;
    out += bytes;
  }
}

/** Adds weights[r, k] rows[r] to row ids[r, k] of `out` [count, width], in order; ids are in [0, count). */
export function scatteredSums(
  out: usize, weights: usize, rows: usize, ids: usize, n: i32, perRow: i32, width: i32, count: i32,
): void {
  const bytes = <usize>width << 2;
  const vectors = (<usize>width & ~3) << 2;
  memory.fill(out, 0, <usize>count * bytes);
  for (let r = 0; r < n; r++) {
    for (let k = 0; k < perRow; k++) {
      const to = out + <usize>load<i32>(ids) * bytes;
      const weight = load<f32>(weights);
      const factor = f32x4.splat(weight);
      let j: usize = 0;
      for (; j < vectors; j += 16)
        v128.store(to + j, f32x4.add(v128.load(to + j), f32x4.mul(factor, v128.load(rows + j))));
      for (; j < bytes; j += 4) store<f32>(to + j, load<f32>(to + j) + weight * load<f32>(rows + j));
      ids += 4;
      weights += 4;
    }
    rows += bytes;
  }
}

/**
 * How many of a row's scores, from the column `from` on, are greater than the row's own, equal and less: out [3, rows].
 * One that is not a number, or is compared with none, is neither.
 */
export function rowCounts(out: usize, scores: usize, own: usize, rows: i32, columns: i32, from: i32): void {
  const stride = <usize>rows << 2;
  for (let r = 0; r < rows; r++) {
    const at = scores + ((<usize>r * <usize>columns) << 2);
    const mine = load<f32>(own + (<usize>r << 2));
    const four = f32x4.splat(mine);
    let greater = i32x4.splat(0);
    let equal = i32x4.splat(0);
    let less = i32x4.splat(0);
    let j = from;
    for (; j + 4 <= columns; j += 4) {
      const x = v128.load(at + (<usize>j << 2));
      // A comparison that holds is -1.
      greater = i32x4.sub(greater, f32x4.gt(x, four));
      equal = i32x4.sub(equal, f32x4.eq(x, four));
      less = i32x4.sub(less, f32x4.lt(x, four));
    }
    let g = lanes(greater);
    let e = lanes(equal);
    let l = lanes(less);
    for (; j < columns; j++) {
      const x = load<f32>(at + (<usize>j << 2));
      if (x > mine) g++;
      else if (x == mine) e++;
      else if (x < mine) l++;
    }
    const to = out + (<usize>r << 2);
    store<f32>(to, <f32>g);
    store<f32>(to + stride, <f32>e);
    store<f32>(to + 2 * stride, <f32>l);
  }
}

@inline
function lanes(x: v128): i32 {
  return (
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
  );
}

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

// Random numbers from a counter: each is a function of the keys and its place, whatever thread or order it is made in.

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
function bits(words: v128, threshold: v128): u64 {
  return <u64>i16x8.bitmask(i16x8.ge_u(words, threshold));
}

/**
 * The same mask as bits, 31 in a word from the lowest on: of elements from..from + size, written from `out` on. `from` is a
 * multiple of 32 and of 31.
 */
export function keepBits(
  out: usize, from: i32, size: i32, threshold: i32,
  key0: i32, key1: i32, s0: i32, s1: i32, site: i32,
): void {
  const limit = i16x8.splat(<i16>threshold);
  const end = out + (<usize>((size + 30) / 31) << 2);
  let held: u64 = 0;
  let count = 0;
  for (let i = 0; i < size; i += 32) {
    philox((from + i) >> 3, site, s0, s1, key0, key1);
    let own = bits(o0, limit) | (bits(o1, limit) << 8) | (bits(o2, limit) << 16) | (bits(o3, limit) << 24);
    if (size - i < 32) own &= (<u64>1 << (size - i)) - 1;
    held |= own << count;
    count += 32;
    while (count >= 31 && out < end) {
      store<i32>(out, <i32>(held & 0x7fffffff));
      out += 4;
      held >>= 31;
      count -= 31;
    }
  }
  if (out < end) store<i32>(out, <i32>(held & 0x7fffffff));
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

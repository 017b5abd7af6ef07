// Products of sparse and dense matrices, compiled to WebAssembly with SIMD and shared memory by tools/build-wasm.js.
// Several threads run pieces of one product; what a piece is stands in the memory, where the control block says. All
// pointers are byte offsets. Dense matrices lie in strips of 16 columns, one strip after the other: the rows of a strip
// that a product reads in any order then stay in a core's cache.

/** Words of the control block (see src/runtime/sparsePool.ts): 8.. is the job. */
const JOB: usize = 8 << 2;

/** Bytes of a row of a strip, in matrices of 16 columns or more. */
const STRIP: usize = 16 << 2;

@inline
function word(index: usize): usize {
  return <usize>load<u32>(JOB + (index << 2));
}

/** Piece number `piece` of the job in the control block: some rows of one strip. */
export function run(piece: i32): void {
  const parts = <i32>word(11);
  const strip = <usize>(piece / parts);
  const bounds = word(1) + (<usize>(piece % parts) << 2);
  const from = load<i32>(bounds);
  const to = load<i32>(bounds + 4);
  const all = word(9) << 2;
  const stride = min(all, STRIP);
  const bytes = min(all - strip * STRIP, STRIP);
  const weight = load<f32>(JOB + (10 << 2));
  const x = word(5) + strip * word(12);
  const y = word(7) + strip * word(14);
  if (word(0) == 0) {
    const base: usize = word(6) == 0 ? 0 : word(6) + strip * word(13);
    products(word(2), word(3), word(4), x, base, y, word(8), weight, stride, bytes, from, to);
  } else if (word(0) == 1) scatter(word(2), word(3), word(4), x, y, word(8), stride, bytes, from, to);
  else add(x, y, word(8), weight, stride, bytes, from, to);
}

/** Copies `count` rows, one after the other, into strips that are `step` bytes apart. */
export function toStrips(rows: usize, strips: usize, step: usize, count: i32, width: i32): void {
  const all = <usize>width << 2;
  const stride = min(all, STRIP);
  for (let column: usize = 0; column < all; column += STRIP, strips += step)
    for (let i: usize = 0; i < <usize>count; i++)
      copy(strips + i * stride, rows + i * all + column, min(all - column, STRIP));
}

/** The opposite of {@link toStrips}. */
export function fromStrips(rows: usize, strips: usize, step: usize, count: i32, width: i32): void {
  const all = <usize>width << 2;
  const stride = min(all, STRIP);
  for (let column: usize = 0; column < all; column += STRIP, strips += step)
    for (let i: usize = 0; i < <usize>count; i++)
      copy(rows + i * all + column, strips + i * stride, min(all - column, STRIP));
}

@inline
function copy(to: usize, from: usize, bytes: usize): void {
  let j: usize = 0;
  for (; j + 16 <= bytes; j += 16) v128.store(to + j, v128.load(from + j));
  for (; j < bytes; j += 4) store<u32>(to + j, load<u32>(from + j));
}

/**
 * y[i] = (Σ over the entries of row r of value × x[column]) + weight × base[r] for i in from..to, where r is rows[i],
 * or i where `rows` is 0. Entries are added in their order; `base` of 0 adds nothing.
 */
function products(
  starts: usize, columns: usize, values: usize, x: usize, base: usize, y: usize, rows: usize,
  weight: f32, stride: usize, bytes: usize, from: i32, to: i32,
): void {
  const w = f32x4.splat(weight);
  for (let i = from; i < to; i++) {
    const r: usize = rows == 0 ? <usize>i : <usize>load<u32>(rows + (<usize>i << 2));
    const first = <usize>load<u32>(starts + (r << 2)) << 2;
    const last = <usize>load<u32>(starts + (r << 2) + 4) << 2;
    const out = y + <usize>i * stride;
    const own = base + r * stride;
    let j: usize = 0;
    if (bytes == STRIP) {
      let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
      for (let e = first; e < last; e += 4) {
        const v = v128.load32_splat(values + e);
        const at = x + <usize>load<u32>(columns + e) * STRIP;
        a0 = f32x4.add(a0, f32x4.mul(v, v128.load(at)));
        a1 = f32x4.add(a1, f32x4.mul(v, v128.load(at, 16)));
        a2 = f32x4.add(a2, f32x4.mul(v, v128.load(at, 32)));
        a3 = f32x4.add(a3, f32x4.mul(v, v128.load(at, 48)));
      }
      if (base != 0) {
        a0 = f32x4.add(a0, f32x4.mul(w, v128.load(own)));
        a1 = f32x4.add(a1, f32x4.mul(w, v128.load(own, 16)));
        a2 = f32x4.add(a2, f32x4.mul(w, v128.load(own, 32)));
        a3 = f32x4.add(a3, f32x4.mul(w, v128.load(own, 48)));
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out, a2, 32);
      v128.store(out, a3, 48);
      continue;
    }
    for (; j + 16 <= bytes; j += 16) {
      let sum = f32x4.splat(0);
      for (let e = first; e < last; e += 4) {
        const v = v128.load32_splat(values + e);
        sum = f32x4.add(sum, f32x4.mul(v, v128.load(x + <usize>load<u32>(columns + e) * stride + j)));
      }
      if (base != 0) sum = f32x4.add(sum, f32x4.mul(w, v128.load(own + j)));
      v128.store(out + j, sum);
    }
    for (; j < bytes; j += 4) {
      let sum: f32 = 0;
      for (let e = first; e < last; e += 4)
        sum += load<f32>(values + e) * load<f32>(x + <usize>load<u32>(columns + e) * stride + j);
      if (base != 0) sum += weight * load<f32>(own + j);
      store<f32>(out + j, sum);
    }
  }
}

/**
 * Adds value × x[i] to y[column] over the entries of the rows r = rows[i], i ascending: the product with the transpose
 * of vectors that are 0 in all other rows.
 */
function scatter(
  starts: usize, columns: usize, values: usize, x: usize, y: usize, rows: usize,
  stride: usize, bytes: usize, from: i32, to: i32,
): void {
  for (let i = from; i < to; i++) {
    const r = <usize>load<u32>(rows + (<usize>i << 2));
    const first = <usize>load<u32>(starts + (r << 2)) << 2;
    const last = <usize>load<u32>(starts + (r << 2) + 4) << 2;
    const own = x + <usize>i * stride;
    for (let e = first; e < last; e += 4)
      addScaled(y + <usize>load<u32>(columns + e) * stride, own, load<f32>(values + e), bytes);
  }
}

/** Adds weight × x[i] to y[rows[i]]. */
function add(
  x: usize, y: usize, rows: usize, weight: f32, stride: usize, bytes: usize, from: i32, to: i32,
): void {
  for (let i = from; i < to; i++)
    addScaled(y + <usize>load<u32>(rows + (<usize>i << 2)) * stride, x + <usize>i * stride, weight, bytes);
}

/** to += factor × from. */
@inline
function addScaled(to: usize, from: usize, factor: f32, bytes: usize): void {
  const v = f32x4.splat(factor);
  let j: usize = 0;
  for (; j + 16 <= bytes; j += 16)
    v128.store(to + j, f32x4.add(v128.load(to + j), f32x4.mul(v, v128.load(from + j))));
  for (; j < bytes; j += 4) store<f32>(to + j, load<f32>(to + j) + factor * load<f32>(from + j));
}

// Products of sparse and dense matrices, compiled to WebAssembly with SIMD and shared memory by tools/build-wasm.js.
// Several threads run pieces of one product; what a piece is stands in the memory, where the control block says. All
// pointers are byte offsets; dense rows are `width` floats apart.

/** Words of the control block (see src/runtime/sparsePool.ts): 8.. is the job. */
const JOB: usize = 8 << 2;

@inline
function word(index: usize): usize {
  return <usize>load<u32>(JOB + (index << 2));
}

/** Piece number `piece` of the job in the control block. */
export function run(piece: i32): void {
  const bounds = word(1) + (<usize>piece << 2);
  const from = load<i32>(bounds);
  const to = load<i32>(bounds + 4);
  const width = <i32>word(9);
  const weight = load<f32>(JOB + (10 << 2));
  if (word(0) == 0) products(word(2), word(3), word(4), word(5), word(6), word(7), word(8), weight, width, from, to);
  else scatter(word(2), word(3), word(4), word(5), word(7), word(8), <i32>word(11), weight, width, from, to);
}

/**
 * y[i] = (Σ over the entries of row r of value × x[column]) + weight × base[r] for i in from..to, where r is rows[i],
 * or i where `rows` is 0. Entries are added in their order; `base` of 0 adds nothing.
 */
function products(
  starts: usize, columns: usize, values: usize, x: usize, base: usize, y: usize, rows: usize,
  weight: f32, width: i32, from: i32, to: i32,
): void {
  const stride = <usize>width << 2;
  const w = f32x4.splat(weight);
  for (let i = from; i < to; i++) {
    const r: usize = rows == 0 ? <usize>i : <usize>load<u32>(rows + (<usize>i << 2));
    const first = <usize>load<u32>(starts + (r << 2)) << 2;
    const last = <usize>load<u32>(starts + (r << 2) + 4) << 2;
    const out = y + <usize>i * stride;
    const own = base + r * stride;
    let j: usize = 0;
    for (; j + 128 <= stride; j += 128) {
      let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
      let a4 = f32x4.splat(0), a5 = f32x4.splat(0), a6 = f32x4.splat(0), a7 = f32x4.splat(0);
      for (let e = first; e < last; e += 4) {
        const v = v128.load32_splat(values + e);
        const at = x + <usize>load<u32>(columns + e) * stride + j;
        a0 = f32x4.add(a0, f32x4.mul(v, v128.load(at)));
        a1 = f32x4.add(a1, f32x4.mul(v, v128.load(at, 16)));
        a2 = f32x4.add(a2, f32x4.mul(v, v128.load(at, 32)));
        a3 = f32x4.add(a3, f32x4.mul(v, v128.load(at, 48)));
        a4 = f32x4.add(a4, f32x4.mul(v, v128.load(at, 64)));
        a5 = f32x4.add(a5, f32x4.mul(v, v128.load(at, 80)));
        a6 = f32x4.add(a6, f32x4.mul(v, v128.load(at, 96)));
        a7 = f32x4.add(a7, f32x4.mul(v, v128.load(at, 112)));
      }
      if (base != 0) {
        a0 = f32x4.add(a0, f32x4.mul(w, v128.load(own + j)));
        a1 = f32x4.add(a1, f32x4.mul(w, v128.load(own + j, 16)));
        a2 = f32x4.add(a2, f32x4.mul(w, v128.load(own + j, 32)));
        a3 = f32x4.add(a3, f32x4.mul(w, v128.load(own + j, 48)));
        a4 = f32x4.add(a4, f32x4.mul(w, v128.load(own + j, 64)));
        a5 = f32x4.add(a5, f32x4.mul(w, v128.load(own + j, 80)));
        a6 = f32x4.add(a6, f32x4.mul(w, v128.load(own + j, 96)));
        a7 = f32x4.add(a7, f32x4.mul(w, v128.load(own + j, 112)));
      }
      v128.store(out + j, a0);
      v128.store(out + j, a1, 16);
      v128.store(out + j, a2, 32);
      v128.store(out + j, a3, 48);
      v128.store(out + j, a4, 64);
      v128.store(out + j, a5, 80);
      v128.store(out + j, a6, 96);
      v128.store(out + j, a7, 112);
    }
    for (; j < stride; j += 4) {
      let sum: f32 = 0;
      for (let e = first; e < last; e += 4)
        sum += load<f32>(values + e) * load<f32>(x + <usize>load<u32>(columns + e) * stride + j);
      if (base != 0) sum += weight * load<f32>(own + j);
      store<f32>(out + j, sum);
    }
  }
}

/**
 * Adds value × x[i] to y[column] over the entries of the rows r = rows[i], i ascending, and then weight × base[i] to
 * y[r]: the product with the transpose of vectors that are 0 in all other rows. Only floats from..to of each row, so
 * that threads share none.
 */
function scatter(
  starts: usize, columns: usize, values: usize, x: usize, y: usize, rows: usize,
  count: i32, weight: f32, width: i32, from: i32, to: i32,
): void {
  const base = word(6);
  const stride = <usize>width << 2;
  const begin = <usize>from << 2;
  const end = <usize>to << 2;
  for (let i = 0; i < count; i++) {
    const r = <usize>load<u32>(rows + (<usize>i << 2));
    const first = <usize>load<u32>(starts + (r << 2)) << 2;
    const last = <usize>load<u32>(starts + (r << 2) + 4) << 2;
    const own = x + <usize>i * stride;
    for (let e = first; e < last; e += 4) {
      const value = load<f32>(values + e);
      addScaled(y + <usize>load<u32>(columns + e) * stride, own, value, begin, end);
    }
  }
  for (let i = 0; i < count; i++) {
    const r = <usize>load<u32>(rows + (<usize>i << 2));
    addScaled(y + r * stride, base + <usize>i * stride, weight, begin, end);
  }
}

/** to += factor × from, over bytes begin..end. */
@inline
function addScaled(to: usize, from: usize, factor: f32, begin: usize, end: usize): void {
  const v = f32x4.splat(factor);
  let j = begin;
  for (; j + 16 <= end; j += 16)
    v128.store(to + j, f32x4.add(v128.load(to + j), f32x4.mul(v, v128.load(from + j))));
  for (; j < end; j += 4) store<f32>(to + j, load<f32>(to + j) + factor * load<f32>(from + j));
}

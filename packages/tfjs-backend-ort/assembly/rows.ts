// Rows of a table by their ids: sums into them, products with them, and the gradients of both.

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

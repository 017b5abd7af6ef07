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

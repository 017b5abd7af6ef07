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

/** Lanczos' coefficients for g = 7. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Logarithm of the gamma function of a positive number. */
function logGamma(x: number): number {
  const base = x + 6.5;
  const sum = lanczos.reduce((so, c, i) => (i === 0 ? c : so + c / (x - 1 + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
}

/** Lentz's continued fraction: b0 + a1 / (b1 + a2 / (b2 + …)). */
function continued(b0: number, term: (n: number) => { a: number; b: number }): number {
  const tiny = 1e-300;
  let value = b0 === 0 ? tiny : b0;
  let [c, d] = [value, 0];
  for (let n = 1; n < 10_000; n++) {
    const { a, b } = term(n);
    d = 1 / (b + a * d || tiny);
    c = b + a / c || tiny;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

/** The regularised incomplete beta function I_x(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const fraction = continued(1, (n) => {
    const m = Math.floor(n / 2);
    const even = n % 2 === 0;
    const coefficient = even
      ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
      : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    return { a: coefficient, b: 1 };
  });
  return front / (a * fraction);
}

/** Probability that Student's t with some degrees of freedom is at least as far from 0 as `t`. */
export function studentTails(t: number, degrees: number): number {
  return Number.isFinite(t) ? incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) : 0;
}

/** Probability that a standard normal variable is at least as far from 0 as `z`: erfc(|z| / √2). */
export function normalTails(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / continued(x, (n) => ({ a: n / 2, b: x }));
}

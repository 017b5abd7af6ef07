/**
 * Holm's correction of the p-values of a family of tests: the chance that any of the family's true null hypotheses is rejected stays
 * below the level, whatever their dependence. The i-th smallest of m values becomes max over j <= i of min(1, (m - j + 1) p_j).
 *
 * @param values - In any order.
 * @returns adjusted values in the same order.
 * @throws RangeError for a value outside [0, 1].
 */
export function holm(values: readonly number[]): number[] {
  const bad = values.find((p) => !(p >= 0 && p <= 1));
  if (bad !== undefined) throw new RangeError(`holm: p-values must be in [0, 1], got ${bad}`);
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const adjusted = new Array<number>(values.length);
  let largest = 0;
  order.forEach((at, i) => {
    largest = Math.max(largest, Math.min(1, (values.length - i) * values[at]!));
    adjusted[at] = largest;
  });
  return adjusted;
}

function checked(caller: string, values: readonly number[]): number[] {
  const bad = values.find((p) => !(p >= 0 && p <= 1));
  if (bad !== undefined) throw new RangeError(`${caller}: p-values must be in [0, 1], got ${bad}`);
  return [...values.keys()].sort((a, b) => values[a]! - values[b]!);
}

/**
 * Holm's correction of the p-values of a family of tests: the chance that any of the family's true null hypotheses is
 * rejected stays below the level, whatever their dependence. The i-th smallest of m values becomes max over j <= i of
 * min(1, (m - j + 1) p_j).
 *
 * @param values - In any order.
 * @returns adjusted values in the same order.
 * @throws RangeError for a value outside [0, 1].
 */
export function holm(values: readonly number[]): number[] {
  const adjusted = new Array<number>(values.length);
  let largest = 0;
  checked('holm', values).forEach((at, i) => {
    largest = Math.max(largest, Math.min(1, (values.length - i) * values[at]!));
    adjusted[at] = largest;
  });
  return adjusted;
}

/**
 * Benjamini and Hochberg's correction: the expected share of true null hypotheses among those rejected stays below the
 * level, for tests that are independent or depend positively. The i-th smallest of m values becomes min over j >= i of
 * min(1, m p_j / j).
 *
 * @param values - In any order.
 * @returns adjusted values in the same order.
 * @throws RangeError for a value outside [0, 1].
 */
export function benjaminiHochberg(values: readonly number[]): number[] {
  const adjusted = new Array<number>(values.length);
  let least = 1;
  checked('benjaminiHochberg', values)
    .reverse()
    .forEach((at, i) => {
      least = Math.min(least, (values.length * values[at]!) / (values.length - i));
      adjusted[at] = least;
    });
  return adjusted;
}

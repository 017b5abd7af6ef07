/**
 * When a validation value counts as an improvement.
 *
 * - `released`: as RecBole, on which MISSRec's released code runs: the value is rounded to 4 decimals and counts when
 *   it is at least the best so far, so that ties move the best epoch later; training stops when more than `patience`
 *   consecutive values did not count (at the 11th for `stopping_step: 10`).
 * - `strict`: the value must exceed the best so far; training stops when `patience` consecutive values did not.
 * - `last`: every value counts: the last epoch is the result, and training never stops early. For curves that must not
 *   choose.
 */
export type StoppingRule = 'released' | 'strict' | 'last';

/** Which validation metric picks the best checkpoint, and when training stops for want of improvement. */
export interface EarlyStopping {
  /**
   * A metric that `evaluate('valid')` returns, larger being better; upper and lower case are the same. Default
   * `ndcg@10`.
   */
  readonly metric?: string;
  /** Default `released`. */
  readonly rule?: StoppingRule;
  /** Evaluations without improvement that are borne; 0 stops at the first, null never. Default 10. */
  readonly patience?: number | null;
  /**
   * The best value so far that a run must have after so many epochs to go on, such as the median of other runs of a
   * search; undefined where none is asked. Must give the same at every call.
   */
  readonly least?: (epochs: number) => number | undefined;
}

/** Where early stopping stands; plain JSON. */
export interface StoppingState {
  /** The value to beat, as the rule sees it; null before the first. */
  readonly best: number | null;
  /** Consecutive evaluations that did not improve. */
  readonly waited: number;
  /** Whether training must stop. */
  readonly stop: boolean;
}

/** What one more evaluation changed. */
export interface StoppingUpdate {
  /** Where early stopping stands now. */
  readonly state: StoppingState;
  /** Whether the value is the new best. */
  readonly improved: boolean;
}

/** Before the first evaluation. */
export const stoppingStart: StoppingState = { best: null, waited: 0, stop: false };

/**
 * Rounds to 4 decimals as Python's `round(x, 4)`: the nearest decimal of the exact binary value, ties to even.
 * `toFixed` does the same save for ties, which it rounds up. x is a tie only if x = odd / 32: a tie is
 * (2n+1) / (2^5 5^4), and a binary fraction has no 5 in its denominator.
 */
export function roundMetric(x: number): number {
  const up = Number(x.toFixed(4));
  const isTie = Number.isInteger(x * 32) && Math.abs((x * 32) % 2) === 1;
  if (!isTie) return up;
  const below = Math.floor(x * 1e4);
  return (below % 2 === 0 ? below : below + 1) / 1e4;
}

/**
 * Takes one validation value into account.
 *
 * @returns The new state, and whether the value is the new best.
 */
export function updateStopping(
  state: StoppingState,
  value: number,
  rule: StoppingRule,
  patience: number | null,
): StoppingUpdate {
  if (rule === 'last') return { state: { best: value, waited: 0, stop: false }, improved: true };
  const seen = rule === 'released' ? roundMetric(value) : value;
  const improved = state.best === null || (rule === 'released' ? seen >= state.best : seen > state.best);
  if (improved) return { state: { best: seen, waited: 0, stop: false }, improved };
  const waited = state.waited + 1;
  return { state: { best: state.best, waited, stop: isOver(waited, rule, patience) }, improved };
}

/** Whether training must stop after so many consecutive evaluations without improvement. */
export function isOver(waited: number, rule: StoppingRule, patience: number | null): boolean {
  if (patience === null || waited === 0) return false;
  return rule === 'released' ? waited > patience : waited >= patience;
}

/** A learning rate's factor at a step; step 0 is the first update. */
export type Schedule = (step: number) => number;

/** Plain-data description of a {@link Schedule}, for recipes. */
export interface ScheduleOptions {
  /** What follows the warm-up: no change, a straight line down, or half a cosine wave down. Default 'constant'. */
  kind?: 'constant' | 'linear' | 'cosine';
  /** Updates over which the factor rises evenly to 1; the first of them has 1 / warmup. Default 0. */
  warmup?: number;
  /** Updates in all, warm-up included; needed unless constant. Later steps keep the minimum. */
  total?: number;
  /** The factor at the end. Default 0. */
  minimum?: number;
}

/**
 * A learning-rate schedule: with w the warm-up, T the total, m the minimum and `p = (step - w) / (T - w)`,
 * `(step + 1) / w` during the warm-up, then 1, `1 - (1 - m) p`, or `m + (1 - m) (1 + cos πp) / 2` (Loshchilov and
 * Hutter 2017, eq. 5, without restarts).
 *
 * @throws Error if a number is out of range.
 */
export function createSchedule(options: ScheduleOptions = {}): Schedule {
  const { kind = 'constant', warmup = 0, total, minimum = 0 } = options;
  if (!Number.isInteger(warmup) || warmup < 0)
    throw new Error(`createSchedule: warmup must be a non-negative integer, got ${warmup}`);
  if (!(minimum >= 0 && minimum <= 1))
    throw new Error(`createSchedule: minimum must be in [0, 1], got ${minimum}`);
  const rising = (step: number) => (step + 1) / warmup;
  if (kind === 'constant') return (step) => (step < warmup ? rising(step) : 1);
  if (total === undefined || !Number.isInteger(total) || total <= warmup)
    throw new Error(
      `createSchedule: a ${kind} schedule needs an integer total above warmup ${warmup}, got ${total ?? 'none'}`,
    );
  return (step) => {
    if (step < warmup) return rising(step);
    const p = Math.min((step - warmup) / (total - warmup), 1);
    const fall = kind === 'linear' ? 1 - p : (1 + Math.cos(Math.PI * p)) / 2;
    return minimum + (1 - minimum) * fall;
  };
}

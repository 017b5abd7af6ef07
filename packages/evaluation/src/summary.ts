/** Arithmetic mean; NaN of none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Mean of the values that are not NaN: over the rows that have one. */
export const meanOfKnown = (values: ArrayLike<number>): number =>
  mean(Array.from(values).filter((value) => !Number.isNaN(value)));

/** Values of the same rows averaged over runs; [R]. */
export const meanOverRuns = (runs: readonly ArrayLike<number>[]): Float64Array =>
  Float64Array.from(runs[0]!, (_, row) => runs.reduce((sum, own) => sum + own[row]!, 0) / runs.length);

/** Mean and deviation over repetitions. */
export interface Summary {
  /** Arithmetic mean. */
  mean: number;
  /** Sample standard deviation (divisor n-1); 0 for a single value. */
  deviation: number;
  /** n: how many values. */
  count: number;
}

/**
 * Mean and sample deviation of one metric over seeds.
 *
 * @throws RangeError when there is no value.
 */
export function summarise(values: readonly number[]): Summary {
  const count = values.length;
  if (count === 0) throw new RangeError('summarise: at least one value is needed, got 0');
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return { mean: centre, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : 0, count };
}

/**
 * {@link summarise} for every metric of several runs.
 *
 * @param runs - Metrics of each run; all must have the same names.
 * @throws RangeError when there is no run or a run lacks a metric.
 */
export function summariseRuns(runs: readonly Readonly<Record<string, number>>[]): Record<string, Summary> {
  if (runs.length === 0) throw new RangeError('summariseRuns: at least one run is needed, got 0');
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      summarise(
        runs.map((run, at) => {
          const value = run[name];
          if (value === undefined)
            throw new RangeError(`summariseRuns: every run must have ${name}, got none in run ${at}`);
          return value;
        }),
      ),
    ]),
  );
}

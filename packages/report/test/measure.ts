import type { Measurement } from '../src/index.ts';

/** Mean and sample deviation of a few values. */
export function measure(values: readonly number[]): Measurement {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)), count: values.length };
}

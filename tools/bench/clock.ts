/**
 * Milliseconds of the clock, or of the processor (all threads of this process), which other programs hardly change.
 * Threads that wait for one another count as well, so the latter is for one thread.
 */
export function clock(processor: boolean): () => number {
  if (!processor) return () => performance.now();
  return () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
}

/** The middle one of some values; of an even number the larger. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

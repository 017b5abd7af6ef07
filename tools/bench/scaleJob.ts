/** Sizes of tools/bench/scale.ts that both sides share; the PyTorch side has them as well (tools/parity/scale_bench.py). */
export const B = 512;
/** Every history is this long. */
export const L = 8;
/** Width of the features. */
export const F = 512;
/** Users that are ranked. */
export const RANKED = 4096;

/** What one process does. */
export interface Job {
  /** N */
  items: number;
  /** Steps timed after the first; 0: no training. */
  steps: number;
  /** Rankings timed after the first; 0: none. */
  rankings: number;
  threads: number;
  /** Features lie in files as float16 and are read by blocks, and items have no IDs: to rank alone. */
  stored: boolean;
  /** Times are of the processor instead of the clock. */
  processor: boolean;
}

/** What it found. */
export interface Figures {
  firstStepMs?: number;
  stepMs?: number;
  /** Peak resident memory after training. */
  trainingMiB?: number;
  firstRankingS?: number;
  rankingS?: number;
  /** Peak resident memory of all. */
  peakMiB?: number;
}

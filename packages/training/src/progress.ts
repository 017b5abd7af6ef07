/** Where progress goes: `process.stderr` or anything alike. */
export interface Output {
  /** Takes text. */
  write(text: string): unknown;
  /** Whether a line can be redrawn. */
  readonly isTTY?: boolean;
  /** Width of the terminal in characters. */
  readonly columns?: number;
}

/** What a progress line says. */
export interface Progress {
  /** Steps completed. */
  readonly step: number;
  /** The epoch at work, from 1. */
  readonly epoch: number;
  /** Most epochs. */
  readonly epochs: number;
  /** Batches of this epoch completed. */
  readonly batch: number;
  /** Batches of this epoch, perhaps estimated. */
  readonly batches: number;
  /** Loss of the last step. */
  readonly loss: number;
  /** Examples trained on per second. */
  readonly examplesPerSecond: number;
  /** What an example is, where it is no sequence: see `TrainableModel.counted`. */
  readonly counted?: string;
  /** Seconds until the last epoch ends, if every epoch takes as long as so far; early stopping may end sooner. */
  readonly secondsLeft: number;
}

/** A duration as `7.3s`, `4m05s` or `2h03m`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
}

/** A whole number with thousands separated. */
export function formatCount(n: number): string {
  return Number.isFinite(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',') : '?';
}

/** How much is trained on in a second: `12,346 seq/s`, or what else is counted. */
export function formatSpeed(perSecond: number, counted = 'seq'): string {
  return `${formatCount(perSecond)} ${counted}/s`;
}

/** One line of progress. */
export function formatProgress(p: Progress): string {
  const done = p.batches > 0 ? Math.min(100, Math.floor((100 * p.batch) / p.batches)) : 0;
  return [
    `step ${String(p.step).padStart(5, '0')}`,
    `epoch ${p.epoch}/${p.epochs} (${done}%)`,
    `loss ${p.loss.toFixed(4)}`,
    formatSpeed(p.examplesPerSecond, p.counted),
    `at most ${formatSeconds(p.secondsLeft)} left`,
  ].join(' | ');
}

/** Shows progress: one redrawn line on a terminal, nothing redrawn elsewhere. */
export interface Display {
  /** Writes a line that stays. */
  line(text: string): void;
  /** Redraws the line of progress; does nothing off a terminal. */
  progress(p: Progress): void;
  /** Removes the line of progress. */
  clear(): void;
}

const redrawMs = 100;

/** Makes a {@link Display}. */
export function createDisplay(output: Output, now: () => number = () => performance.now()): Display {
  const terminal = output.isTTY === true;
  let drawn = false;
  let drawnAt = -Infinity;
  const clear = (): void => {
    if (drawn) output.write('\r\x1b[2K');
    drawn = false;
  };
  return {
    clear,
    line(text) {
      clear();
      output.write(`${text}\n`);
      drawnAt = -Infinity;
    },
    progress(p) {
      if (!terminal || now() - drawnAt < redrawMs) return;
      // Some terminals say they have 0 columns. One is left free: a full line would wrap and could not be redrawn.
      const columns = output.columns !== undefined && output.columns > 0 ? output.columns : 80;
      const text = formatProgress(p).slice(0, columns - 1);
      output.write(`\r\x1b[2K${text}`);
      drawn = true;
      drawnAt = now();
    },
  };
}

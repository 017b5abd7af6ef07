/** Ticks of an axis and the interval they span. */
export interface Axis {
  /** Lower end: the first tick. */
  readonly low: number;
  /** Upper end: the last tick. */
  readonly high: number;
  /** Places of the ticks, ascending. */
  readonly ticks: readonly number[];
  /** Text of each tick. */
  readonly labels: readonly string[];
  /** Share of the axis, 0 to 1, at which a value lies. */
  readonly position: (value: number) => number;
}

/** How an axis is laid out. */
export interface AxisOptions {
  /** About how many ticks. Default 6. */
  readonly ticks?: number;
  /** Whether ticks may only be whole numbers. Default false. */
  readonly whole?: boolean;
  /** Default `linear`; `log` is to the base 10 and takes positive values only. */
  readonly scale?: 'linear' | 'log';
}

/** Removes the noise that floating point leaves in multiples of a decimal step. */
function clean(value: number): number {
  return Number(value.toPrecision(12));
}

function decimalsFor(step: number): number {
  for (let decimals = 0; decimals < 20; decimals++) {
    const scaled = step * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 20;
}

/** A tick's text: all ticks of an axis with the same decimals, thousands as k and M where all are whole. */
function labelsFor(ticks: readonly number[], step: number): string[] {
  const largest = Math.max(...ticks.map(Math.abs));
  const [unit, suffix] = largest >= 2e6 ? [1e6, 'M'] : largest >= 1e4 ? [1e3, 'k'] : [1, ''];
  const decimals = decimalsFor(step / unit);
  return ticks.map((tick) => {
    const text = Math.abs(tick / unit).toFixed(decimals);
    const sign = tick < 0 && /[1-9]/.test(text) ? '\u2212' : '';
    return tick === 0 ? '0' : `${sign}${text}${suffix}`;
  });
}

function linearAxis(low: number, high: number, options: AxisOptions): Axis {
  // Values that are equal, or differ only by rounding, still need an interval around them.
  const size = Math.max(Math.abs(low), Math.abs(high));
  const isPoint = high - low <= Math.max(1e-9 * size, 1e-290);
  const room = isPoint ? (size > 1e-290 ? size / 20 : 1) : 0;
  const from = size > 1e-290 ? low - room : Math.min(low, 0);
  const to = high + room;
  const raw = (to - from) / Math.max(1, (options.ticks ?? 6) - 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 2.5, 5, 10].find((f) => raw <= f * power * (1 + 1e-9)) ?? 10;
  const nice = clean(factor * power);
  const step = options.whole === true ? Math.max(1, Math.ceil(nice)) : nice;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => clean((first + i) * step));
  const ends: [number, number] = [ticks[0]!, ticks.at(-1)!];
  return {
    low: ends[0],
    high: ends[1],
    ticks,
    labels: labelsFor(ticks, step),
    position: (value) => (value - ends[0]) / (ends[1] - ends[0]),
  };
}

function logAxis(low: number, high: number): Axis {
  if (!(low > 0)) throw new RangeError(`axis: values on a logarithmic axis must be positive, got ${low}`);
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
  const stride = Math.ceil((last - first) / 8);
  const count = Math.ceil((last - first) / stride);
  const ticks = Array.from({ length: count + 1 }, (_, i) => clean(10 ** (first + i * stride)));
  const end = first + count * stride;
  return {
    low: ticks[0]!,
    high: ticks.at(-1)!,
    ticks,
    labels: ticks.map((tick) => labelsFor([tick], tick)[0]!),
    position: (value) => (Math.log10(value) - first) / (end - first),
  };
}

/**
 * Chooses round ticks that cover an interval: the first is at or below `low`, the last at or above `high`.
 *
 * @throws RangeError if an end is not finite, or not positive on a logarithmic axis.
 */
export function makeAxis(low: number, high: number, options: AxisOptions = {}): Axis {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw new RangeError(`axis: low and high must be finite and in order, got ${low} and ${high}`);
  return options.scale === 'log' ? logAxis(low, high) : linearAxis(low, high, options);
}

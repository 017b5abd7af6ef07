/** Units that times since 1970 are usually given in, by the smallest size of a time of these decades. */
const units: readonly [unit: string, from: number][] = [
  ['seconds', 1e8],
  ['milliseconds', 1e11],
  ['microseconds', 1e14],
  ['nanoseconds', 1e17],
];

/** Warns of times that cannot all be of one unit: sorting them would not be sorting by time. */
export function timeWarnings(times: Float64Array): string[] {
  const counts = units.map(() => 0);
  let small = 0;
  for (const time of times) {
    const size = Math.abs(time);
    let unit = -1;
    while (unit + 1 < units.length && size >= units[unit + 1]![1]) unit++;
    if (unit < 0) small++;
    else counts[unit]!++;
  }
  const found = units.flatMap(([unit], at) => (counts[at]! > 0 ? [`${counts[at]!} in ${unit}`] : []));
  // Small numbers alone, which may be days, years or places in an order, are one kind.
  if (small > 0) found.push(`${small} near 0`);
  return found.length < 2 ? [] : [`times look mixed (${found.join(', ')}): they are sorted as they are`];
}

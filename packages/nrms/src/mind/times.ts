/** Days before each month of a common year. */
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Seconds since 1970 of a date, NaN if there is no such date. */
function secondsOf([year, month, day, hour, minute, second]: readonly number[]): number {
  const leap = month === 2 && year! % 4 === 0 && (year! % 100 !== 0 || year! % 400 === 0);
  const days = (monthDays[month! - 1] ?? 0) + (leap ? 1 : 0);
  if (day! < 1 || day! > days || hour! > 23 || minute! > 59 || second! >= 60) return NaN;
  return Date.UTC(year!, month! - 1, day, hour, minute) / 1000 + second!;
}

const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?$/;
const iso =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?(?:Z|([+-])(\d{2}):?(\d{2}))?$/;

/**
 * A time in seconds since 1970, UTC where it names no zone; NaN if it is none. MIND's `11/12/2019 2:14:46 PM`, month
 * first, the same with 24 hours, ISO 8601, and seconds as a number.
 */
export function parseTime(text: string): number {
  const mind = american.exec(text);
  if (mind) {
    let hour = Number(mind[4]);
    if (mind[7] !== undefined) {
      if (hour < 1 || hour > 12) return NaN;
      hour = (hour % 12) + (mind[7].toLowerCase() === 'p' ? 12 : 0);
    }
    return secondsOf([
      Number(mind[3]),
      Number(mind[1]),
      Number(mind[2]),
      hour,
      Number(mind[5]),
      Number(mind[6] ?? 0),
    ]);
  }
  const other = iso.exec(text);
  if (other) {
    const zone =
      other[7] === undefined ? 0 : Number(`${other[7]}1`) * (60 * Number(other[8]) + Number(other[9]));
    return secondsOf([1, 2, 3, 4, 5, 6].map((part) => Number(other[part] ?? 0))) - 60 * zone;
  }
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
}

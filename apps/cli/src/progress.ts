import { printable } from '@ferry/report';
import { count } from './text.ts';

/** Milliseconds between two lines where there is no terminal. */
const everyLine = 30_000;

/** Seconds as people say them. */
function spell(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** How fast work goes and how long the rest will take; '' before that can be told. */
export function pace(made: number, left: number, seconds: number): string {
  if (made <= 0 || seconds < 0.5) return '';
  const rate = made / seconds;
  const shown = rate >= 10 ? count(Math.round(rate)) : rate.toPrecision(2);
  return `  ${shown}/s${Number.isFinite(left) && left > 0 ? `, ${spell(left / rate)} left` : ''}`;
}

/**
 * A line that is redrawn on a terminal, with the pace and the time left; elsewhere a plain line twice a minute, and the
 * last. Work that was done before shows nothing.
 */
export function progressLine(
  output: Pick<NodeJS.WriteStream, 'isTTY' | 'write'> = process.stderr,
  now: () => number = Date.now,
) {
  let name = '';
  let drawnAt = 0;
  let began = { at: 0, done: 0 };
  return (what: string, done: number, total: number): void => {
    const last = done >= total;
    if (last && what !== name) return;
    if (what !== name) began = { at: now(), done };
    const speed = pace(done - began.done, last ? 0 : total - done, (now() - began.at) / 1000);
    const of = Number.isFinite(total) ? `/${count(total)}` : '';
    const line = `${printable(what)} ${count(done)}${of}${speed}`;
    if (output.isTTY) {
      if (what !== name || last || now() - drawnAt > 100) {
        output.write(`\r\x1b[2K${line}${last ? '\n' : ''}`);
        drawnAt = now();
      }
    } else if (what !== name) drawnAt = now();
    else if (last || now() - drawnAt >= everyLine) {
      output.write(`${line}\n`);
      drawnAt = now();
    }
    name = last ? '' : what;
  };
}

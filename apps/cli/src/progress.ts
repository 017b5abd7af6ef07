import { printable } from '@ferry/report';
import { count } from './text.ts';

/**
 * A line that is redrawn on a terminal; elsewhere only its last state is printed. Work that was done before shows
 * nothing.
 */
export function progressLine(output: NodeJS.WriteStream = process.stderr) {
  let name = '';
  let drawnAt = 0;
  return (what: string, done: number, total: number): void => {
    const line = `${printable(what)} ${count(done)}/${count(total)}`;
    const last = done >= total;
    if (last && what !== name) return;
    if (output.isTTY) {
      if (what !== name || last || Date.now() - drawnAt > 100) {
        output.write(`\r\x1b[2K${line}${last ? '\n' : ''}`);
        drawnAt = Date.now();
      }
    } else if (last) output.write(`${line}\n`);
    name = what;
  };
}

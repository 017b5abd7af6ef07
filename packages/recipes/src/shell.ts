/** An argument as a POSIX shell must read it: quoted where it must be. */
export function shellWord(argument: string): string {
  return /^[\w./:=,@%+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** A command line to paste into a shell. */
export function shellCommand(...words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

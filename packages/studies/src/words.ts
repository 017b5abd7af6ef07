/** A number and what it counts: `1 epoch`, `2,000 epochs`. */
export function counted(number: number, what: string): string {
  return `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;
}

/** A short name for a recipe's domain: its last part. */
export function domainName(reference: string): string {
  return /[^/:]+(?=\/*$)/.exec(reference)?.[0] ?? reference;
}

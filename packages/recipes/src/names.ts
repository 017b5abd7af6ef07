/** A short name for a recipe's domain: its last part. */
export function domainName(reference: string): string {
  return /[^/:]+(?=\/*$)/.exec(reference)?.[0] ?? reference;
}

/** A path without what does not change where it leads: `./a//b/` is `a/b`. */
export function samePath(path: string): string {
  return path
    .split('/')
    .filter((part, i) => part !== '.' && (part !== '' || i === 0))
    .join('/');
}

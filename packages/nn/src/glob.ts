/**
 * Whether a parameter's name matches a glob: `*` stands for any characters but dots (also none), `**` for any
 * characters, and everything else for itself. `encoder.**` matches all below `encoder`; `**.bias` every bias
 * that lies in a subtree; `*` only names without a dot.
 *
 * @param pattern - The glob.
 * @param name - A dotted name.
 */
export function matchGlob(pattern: string, name: string): boolean {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^.]*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`).test(name);
}

/** Whether a name matches one of the globs. */
export function matchesAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchGlob(pattern, name));
}

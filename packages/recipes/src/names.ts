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

/** Whether a model's name in a recipe is a file of the user's, such as `./mine.ts`. */
export function isModelFile(name: string): boolean {
  return /\.m?[jt]s$/.test(name);
}

/** The model files that a recipe names, each once: as the model of a run, or among those a study compares. */
export function modelFilesIn(recipe: unknown): string[] {
  const named = (value: unknown): string[] => {
    if (typeof value === 'string') return isModelFile(value) ? [value] : [];
    if (Array.isArray(value)) return value.flatMap(named);
    return typeof value === 'object' && value !== null && 'name' in value ? named(value.name) : [];
  };
  const walk = (value: unknown): string[] => {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => [
      ...(key === 'model' ? named(inner) : []),
      ...walk(inner),
    ]);
  };
  return [...new Set(walk(recipe))];
}

/** Whether overrides on the command line say which model it is. */
export function overridesModel(overrides: readonly string[]): boolean {
  return overrides.some((override) => /^\s*model(\.name)?\s*=/.test(override));
}

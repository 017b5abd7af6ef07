/** Settings with some of them replaced; nested ones key by key. */
export function withOverrides<T extends object>(settings: T, overrides: object): T {
  const merged = { ...settings } as Record<string, unknown>;
  for (const [key, value] of Object.entries(overrides)) {
    const own = merged[key];
    const nested =
      typeof own === 'object' &&
      own !== null &&
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value);
    merged[key] = nested ? withOverrides(own, value as object) : (value as unknown);
  }
  return merged as T;
}

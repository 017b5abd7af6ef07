import { z } from 'zod';

/** A schema's object with every key optional and no defaults, at every depth: what may be said to deviate from it. */
export function overridesOf(schema: z.ZodObject): z.ZodObject {
  const bare = (member: z.ZodType): z.ZodType => {
    if (member instanceof z.ZodDefault || member instanceof z.ZodPrefault || member instanceof z.ZodOptional)
      return bare(member.def.innerType as z.ZodType);
    return member instanceof z.ZodObject ? overridesOf(member) : member;
  };
  return z.strictObject(
    Object.fromEntries(
      Object.entries(schema.shape as Record<string, z.ZodType>).map(([key, member]) => [
        key,
        bare(member).optional(),
      ]),
    ),
  );
}

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

import { z } from 'zod';
import { pythonFloat, pythonNumbers, pythonTuple } from './python.ts';

/** Numbers of a configuration; YAML 1.1 reads `1e-5` as text, which Elliot turns into a number. */
export const numeric = <T extends z.ZodType>(schema: T) =>
  z.preprocess(
    (value) =>
      typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))
        ? Number(value)
        : value,
    schema,
  );
/** A whole number from 1. */
export const count = numeric(z.int().min(1));
/** A number above 0. */
export const positive = numeric(z.number().gt(0));
/** A number from 0. */
export const least0 = numeric(z.number().min(0));
/** A whole number from 0. */
export const layers = numeric(z.int().min(0));
/** A number from 0 to 1. */
export const share = numeric(z.number().min(0).max(1));
/** What is left out, from 0 and below 1. */
export const rate = numeric(z.number().min(0).lt(1));

/** Something that Elliot knows and Ferry does not. */
export const only = (values: readonly (string | number | boolean)[], why: string) =>
  z.unknown().refine((value) => values.some((known) => known === value), {
    error: ({ input }) => `must be ${values.map(String).join(' or ')}: ${why}, got ${JSON.stringify(input)}`,
  });

/** A tuple of some of these texts, as Python or YAML writes it. */
export const tuple = (allowed: readonly string[]) =>
  z.union([z.string(), z.array(z.string())]).transform((value, context) => {
    const found = typeof value === 'string' ? pythonTuple(value) : value;
    if (
      found &&
      found.length > 0 &&
      new Set(found).size === found.length &&
      found.every((one) => allowed.includes(one))
    )
      return found;
    context.addIssue({
      code: 'custom',
      message:
        `must be a tuple of ${allowed.map((one) => `'${one}'`).join(' and ')} in the way of Python, got ` +
        JSON.stringify(value),
    });
    return z.NEVER;
  });

/** A tuple of numbers, as Python writes them. */
export const numbers = (what: string, holds: (found: readonly number[]) => boolean) =>
  z.string().transform((text, context) => {
    const found = pythonNumbers(text);
    if (found && holds(found.map(Number))) return found;
    context.addIssue({
      code: 'custom',
      message: `must be a tuple of ${what} in the way of Python, got ${JSON.stringify(text)}`,
    });
    return z.NEVER;
  });

/** Elliot's modalities, and Ferry's. */
export const modalityNames = { visual: 'image', textual: 'text' } as const;
/** What loads each modality. */
export const loaders = { VisualAttribute: 'visual', TextualAttribute: 'textual' } as const;

/** Parameters of every model that is trained. */
export const trained = {
  epochs: count.default(2),
  batch_size: numeric(z.int()).default(-1),
  seed: numeric(z.int().min(0)).default(42),
};
/** Parameters of every model that is trained but the factorisations. */
export const embedded = {
  ...trained,
  lr: positive.default(0.0005),
  factors: count.default(64),
};
/** Parameters of every model that reads features. */
export const features = {
  modalities: tuple(Object.keys(modalityNames)).default(['visual', 'textual']),
  loaders: tuple(Object.keys(loaders)).default(['VisualAttribute', 'TextualAttribute']),
};

/** A number as it is written where Elliot has a float. */
export const float = (value: unknown): string => pythonFloat(value as number);
/** A tuple of numbers in a name. */
export const joined = (value: unknown): string => (value as string[]).join('-');
/** A tuple of texts in a name. */
export const listed = (value: unknown): string => (value as string[]).map((one) => `'${one}'`).join('-');

/** A parameter: its short name in file names, and how it is written there. */
export type Shortcut = readonly [parameter: string, short: string, write?: (value: unknown) => string];

/** Names of what most models have, in the order in which they stand together. */
export const shortcuts = {
  sizes: [
    ['lr', 'lr', float],
    ['factors', 'factors'],
  ],
  penalty: ['l_w', 'l_w', float],
  modalities: ['modalities', 'modalites', listed],
  loaders: ['loaders', 'loads', listed],
  normalize: ['normalize', 'normalize', () => 'True'],
} as const satisfies Readonly<Record<string, Shortcut | readonly Shortcut[]>>;

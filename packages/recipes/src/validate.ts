import type { z } from 'zod';
import {
  formatPath,
  parseRecipe,
  RecipeError,
  type Path,
  type Problem,
  type RecipeDocument,
} from './document.ts';
import { fieldsAt } from './fields.ts';
import { didYouMean } from './suggest.ts';

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  // JSON has no word for NaN and infinities.
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const a = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
const nouns: Record<string, string> = {
  int: 'a whole number',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** The tags a discriminated union knows. */
function optionsOf(issue: z.core.$ZodIssueInvalidUnion): string[] {
  return (('options' in issue ? issue.options : undefined) ?? []).map(String);
}

/** What a wrong value may have been meant as: the choices there were, those within a union included. */
function choicesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code !== 'invalid_union') return [];
  return [...optionsOf(issue), ...issue.errors.flat().flatMap(choicesOf)];
}

/** What a value must be, in words, from zod's issue. */
export function rule(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${nouns[issue.expected] ?? a(issue.expected)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${shown(issue.values[0])}`
        : `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union': {
      const options = optionsOf(issue);
      return options.length > 0 ? `must be one of ${options.join(', ')}` : issue.message;
    }
    case 'too_small':
    case 'too_big': {
      const small = issue.code === 'too_small';
      const bound = Number(small ? issue.minimum : issue.maximum);
      if (issue.origin === 'array')
        return `must have at ${small ? 'least' : 'most'} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
      if (issue.origin === 'string') return 'must not be empty';
      return `must be ${issue.inclusive ? `at ${small ? 'least' : 'most'}` : small ? 'above' : 'below'} ${bound}`;
    }
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

/** Turns one zod issue into problems that say where and what. */
function explain(
  issue: z.core.$ZodIssue,
  document: RecipeDocument,
  schema: z.ZodType,
): (Problem & { at: number })[] {
  const path = issue.path.filter((key): key is string | number => typeof key !== 'symbol');
  const written = (at: Path): Path => document.written?.(at) ?? at;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const known = fieldsAt(schema, document.value, path);
      const around = written([...path, key]).slice(0, -1);
      const inside = around.length > 0 ? ` in ${formatPath(around)}` : '';
      return {
        where: document.locate([...path, key], 'key'),
        message: `unknown key '${key}'${inside}${didYouMean(key, known)}`,
        at: document.order([...path, key]),
      };
    });
  const value = valueAt(document.value, path);
  const last = path[path.length - 1];
  if (value === undefined && last !== undefined && issue.code !== 'custom') {
    const around = written(path).slice(0, -1);
    const inside = around.length > 0 ? ` in ${formatPath(around)}` : '';
    return [
      {
        where: document.locate(path),
        message: `missing key '${last}'${inside}: ${rule(issue)}`,
        at: document.order(path),
      },
    ];
  }
  const found = issue.code === 'invalid_key' ? last : value;
  const got = issue.code === 'custom' ? '' : `, got ${shown(found)}`;
  const near = typeof value === 'string' ? didYouMean(value, choicesOf(issue)) : '';
  return [
    {
      where: document.locate(path),
      message: `${formatPath(written(path)) || 'the recipe'} ${rule(issue)}${got}${near}`,
      at: document.order(path),
    },
  ];
}

/**
 * A recipe that was made from another one: what is wrong with it is told where the other one says it.
 *
 * @param document - The other one.
 * @param value - The recipe.
 * @param written - Where the other one says what the recipe has at a path.
 */
export function madeFrom(
  document: RecipeDocument,
  value: unknown,
  written: (path: Path) => Path,
): RecipeDocument {
  return {
    file: document.file,
    value,
    written,
    locate: (path, part) => document.locate(written(path), part),
    order: (path) => document.order(written(path)),
  };
}

/**
 * What is wrong with a recipe by a schema, in the order it is written.
 *
 * @param document - The recipe.
 * @param schema - Strict objects make unknown keys errors.
 */
export function problemsOf(document: RecipeDocument, schema: z.ZodType): (Problem & { at: number })[] {
  const result = schema.safeParse(document.value, { reportInput: true });
  if (result.success) return [];
  return result.error.issues.flatMap((issue) => explain(issue, document, schema)).sort((x, y) => x.at - y.at);
}

/**
 * A parsed recipe, checked and with its defaults filled in.
 *
 * @throws RecipeError with every problem.
 */
export function checkRecipe<T extends z.ZodType>(document: RecipeDocument, schema: T): z.output<T> {
  const result = schema.safeParse(document.value, { reportInput: true });
  if (result.success) return result.data;
  throw new RecipeError(document.file, problemsOf(document, schema));
}

/**
 * Reads a recipe: YAML, overrides, schema.
 *
 * @param text - YAML.
 * @param file - Name for messages.
 * @param schema - What the recipe must look like; strict objects make unknown keys errors.
 * @param overrides - `key.sub=value`.
 * @throws RecipeError with every problem, each with line and column or the override at fault, and a suggestion where
 * a known name is near.
 */
export function readRecipe<T extends z.ZodType>(
  text: string,
  file: string,
  schema: T,
  overrides: readonly string[] = [],
): z.output<T> {
  return checkRecipe(parseRecipe(text, file, overrides), schema);
}

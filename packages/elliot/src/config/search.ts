import { rule, type Dimension, type Space } from '@ferry/recipes';
import { z } from 'zod';

/** What hyperopt draws from that Ferry draws from too. */
const distributions = [
  ...['choice', 'uniform', 'quniform', 'loguniform', 'qloguniform'],
  ...['normal', 'qnormal', 'lognormal', 'qlognormal', 'randint'],
] as const;

/**
 * Numbers of a distribution: `["uniform", 0, 1]`, or `["uniform(0", "1)"]` as YAML reads what people write without
 * quotes.
 */
function argumentsOf(words: readonly unknown[]): { name: string; values: unknown[] } | undefined {
  const [first, ...rest] = words;
  if (typeof first !== 'string') return undefined;
  const [name = '', inside] = first.replaceAll(' ', '').split('(');
  if (!(distributions as readonly string[]).includes(name)) return undefined;
  const all = [...(inside === undefined ? [] : [inside]), ...rest];
  const values = all.map((value) => {
    if (typeof value !== 'string') return value;
    const text = value.replaceAll(' ', '').replaceAll(')', '');
    return text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text;
  });
  return { name, values };
}

/** The dimension of a list of a configuration; a text says what is wrong. */
function dimensionOf(list: readonly unknown[]): Dimension | string {
  const drawn = argumentsOf(list);
  if (!drawn) return { kind: 'choice', values: list };
  const { name, values } = drawn;
  if (name === 'choice') return { kind: 'choice', values };
  const numbers = values.filter((value): value is number => typeof value === 'number');
  const step = name.startsWith('q');
  const wanted = name === 'randint' ? [1, 2] : [step ? 3 : 2];
  if (numbers.length < values.length || !wanted.includes(numbers.length))
    return `must have ${wanted.join(' or ')} numbers after ${name}, got ${JSON.stringify(values)}`;
  const [a, b, q] = numbers as [number, number, number];
  if (name === 'randint') {
    const [low, high] = numbers.length === 1 ? [0, a] : [a, b];
    if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low)
      return `must have whole numbers that rise after randint, got ${JSON.stringify(values)}`;
    return { kind: 'choice', values: Array.from({ length: high - low }, (_, i) => low + i) };
  }
  if (step && !(q > 0)) return `must have a step above 0 as the last number of ${name}, got ${q}`;
  const more = step ? { step: q } : {};
  if (name.endsWith('normal')) {
    if (!(b > 0)) return `must have a deviation above 0 after ${name}, got ${b}`;
    return { kind: name.includes('log') ? 'lognormal' : 'normal', mean: a, deviation: b, ...more };
  }
  if (!(b > a)) return `must have numbers that rise after ${name}, got ${JSON.stringify(values)}`;
  // hyperopt states the bounds of loguniform as natural logarithms.
  return name.includes('log')
    ? { kind: 'loguniform', low: Math.exp(a), high: Math.exp(b), ...more }
    : { kind: 'uniform', low: a, high: b, ...more };
}

/** Parameters of a model taken apart: single values, and what is searched. */
export interface Searched {
  /** Checked, with Elliot's defaults, the searched ones left out. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** Dimensions of the parameters that are lists. */
  readonly space: Space;
}

/** What is wrong with a value. */
const told = (issue: z.core.$ZodIssue, got: unknown): string =>
  issue.code === 'custom'
    ? issue.message
    : `${rule(issue)}, got ${got === undefined ? 'nothing' : JSON.stringify(got)}`;

/** A list of names that is a value of its own; several values are tuples as Python writes them. */
const isValue = (name: string, list: readonly unknown[]): boolean =>
  (name === 'modalities' || name === 'loaders') && !list.some((entry) => /^\s*\(/.test(String(entry)));

/**
 * Takes a model's parameters apart and checks every value, those of lists too.
 *
 * @param schema - Of the parameters.
 * @param report - Told of every problem by its path within the parameters.
 */
export function searchedParameters(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
  report: (path: (string | number)[], message: string) => void,
): Searched {
  const space: Record<string, Dimension> = {};
  const single: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const one = (schema.shape as Record<string, z.ZodType | undefined>)[name];
    if (!Array.isArray(value) || isValue(name, value) || !one) {
      single[name] = value;
      continue;
    }
    const dimension = dimensionOf(value);
    if (typeof dimension === 'string') report([name], dimension);
    else if (dimension.kind !== 'choice') space[name] = dimension;
    else if (dimension.values.length === 0) report([name], 'must have at least 1 value, got an empty list');
    else {
      const values = dimension.values.map((entry, i) => {
        const checked = one.safeParse(entry);
        if (!checked.success) for (const issue of checked.error.issues) report([name, i], told(issue, entry));
        return checked.data;
      });
      space[name] = { kind: 'choice', values };
    }
  }
  const rest = z.strictObject(
    Object.fromEntries(
      Object.entries(schema.shape as Record<string, z.ZodType>).filter(([name]) => !(name in space)),
    ),
  );
  const checked = rest.safeParse(single);
  if (!checked.success)
    for (const issue of checked.error.issues) {
      const path = issue.path.filter((key): key is string | number => typeof key !== 'symbol');
      if (issue.code === 'unrecognized_keys')
        for (const key of issue.keys)
          report(
            [...path, key],
            `is no parameter that Ferry reads (there are ${Object.keys(schema.shape).join(', ')})`,
          );
      else report(path, told(issue, single[String(path[0])]));
    }
  return { fixed: checked.data ?? {}, space };
}

import {
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parse,
  parseDocument,
  visit,
  type YAMLError,
  type Alias,
  type Document,
} from 'yaml';

/** One thing wrong with a recipe. */
export interface Problem {
  /** Where: `recipe.yaml:12:3`, or the override as it was typed. */
  readonly where: string;
  /** What: the rule and what was found. */
  readonly message: string;
}

/** A recipe that cannot be used: every problem at once. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError';
  /** What is wrong, in the order of the file, overrides last. */
  readonly problems: readonly Problem[];

  /** Lists the problems. */
  constructor(file: string, problems: readonly Problem[]) {
    const head = `${file} cannot be used: ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}`;
    super([head, ...problems.map(({ where, message }) => `  ${where}  ${message}`)].join('\n'));
    this.problems = problems;
  }
}

/** A key path, such as `['training', 'epochs']`. */
export type Path = readonly (string | number)[];

/** A path as people write it: `sources[1].name`. */
export function formatPath(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i > 0 ? `.${key}` : key)).join('');
}

/** A parsed recipe that knows where each value was written. */
export interface RecipeDocument {
  /** Its name in messages. */
  readonly file: string;
  /** The values, overrides applied. */
  readonly value: unknown;
  /** Where the value at a path (or the key itself) was written. */
  locate(path: Path, part?: 'key' | 'value'): string;
  /** Position for sorting: the order of the file, overrides after it. */
  order(path: Path): number;
  /** Where another recipe, which this one was made from, says what is at a path. Default: it was made from none. */
  written?(path: Path): Path;
}

/** Splits `a.b=value`. */
function parseOverride(text: string): { path: string[]; value: unknown } | string {
  const at = text.indexOf('=');
  const path = text.slice(0, at).trim().split('.');
  if (at < 1 || path.some((key) => !/^[A-Za-z][\w-]*$/.test(key)))
    return `an override must read key.sub=value, got '${text}'`;
  try {
    return { path, value: parse(text.slice(at + 1)) as unknown };
  } catch (error) {
    return `the value must be YAML, got '${text.slice(at + 1)}' (${(error as Error).message.split('\n')[0]!})`;
  }
}

/** What the YAML library found, where its words are for programmers. */
function yamlMessage({ code, message }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') return 'a key must come once, this one comes twice';
  if (code === 'MULTIPLE_DOCS') return 'a recipe must be one document, another one begins here (---)';
  return /call stack/.test(message) ? 'values must not be nested that deeply' : message;
}

/** The node at a path and the key it stands under; the deepest ones that exist. */
function findNode(document: Document, path: Path): { key: unknown; value: unknown; depth: number } {
  let found: { key: unknown; value: unknown; depth: number } = {
    key: undefined,
    value: document.contents,
    depth: 0,
  };
  for (const [i, step] of path.entries()) {
    const { value } = found;
    if (isMap(value)) {
      const pair = value.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step);
      if (!pair) break;
      found = { key: pair.key, value: pair.value, depth: i + 1 };
    } else {
      const item = (value as { items?: unknown[] } | null)?.items?.[Number(step)];
      if (item === undefined) break;
      found = { key: item, value: item, depth: i + 1 };
    }
  }
  return found;
}

/** Aliases of a recipe may not make it longer than so many values. */
const mostValues = 100_000;

/** A copy in which aliased values are values of their own, so that an override of one does not change the others. */
function unshared(value: unknown, left = { values: mostValues }): unknown {
  if (left.values-- <= 0) throw new RangeError(`aliases must not expand to more than ${mostValues} values`);
  if (Array.isArray(value)) return value.map((item) => unshared(item, left));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unshared(item, left)]));
}

/** A document's values, aliases in full; what is wrong with an alias goes to the problems. */
function valuesOf(document: Document, position: (offset: number) => string, problems: Problem[]): unknown {
  let first: Alias | undefined;
  visit(document, {
    Alias: (_, alias, path) => {
      first ??= alias;
      const source = alias.resolve(document);
      const where = position(alias.range?.[0] ?? 0);
      if (!source)
        problems.push({
          where,
          message: `alias *${alias.source} must follow its anchor &${alias.source}, got none`,
        });
      else if (path.includes(source))
        problems.push({ where, message: `alias *${alias.source} must not stand inside its own anchor` });
    },
  });
  if (problems.length > 0) return {};
  try {
    // The copy bounds what aliases expand to.
    return unshared(document.toJS({ maxAliasCount: -1 }) ?? {});
  } catch (error) {
    problems.push({ where: position(first?.range?.[0] ?? 0), message: (error as Error).message });
    return {};
  }
}

/** `model: x` is short for `model: { name: x }`. */
function nameModel(recipe: Record<string, unknown>): void {
  if (typeof recipe['model'] === 'string') recipe['model'] = { name: recipe['model'] };
}

/**
 * Parses a recipe and applies overrides to it.
 *
 * @param text - YAML.
 * @param file - Name for messages.
 * @param overrides - `key.sub=value`, values in YAML, later ones win.
 * @throws RecipeError for text that is not YAML, keys that come twice, and overrides that cannot be read.
 */
export function parseRecipe(text: string, file: string, overrides: readonly string[] = []): RecipeDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    merge: true,
  });
  const position = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // A tag that nothing resolves is a warning to YAML, which takes the value for a text.
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    where: position(error.pos[0]),
    message: yamlMessage(error),
  }));
  const set: { path: string[]; text: string }[] = [];
  const value = (problems.length > 0 ? {} : valuesOf(document, position, problems)) as Record<
    string,
    unknown
  >;
  nameModel(value);
  for (const override of overrides) {
    const parsed = parseOverride(override);
    if (typeof parsed === 'string') {
      problems.push({ where: 'command line', message: parsed });
      continue;
    }
    let target = value;
    for (const key of parsed.path.slice(0, -1)) {
      if (typeof target[key] !== 'object' || target[key] === null || Array.isArray(target[key]))
        target[key] = {};
      target = target[key] as Record<string, unknown>;
    }
    target[parsed.path[parsed.path.length - 1]!] = parsed.value;
    nameModel(value);
    set.push({ path: parsed.path, text: override });
  }
  if (problems.length > 0) throw new RecipeError(file, problems);

  /** The last override that set the value at a path or something around it. */
  const overrideOf = (path: Path): number =>
    set.findLastIndex(({ path: own }) => own.every((key, i) => i >= path.length || path[i] === key));
  const offsetOf = (path: Path, part: 'key' | 'value'): number => {
    const { key, value: node, depth } = findNode(document, path);
    // A missing key is reported at the key of the mapping that lacks it.
    const shown = (part === 'key' || depth < path.length) && isNode(key) ? key : isNode(node) ? node : key;
    return isNode(shown) ? (shown.range?.[0] ?? 0) : 0;
  };
  return {
    file,
    value,
    locate(path, part = 'value') {
      const at = overrideOf(path);
      return at >= 0 ? `override '${set[at]!.text}'` : position(offsetOf(path, part));
    },
    order(path) {
      const at = overrideOf(path);
      return at >= 0 ? 1e12 + at : offsetOf(path, 'key');
    },
  };
}

import {
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
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

/** Splits `a.b=value`; undefined if it is none. */
function splitOverride(text: string): { path: string[]; value: string } | undefined {
  const at = text.indexOf('=');
  const path = text.slice(0, at).trim().split('.');
  if (at < 1 || path.some((key) => !/^[A-Za-z][\w-]*$/.test(key))) return undefined;
  return { path, value: text.slice(at + 1) };
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
      const pair = value.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === step,
      );
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

/** Tags of what a recipe is made of. */
const plainTag = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq|merge))$/;

/** What the library reads without complaint and no recipe can hold: keys that are no words, and values of other kinds. */
function checkNodes(document: Document, position: (offset: number) => string, problems: Problem[]): void {
  const refuse = (node: unknown, message: string): void => {
    problems.push({ where: position((isNode(node) ? node.range?.[0] : undefined) ?? 0), message });
  };
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || key.value === null)
        refuse(isNode(key) ? key : value, `a key must be a word, got ${String(key)}`);
    },
    Node: (_, node) => {
      if (node.tag !== undefined && !plainTag.test(node.tag))
        refuse(
          node,
          `a value must be a text, a number, true, false, null, a list or a mapping, got ${node.tag}`,
        );
    },
    Alias: (_, alias, path) => {
      const source = alias.resolve(document);
      if (!source) refuse(alias, `alias *${alias.source} must follow its anchor &${alias.source}, got none`);
      else if (path.includes(source))
        refuse(alias, `alias *${alias.source} must not stand inside its own anchor`);
    },
  });
}

/**
 * A text of YAML, a recipe or the value of an override, and its values, aliases in full.
 *
 * @param where - How a place is named in messages, by its offset.
 * @param problems - Gets what is wrong.
 */
function readYaml(
  text: string,
  where: (offset: number) => string,
  problems: Problem[],
  lineCounter?: LineCounter,
): { document: Document; value: unknown } {
  const options = { prettyErrors: false, uniqueKeys: true, merge: true } as const;
  const document: Document = parseDocument(text, { ...options, ...(lineCounter && { lineCounter }) });
  const before = problems.length;
  // A tag that nothing resolves is a warning to YAML, which takes the value for a text.
  for (const error of [...document.errors, ...document.warnings])
    problems.push({ where: where(error.pos[0]), message: yamlMessage(error) });
  if (problems.length === before) checkNodes(document, where, problems);
  if (problems.length > before) return { document, value: undefined };
  try {
    // The copy bounds what aliases expand to.
    return { document, value: unshared(document.toJS({ maxAliasCount: -1 })) };
  } catch (error) {
    let first: Alias | undefined;
    visit(document, {
      Alias: (_, alias) => {
        first ??= alias;
      },
    });
    problems.push({ where: where(first?.range?.[0] ?? 0), message: (error as Error).message });
    return { document, value: undefined };
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
  const position = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problems: Problem[] = [];
  const { document, value: written } = readYaml(text, position, problems, lines);
  const value = (written ?? {}) as Record<string, unknown>;
  nameModel(value);
  const set: { path: string[]; text: string }[] = [];
  for (const override of overrides) {
    const parts = splitOverride(override);
    if (!parts) {
      const message = `an override must read key.sub=value, got '${override}'`;
      problems.push({ where: 'command line', message });
      continue;
    }
    const { path } = parts;
    const given = readYaml(parts.value, () => `override '${override}'`, problems).value;
    // What is no mapping is refused as a whole.
    if (typeof value !== 'object') continue;
    let target = value;
    for (const key of path.slice(0, -1)) {
      if (typeof target[key] !== 'object' || target[key] === null || Array.isArray(target[key]))
        target[key] = {};
      target = target[key] as Record<string, unknown>;
    }
    target[path[path.length - 1]!] = given;
    nameModel(value);
    set.push({ path, text: override });
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

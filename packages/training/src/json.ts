/** A value JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object; an undefined member counts as absent. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** One place where two JSON values differ. */
export interface Difference {
  /** Where, such as `model.width` or `sources[1]`. */
  readonly path: string;
  /** The value on the left; undefined where the key is absent. */
  readonly left: Json | undefined;
  /** The value on the right; undefined where the key is absent. */
  readonly right: Json | undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Every leaf where two JSON values differ, in the order of the left value's keys, then the right one's further keys.
 */
export function differences(left: Json | undefined, right: Json | undefined, path = ''): Difference[] {
  if (isObject(left) && isObject(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].flatMap((key) => differences(left[key], right[key], path ? `${path}.${key}` : key));
  }
  if (isArray(left) && isArray(right) && left.length === right.length)
    return left.flatMap((item, i) => differences(item, right[i], `${path}[${i}]`));
  return JSON.stringify(left) === JSON.stringify(right) ? [] : [{ path, left, right }];
}

/** Words that YAML readers take for something other than a string. */
const reserved = /^(true|false|null|yes|no|on|off|y|n|nan|inf|~)$/i;
const plain = /^[A-Za-z_][\w./@+-]*( [\w./@+-]+)*$/;

function yamlString(text: string): string {
  return plain.test(text) && !reserved.test(text) ? text : JSON.stringify(text);
}

function isScalar(value: Json): boolean {
  return typeof value !== 'object' || value === null;
}

function yamlScalar(value: Json): string {
  return typeof value === 'string' ? yamlString(value) : JSON.stringify(value);
}

function yamlLines(value: Json, indent: string): string[] {
  if (isObject(value))
    return Object.entries(value).flatMap(([key, member]) =>
      member === undefined ? [] : yamlMember(`${indent}${yamlString(key)}:`, member, indent),
    );
  if (isArray(value)) return value.flatMap((item) => yamlMember(`${indent}-`, item, indent));
  return [indent + yamlScalar(value)];
}

/** A mapping's or a list's member: on the line of its key where it fits, below it otherwise. */
function yamlMember(head: string, member: Json, indent: string): string[] {
  if (isScalar(member)) return [`${head} ${yamlScalar(member)}`];
  if (isArray(member) && member.every(isScalar)) return [`${head} [${member.map(yamlScalar).join(', ')}]`];
  const inner = yamlLines(member, `${indent}  `);
  return inner.length === 0 ? [`${head} {}`] : [head, ...inner];
}

/** Writes a JSON value as YAML 1.2, one key a line, lists of scalars on one line; the same text for the same value. */
export function toYaml(value: JsonObject): string {
  const lines = yamlLines(value, '');
  return lines.length === 0 ? '{}\n' : `${lines.join('\n')}\n`;
}

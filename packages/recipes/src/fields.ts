import { z } from 'zod';
import type { Path } from './document.ts';

/** One setting of a schema, for help and documentation. */
export interface Field {
  /** Dotted key, such as `training.epochs`. */
  readonly key: string;
  /** What it takes, such as `whole number` or `paper | released`. */
  readonly type: string;
  /** Its default as YAML would write it; undefined where the key must be given, '' where it may be left out. */
  readonly default: string | undefined;
  /** What it means. */
  readonly description: string;
}

interface Unwrapped {
  readonly schema: z.ZodType;
  readonly default: string | undefined;
  readonly description: string;
  readonly nullable: boolean;
}

/** Takes defaults, optionals and nullables off a schema. */
function unwrap(schema: z.ZodType): Unwrapped {
  let inner = schema;
  let fallback: string | undefined;
  let description = schema.description ?? '';
  let nullable = false;
  for (;;) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      const value = inner.def.defaultValue;
      fallback ??= typeof value === 'string' ? value : JSON.stringify(value);
    } else if (inner instanceof z.ZodOptional) fallback ??= '';
    else if (inner instanceof z.ZodNullable) nullable = true;
    else if (inner instanceof z.ZodPipe) {
      // What is written in a recipe comes before the transformation.
      inner = inner.def.in as z.ZodType;
      continue;
    } else return { schema: inner, default: fallback, description, nullable };
    inner = inner.def.innerType as z.ZodType;
    description ||= inner.description ?? '';
  }
}

function typeName(schema: z.ZodType): string {
  if (schema instanceof z.ZodEnum) return schema.options.join(' | ');
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String).join(' | ');
  if (schema instanceof z.ZodNumberFormat) return 'whole number';
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'true | false';
  if (schema instanceof z.ZodArray) return `list of ${typeName(unwrap(schema.element as z.ZodType).schema)}`;
  if (schema instanceof z.ZodRecord) return 'name: settings';
  return schema instanceof z.ZodString ? 'text' : 'value';
}

/**
 * Every setting of a schema, in order, nested ones as dotted keys.
 *
 * @param schema - A strict object.
 * @param prefix - Key in front.
 */
export function listFields(schema: z.ZodType, prefix = ''): Field[] {
  const { schema: inner, default: fallback, description, nullable } = unwrap(schema);
  if (inner instanceof z.ZodObject)
    return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([key, member]) =>
      listFields(member, prefix ? `${prefix}.${key}` : key),
    );
  return [
    { key: prefix, type: `${typeName(inner)}${nullable ? ' | null' : ''}`, default: fallback, description },
  ];
}

/** Names of the keys a schema knows at a path of a value; none where there is no object. */
export function fieldsAt(schema: z.ZodType, value: unknown, path: Path): string[] {
  let { schema: inner } = unwrap(schema);
  let here = value;
  const choose = (): void => {
    if (!(inner instanceof z.ZodDiscriminatedUnion)) return;
    const { discriminator, options } = inner.def;
    const wanted = (here as Record<string, unknown> | null)?.[discriminator];
    const match = (options as z.ZodObject[]).find((option) => {
      const tag = option.shape[discriminator] as z.ZodType;
      return tag.safeParse(wanted).success;
    });
    if (match) inner = match;
  };
  choose();
  for (const key of path) {
    here = (here as Record<string | number, unknown> | null)?.[key];
    const next =
      inner instanceof z.ZodObject
        ? (inner.shape as Record<string, z.ZodType>)[key]
        : inner instanceof z.ZodArray
          ? (inner.element as z.ZodType)
          : inner instanceof z.ZodRecord
            ? (inner.valueType as z.ZodType)
            : undefined;
    if (!next) return [];
    inner = unwrap(next).schema;
    choose();
  }
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

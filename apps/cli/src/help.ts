import { listFields, type Field } from '@ferry/recipes';
import type { z } from 'zod';

/** Breaks text into lines of at most `width` characters, at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line ? ` ${word}` : word;
  }
  return [...lines, line];
}

function standing(field: Field): string {
  if (field.default === undefined) return 'required';
  return field.default === '' ? 'optional' : `default ${field.default}`;
}

/** What stands above the keys of a recipe. */
export const keysHeading = 'Recipe keys, each of which key.sub=value overrides:';

/** The settings of a schema as help text, under their heading. */
export const recipeHelp = (schema: z.ZodType): string => `${keysHeading}\n${keysHelp(schema)}`;

/**
 * The settings of a schema: key, meaning, what it takes, default.
 *
 * @param schema - A recipe schema.
 * @param options - `width`: characters in a line. `under`: only keys in these sections.
 */
export function keysHelp(
  schema: z.ZodType,
  { width = 110, under }: { width?: number; under?: readonly string[] } = {},
): string {
  const inside = (key: string): boolean =>
    !under || under.some((section) => key === section || key.startsWith(`${section}.`));
  const fields = listFields(schema).filter(({ key }) => inside(key));
  const column = Math.max(...fields.map(({ key }) => key.length)) + 4;
  const lines = fields.flatMap((field) => {
    const text = `${field.description} (${field.type}; ${standing(field)})`;
    return wrap(text, width - column).map(
      (line, i) => (i === 0 ? `  ${field.key}` : '').padEnd(column) + line,
    );
  });
  return lines.join('\n');
}
